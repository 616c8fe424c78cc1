// Malformed and hostile messages: each gets its code, nobody is disconnected, the broker lives.
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/kv_broker.h"
#include "tests/e2e/reasons.h"

namespace kv::testing {
namespace {

constexpr std::size_t kMaxText = 65'535;  // of a string in MQTT

// Levels that are written "l/l/l".
std::string Levels(std::size_t count) {
  std::string text = "l";
  for (std::size_t i = 1; i < count; ++i) {
    text += "/l";
  }
  return text;
}

class Hostile : public KvBrokerTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(StartBroker());
    for (std::size_t i = 0; i < 3; ++i) {
      older_.emplace_back(std::make_unique<MqttClient>(broker().port()));
    }
    ASSERT_TRUE(older().Connect({.version = ProtocolVersion::kMqtt311})) << older().error();
    ASSERT_TRUE(watcher().Connect()) << watcher().error();
    ASSERT_EQ(watcher().Subscribe("kv/#", 2), 2);
  }

  void TearDown() override {
    if (HasFatalFailure()) {
      return;  // there may be nothing to look at
    }
    EXPECT_TRUE(broker().process().IsRunning());
    EXPECT_TRUE(client().Put("alive/k", "v").ok()) << "the same connection";
    EXPECT_TRUE(older().Ping()) << "the same connection";
    EXPECT_TRUE(watcher().Ping());
    EXPECT_EQ(broker().process().Log().find("kv: a message was refused"), std::string::npos)
        << "an exception";
  }

  void SendUserProperties(std::size_t count, std::chrono::steady_clock::duration& time);

  // By the reply, by the acknowledgement of v5, and without a word to an older client.
  void ExpectWriteRefused(const std::string& topic,
                          const std::string& code,
                          const Properties& properties = {}) {
    SCOPED_TRACE(topic.substr(0, 60));
    const Answer answer = ToAnswer(client().Request(topic, "v", properties));
    EXPECT_EQ(answer.status, code) << client().error();
    EXPECT_NE(answer.error, "");
    for (std::uint8_t qos = 1; qos < 3; ++qos) {
      EXPECT_EQ(client().Publish(topic, "v", {.qos = qos, .properties = properties}), kRefused);
    }
    EXPECT_EQ(client().Publish(topic, "v", {.qos = 0, .properties = properties}), 0);
    EXPECT_TRUE(client().Ping()) << client().error();
    if (properties.empty()) {
      for (std::uint8_t qos = 0; qos < 3; ++qos) {
        EXPECT_EQ(older().Publish(topic, "v", {.qos = qos}), 0) << older().error();
      }
      EXPECT_TRUE(older().Ping()) << older().error();
    }
    EXPECT_TRUE(watcher().TakeMessages().empty());
  }

  MqttClient& older() { return *older_[0]; }
  MqttClient& watcher() { return *older_[1]; }
  MqttClient& other() { return *older_[2]; }

 private:
  std::vector<std::unique_ptr<MqttClient>> older_;
};

TEST_F(Hostile, BadBucketNames) {
  for (const std::string& bucket : {std::string(),
                                    std::string(65, 'b'),
                                    std::string(60'000, 'b'),
                                    std::string("a b"),
                                    std::string("a.b"),
                                    std::string("ü"),
                                    std::string("$b"),
                                    std::string("b\\")}) {
    ExpectWriteRefused("kv/" + bucket + "/k", "invalid-bucket");
  }
  ExpectWriteRefused("kv/", "invalid-bucket");
  EXPECT_TRUE(client().Put(std::string(64, 'b') + "/k", "v").ok());
  EXPECT_TRUE(client().Put("A-_9/k", "v").ok());
}

TEST_F(Hostile, BadKeys) {
  for (const std::string& key : {std::string(),
                                 std::string("/"),
                                 std::string("/x"),
                                 std::string("x/"),
                                 std::string("//x"),
                                 std::string("x//y"),
                                 std::string(1025, 'k'),
                                 std::string(60'000, 'k'),
                                 std::string(150, '/'),
                                 Levels(180) + "/"}) {
    ExpectWriteRefused("kv/b/" + key, "invalid-key");
  }
  ExpectWriteRefused("kv/b", "invalid-key");
  for (const std::string& key : {std::string(1024, 'k'),
                                 Levels(100),
                                 std::string("$x"),
                                 std::string(" "),
                                 std::string("."),
                                 std::string("..")}) {
    SCOPED_TRACE(key.substr(0, 20));
    EXPECT_TRUE(client().Put("b/" + key, "v").ok());
    EXPECT_EQ(client().Get("b/" + key).value, "v");
  }
}

TEST_F(Hostile, ATopicOfTwoHundredLevelsIsTheBrokersToRefuse) {
  // Beyond 200 levels 2.0 ends the connection before any plugin sees the message.
  MqttClient writer(broker().port());
  ASSERT_TRUE(writer.Connect()) << writer.error();
  ASSERT_TRUE(writer.PublishAsync("kv/b/" + Levels(300), "v"));
  EXPECT_TRUE(writer.WaitDisconnected());
}

TEST_F(Hostile, ThePlainPrefixAndItsLookAlikesAreNotOurs) {
  for (const std::string topic : {"kv", "$KV", "$kv/b/k", "$KVX/b/get/k", "/kv/b/k", "kV/b/k"}) {
    SCOPED_TRACE(topic);
    const auto properties = Properties().ResponseTopic("r").User("kv-op", "?");
    for (std::uint8_t qos = 0; qos < 3; ++qos) {
      EXPECT_TRUE(IsSuccess(client().Publish(topic, "v", {.qos = qos, .properties = properties})));
      EXPECT_TRUE(IsSuccess(older().Publish(topic, "v", {.qos = qos})));
    }
    EXPECT_TRUE(client().TakeMessages().empty()) << "nobody answers";
  }
}

TEST_F(Hostile, BadResponseTopics) {
  for (const std::string topic : {"", "a/+", "#"}) {
    SCOPED_TRACE(topic);
    const auto properties = Properties().ResponseTopic(topic);
    for (std::uint8_t qos = 1; qos < 3; ++qos) {
      EXPECT_EQ(client().Publish("kv/b/k", "v", {.qos = qos, .properties = properties}), kRefused);
    }
    EXPECT_TRUE(IsSuccess(client().Publish("$KV/b/info", "", {.properties = properties})));
  }
  EXPECT_TRUE(client().TakeMessages().empty());
  EXPECT_TRUE(watcher().TakeMessages().empty());
}

TEST_F(Hostile, PropertyValuesOfSixtyFourKibibytes) {
  const std::string huge(kMaxText, 'x');
  for (const std::string name :
       {"kv-op", "kv-expected-revision", "kv-ttl", "kv-ephemeral", "kv-msg-id"}) {
    SCOPED_TRACE(name);
    ExpectWriteRefused("kv/b/k", "bad-request", Properties().User(name, huge));
  }
  const std::string digits(kMaxText - 1, '9');
  ExpectWriteRefused("kv/b/k", "bad-request", Properties().User("kv-expected-revision", digits));
  ExpectWriteRefused("kv/b/k", "bad-request", Properties().User("kv-ttl", digits + "d"));
  const auto own = Properties()
                       .User("kv-" + huge.substr(3), huge)
                       .User(huge, huge)
                       .User("u", huge)
                       .ContentType(huge)
                       .CorrelationData(huge);
  ASSERT_TRUE(IsSuccess(client().Publish("kv/b/k", "v", {.properties = own})));
  const auto live = watcher().WaitMessage();
  ASSERT_TRUE(live) << watcher().error();
  EXPECT_EQ(live->Property(huge), huge);
  EXPECT_EQ(live->Property("u"), huge);
  EXPECT_EQ(live->properties.FindText(PropertyId::kContentType), huge);
  EXPECT_EQ(live->properties.Users().size(), 5U);
  EXPECT_TRUE(SameEntry(client().Get("b/k").message, *live));
  const auto replies = client().Request("$KV/b/get/k", {}, {}, huge);
  ASSERT_EQ(replies.size(), 1U) << "a response topic of that length";
  EXPECT_EQ(replies[0].payload, "v");
}

// How long they take, every way through the plugin.
void Hostile::SendUserProperties(std::size_t count, std::chrono::steady_clock::duration& time) {
  Properties many;
  for (std::size_t i = 0; i < count; ++i) {
    many.User("", "");
  }
  const auto began = std::chrono::steady_clock::now();
  ASSERT_TRUE(IsSuccess(client().Publish("kv/b/k", "in place", {.properties = many})));
  ASSERT_TRUE(client().Write("b/k", "anew", many).ok());
  for (const std::string value : {"in place", "anew"}) {
    const auto live = watcher().WaitMessage();
    ASSERT_TRUE(live) << watcher().error();
    EXPECT_EQ(live->payload, value);
    EXPECT_EQ(live->properties.Users().size(), count + 3);
  }
  const Answer got = client().Get("b/k");
  EXPECT_EQ(got.value, "anew");
  EXPECT_EQ(got.message.properties.Users().size(), count + 5);
  EXPECT_TRUE(other().Ping());
  time = std::chrono::steady_clock::now() - began;
}

TEST_F(Hostile, HundredsOfThousandsOfUserPropertiesHoldNobodyUp) {
  ASSERT_TRUE(other().Connect()) << other().error();
  std::chrono::steady_clock::duration few{};
  std::chrono::steady_clock::duration many{};
  ASSERT_NO_FATAL_FAILURE(SendUserProperties(30'000, few));
  ASSERT_NO_FATAL_FAILURE(SendUserProperties(300'000, many));
  // Linear in their number: ten times as long, on a slow machine, too. Quadratic: a hundred times,
  // and minutes on any machine.
  EXPECT_LT(many, std::chrono::seconds(10) + 30 * few);
}

TEST_F(Hostile, ThousandsOfPropertiesOfTheProtocol) {
  Properties many;
  for (std::size_t i = 0; i < 20'000; ++i) {
    many.User("kv-unknown-" + std::to_string(i), "x");
  }
  ASSERT_TRUE(client().Write("b/k", "v", many).ok());
  EXPECT_EQ(watcher().WaitMessage()->properties.Users().size(), 3U);
  Properties repeated;
  for (std::size_t i = 0; i < 20'000; ++i) {
    repeated.User("kv-op", "put");
  }
  ExpectWriteRefused("kv/b/k", "bad-request", repeated);
}

TEST_F(Hostile, NumbersAtTheirEnds) {
  ASSERT_TRUE(client().Put("b/k", "v").ok());
  for (const std::string number : {"18446744073709551615", "9223372036854775808"}) {
    EXPECT_EQ(client().Write("b/k", "x", Properties().User("kv-expected-revision", number)).status,
              "wrong-last-revision");
    EXPECT_EQ(client().Get("b/k", Properties().User("kv-revision", number)).status,
              "key-not-found");
    const auto page =
        client().Request("$KV/b/history", {}, Properties().User("kv-from-revision", number));
    ASSERT_EQ(page.size(), 1U);
    EXPECT_EQ(page[0].Property("kv-status"), "end");
  }
  EXPECT_TRUE(client().Put("b/far", "v", Properties().User("kv-ttl", "36500d")).ok());
  watcher().TakeMessages();
  ExpectWriteRefused("kv/b/k", "bad-request", Properties().User("kv-ttl", "9223372036854775807"));
  ExpectWriteRefused("kv/b/k", "bad-request", Properties().User("kv-ttl", "18446744073710h"));
}

}  // namespace
}  // namespace kv::testing
