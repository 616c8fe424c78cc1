// Values of every kind and size, and what goes by untouched.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/kv_broker.h"
#include "tests/e2e/reasons.h"

namespace kv::testing {
namespace {

std::string EveryByte() {
  std::string bytes;
  for (int i = 0; i < 512; ++i) {
    bytes.push_back(static_cast<char>(i));
  }
  return bytes;
}

// Different at every place, so that a shift shows.
std::string BytesOfLength(std::size_t length) {
  std::string bytes(length, '\0');
  std::uint32_t state = 12345;
  for (char& byte : bytes) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<char>(state >> 24);
  }
  return bytes;
}

class Value : public KvBrokerTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(StartBroker());
    watcher_.emplace(broker().port());
    ASSERT_TRUE(watcher_->Connect()) << watcher_->error();
    ASSERT_EQ(watcher_->Subscribe("#", 2), 2);
  }

  Message Delivered() {
    const auto message = watcher_->WaitMessage();
    EXPECT_TRUE(message) << watcher_->error();
    return message.value_or(Message{});
  }

  MqttClient& watcher() { return *watcher_; }

 private:
  std::optional<MqttClient> watcher_;
};

TEST_F(Value, OfAnyBytesComesBackAsItWas) {
  for (const std::string& value : {EveryByte(), std::string(1, '\0'), std::string("\0x\0", 3)}) {
    for (std::uint8_t qos = 0; qos < 3; ++qos) {
      ASSERT_TRUE(IsSuccess(client().Publish("kv/b/k", value, {.qos = qos})));
      EXPECT_TRUE(Delivered().payload == value) << "live";
      EXPECT_TRUE(client().Get("b/k").value == value) << "get";
      EXPECT_TRUE(RetainedMessages(broker().port(), "kv/b/k")["kv/b/k"].payload == value);
    }
  }
}

TEST_F(Value, OfManyMebibytesComesBackAsItWas) {
  for (const std::size_t mebibytes : {1U, 7U, 32U}) {
    SCOPED_TRACE(mebibytes);
    const std::string value = BytesOfLength((mebibytes << 20) + 1);
    for (std::uint8_t qos = 1; qos < 3; ++qos) {
      ASSERT_TRUE(IsSuccess(client().Publish("kv/b/k", value, {.qos = qos}))) << client().error();
      EXPECT_TRUE(Delivered().payload == value) << "live, QoS " << int{qos};
    }
    const Answer stored = client().Get("b/k");
    ASSERT_TRUE(stored.ok()) << stored.status << stored.error;
    EXPECT_TRUE(stored.value == value) << "get";
    EXPECT_TRUE(RetainedMessages(broker().port(), "kv/b/k")["kv/b/k"].payload == value);
  }
  const auto history = client().History("b");
  ASSERT_EQ(history.size(), 1U);
  EXPECT_EQ(history[0].payload.size(), (std::size_t{32} << 20) + 1);
}

TEST_F(Value, OfManyMebibytesSurvivesARestart) {
  const std::string value = BytesOfLength(std::size_t{20} << 20);
  ASSERT_TRUE(IsSuccess(client().Publish("kv/b/k", value)));
  const auto started = broker().KillAndStart();
  ASSERT_TRUE(started) << started.log;
  ASSERT_NO_FATAL_FAILURE(Reconnect());
  EXPECT_TRUE(client().Get("b/k").value == value);
  EXPECT_TRUE(RetainedMessages(broker().port(), "kv/b/k")["kv/b/k"].payload == value);
}

TEST_F(Value, ThatIsEmptyIsAValueWithoutARetainedMessage) {
  Revision revision = 0;
  for (const std::string op : {"put", "update", "create"}) {
    SCOPED_TRACE(op);
    if (op == "create") {
      ASSERT_EQ(client().Delete("b/k").revision, ++revision);
      EXPECT_EQ(Delivered().Property("kv-op"), "DEL");
    } else {
      ASSERT_EQ(client().Put("b/k", "something").revision, ++revision);
      EXPECT_EQ(Delivered().payload, "something");
      ASSERT_EQ(RetainedMessages(broker().port(), "kv/b/k").size(), 1U);
    }
    Properties properties;
    properties.User("kv-op", op).ContentType("text/none").User("own", "x");
    if (op == "update") {
      properties.User("kv-expected-revision", std::to_string(revision));
    }
    ASSERT_EQ(client().Write("b/k", "", properties).revision, ++revision);
    const Message live = Delivered();
    EXPECT_EQ(live.payload, "");
    EXPECT_EQ(live.Property("kv-op"), "PUT");
    EXPECT_EQ(RevisionOf(live), revision);
    EXPECT_TRUE(RetainedMessages(broker().port(), "kv/b/k").empty());
    const Answer stored = client().Get("b/k");
    ASSERT_TRUE(stored.ok()) << stored;
    EXPECT_TRUE(SameEntry(stored.message, live)) << stored;
  }
  EXPECT_EQ(client().Keys("b"), std::vector<std::string>{"k"});
}

TEST_F(Value, OfADeleteOrPurgeIsDropped) {
  for (const std::string op : {"delete", "purge"}) {
    SCOPED_TRACE(op);
    ASSERT_TRUE(client().Put("b/k", "v").ok());
    EXPECT_EQ(Delivered().payload, "v");
    ASSERT_TRUE(client().Write("b/k", "a payload", Properties().User("kv-op", op)).ok());
    EXPECT_EQ(Delivered().payload, "");
    EXPECT_TRUE(RetainedMessages(broker().port(), "kv/b/k").empty());
    const auto history = client().History("b/k");
    ASSERT_EQ(history.size(), 1U);
    EXPECT_EQ(history[0].payload, "");
  }
}

TEST_F(Value, OutlivesTheMessageExpiryIntervalOfItsMessage) {
  ASSERT_TRUE(client().Publish("kv/b/k", "v", {.properties = Properties().MessageExpiry(2)}));
  ASSERT_EQ(Delivered().payload, "v");
  ASSERT_EQ(RetainedMessages(broker().port(), "kv/b/k").size(), 1U);
  // Only the broker's retained copy goes by it.
  EXPECT_TRUE(Eventually([&] { return RetainedMessages(broker().port(), "kv/b/k").empty(); }));
  EXPECT_EQ(client().Get("b/k").value, "v");
}

TEST_F(Value, CanBeWrittenThroughATopicAlias) {
  const auto aliased = Properties().TopicAlias(3);
  ASSERT_TRUE(IsSuccess(client().Publish("kv/b/aliased", "1", {.properties = aliased})));
  // A refused and a swallowed one in between: the broker's own copy of the topic must stay whole.
  ASSERT_EQ(
      client().Publish("", "x", {.properties = Properties().TopicAlias(3).User("kv-op", "?")}),
      kRefused);
  ASSERT_TRUE(IsSuccess(
      client().Publish("", "2", {.properties = Properties().TopicAlias(3).User("kv-op", "put")})));
  ASSERT_TRUE(IsSuccess(client().Publish("", "3", {.qos = 2, .properties = aliased})));
  ASSERT_TRUE(IsSuccess(client().Publish("", "4", {.qos = 0, .properties = aliased})));
  for (const std::string expected : {"1", "2", "3", "4"}) {
    const Message live = Delivered();
    EXPECT_EQ(live.topic, "kv/b/aliased");
    EXPECT_EQ(live.payload, expected);
  }
  EXPECT_EQ(client().Get("b/aliased").value, "4");
}

TEST_F(Value, PublishedElsewhereGoesByToTheByte) {
  Properties all;
  all.PayloadFormat(0)
      .ContentType("application/x")
      .ResponseTopic("answers")
      .CorrelationData(std::string("\0c", 2))
      .User("kv-op", "purge")
      .User("kv-op", "put")
      .User("kv-revision", "7")
      .User("z", "1")
      .User("", "");
  const std::vector<std::string> topics = {
      "kv", "kvx", "kvx/b/k", "KV/b/k", "a/kv/b/k", "/kv/b/k", "k", "KV/b/get/k"};
  for (const std::string& topic : topics) {
    for (std::uint8_t qos = 0; qos < 3; ++qos) {
      for (const bool retain : {false, true}) {
        SCOPED_TRACE(topic + " QoS " + std::to_string(qos) + (retain ? " retain" : ""));
        const std::string value = retain ? EveryByte() : std::string();
        ASSERT_EQ(client().Publish(topic, value, {.qos = qos, .retain = retain, .properties = all}),
                  0);
        const Message live = Delivered();
        EXPECT_EQ(live.topic, topic);
        EXPECT_TRUE(live.payload == value);
        EXPECT_EQ(live.qos, qos);
        EXPECT_EQ(live.properties, all);
      }
    }
    EXPECT_EQ(RetainedMessages(broker().port(), topic)[topic].properties, all);
  }
  EXPECT_TRUE(client().TakeMessages().empty()) << "and nobody answers";
  EXPECT_EQ(ToAnswer(client().Request("$KV/buckets")).value, "[]");
}

}  // namespace
}  // namespace kv::testing
