// Writing by PUBLISH: who may, with what, and what subscribers see of it.
#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/kv_broker.h"
#include "tests/e2e/reasons.h"

namespace kv::testing {
namespace {

using NameAndValue = Properties::NameAndValue;

constexpr std::array kVersions = {ProtocolVersion::kMqtt31,
                                  ProtocolVersion::kMqtt311,
                                  ProtocolVersion::kMqtt5};

std::string VersionText(ProtocolVersion version) {
  return "MQTT level " + std::to_string(static_cast<int>(version));
}

// RFC 3339, UTC, nanoseconds: 2026-11-22T20:20:03.123456789Z.
bool IsTime(const std::string& text) {
  constexpr std::string_view form = "dddd-dd-ddTdd:dd:dd.dddddddddZ";
  return text.size() == form.size() &&
         std::equal(text.begin(), text.end(), form.begin(), [](char is, char wanted) {
           return wanted == 'd' ? std::isdigit(static_cast<unsigned char>(is)) != 0 : is == wanted;
         });
}

class DataPlane : public KvBrokerTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(StartBroker());
    watcher_.emplace(broker().port());
    ASSERT_TRUE(watcher_->Connect()) << watcher_->error();
    ASSERT_EQ(watcher_->Subscribe("kv/#", 2), 2);
  }

  // Another writer of the version; fails the test if it cannot connect.
  void Connect(MqttClient& writer, ProtocolVersion version) {
    ASSERT_TRUE(writer.Connect({.version = version})) << writer.error();
  }

  // What the watcher got of one write.
  Message Delivered() {
    const auto message = watcher_->WaitMessage();
    EXPECT_TRUE(message) << watcher_->error();
    return message.value_or(Message{});
  }

  std::optional<Message> Retained(const std::string& topic) {
    auto retained = RetainedMessages(broker().port(), topic);
    return retained.contains(topic) ? std::optional(retained.at(topic)) : std::nullopt;
  }

  MqttClient& watcher() { return *watcher_; }

 private:
  std::optional<MqttClient> watcher_;
};

TEST_F(DataPlane, PutsFromEveryVersionAtEveryQosWithAndWithoutTheRetainFlag) {
  Revision revision = 0;
  for (const ProtocolVersion version : kVersions) {
    MqttClient writer(broker().port());
    ASSERT_NO_FATAL_FAILURE(Connect(writer, version));
    for (std::uint8_t qos = 0; qos < 3; ++qos) {
      for (const bool retain : {false, true}) {
        SCOPED_TRACE(VersionText(version) + " QoS " + std::to_string(qos) +
                     (retain ? " retain" : ""));
        const std::string value = "value " + std::to_string(++revision);
        const auto reason = writer.Publish("kv/b/a/key", value, {.qos = qos, .retain = retain});
        ASSERT_TRUE(IsSuccess(reason)) << writer.error();

        const Message live = Delivered();
        EXPECT_EQ(live.topic, "kv/b/a/key");
        EXPECT_EQ(live.payload, value);
        EXPECT_EQ(live.qos, qos);
        EXPECT_EQ(live.Property("kv-op"), "PUT");
        EXPECT_EQ(RevisionOf(live), revision);
        EXPECT_TRUE(IsTime(live.Property("kv-time").value_or("")))
            << live.Property("kv-time").value_or("none");

        const Answer stored = client().Get("b/a/key");
        ASSERT_TRUE(stored.ok()) << stored;
        EXPECT_TRUE(SameEntry(stored.message, live)) << stored;
        const auto retained = Retained("kv/b/a/key");
        ASSERT_TRUE(retained);
        EXPECT_TRUE(SameEntry(*retained, live)) << retained->payload;
      }
    }
  }
  EXPECT_TRUE(watcher().TakeMessages().empty());
}

TEST_F(DataPlane, DeletesByAnEmptyPayloadFromEveryVersionAtEveryQos) {
  Revision revision = 0;
  for (const ProtocolVersion version : kVersions) {
    MqttClient writer(broker().port());
    ASSERT_NO_FATAL_FAILURE(Connect(writer, version));
    for (std::uint8_t qos = 0; qos < 3; ++qos) {
      for (const bool retain : {false, true}) {
        SCOPED_TRACE(VersionText(version) + " QoS " + std::to_string(qos) +
                     (retain ? " retain" : ""));
        ASSERT_TRUE(writer.Publish("kv/b/k", "there", {.qos = qos}));
        ASSERT_TRUE(writer.Publish("kv/b/k", "", {.qos = qos, .retain = retain}));
        EXPECT_EQ(Delivered().payload, "there");
        const Message live = Delivered();
        EXPECT_EQ(live.payload, "");
        EXPECT_EQ(live.Property("kv-op"), "DEL");
        EXPECT_EQ(live.Property("kv-reason"), std::nullopt);
        EXPECT_EQ(RevisionOf(live), revision += 2);

        EXPECT_FALSE(Retained("kv/b/k"));
        const Answer gone = client().Get("b/k");
        EXPECT_EQ(gone.status, "key-not-found");
        EXPECT_EQ(gone.revision, revision);
        EXPECT_NE(gone.error, "");
      }
    }
  }
}

TEST_F(DataPlane, EveryOperationIsReadWithoutRegardToCase) {
  struct Row {
    std::string op;
    std::string delivered;
  };
  const std::vector<Row> rows = {
      {"put", "PUT"},
      {"PUT", "PUT"},
      {"Put", "PUT"},
      {"delete", "DEL"},
      {"DELETE", "DEL"},
      {"del", "DEL"},
      {"DEL", "DEL"},
      {"create", "PUT"},
      {"purge", "PURGE"},
      {"CREATE", "PUT"},
      {"PURGE", "PURGE"},
      {"cReAtE", "PUT"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.op);
    const std::string payload = row.delivered == "PUT" ? row.op : "";
    ASSERT_TRUE(IsSuccess(
        client().Publish("kv/b/k", payload, {.properties = Properties().User("kv-op", row.op)})));
    const Message live = Delivered();
    EXPECT_EQ(live.Property("kv-op"), row.delivered);
    EXPECT_EQ(live.payload, payload);
  }
  const Answer first = client().Get("b/k");
  ASSERT_TRUE(first.ok()) << first;
  for (const std::string op : {"update", "UPDATE"}) {
    const Answer updated = client().Write(
        "b/k",
        op,
        Properties()
            .User("kv-op", op)
            .User("kv-expected-revision", std::to_string(client().Get("b/k").revision)));
    EXPECT_TRUE(updated.ok()) << updated;
    EXPECT_EQ(Delivered().payload, op);
  }
}

TEST_F(DataPlane, WhatAReaderReceivedCanBeWrittenBackAsItIs) {
  ASSERT_TRUE(client().Publish("kv/b/k", "value", {.properties = Properties().User("unit", "K")}));
  ASSERT_TRUE(client().Publish("kv/b/k", ""));
  ASSERT_TRUE(client().Purge("b/k").ok());
  for (const std::string expected : {"PUT", "DEL", "PURGE"}) {
    const Message received = Delivered();
    ASSERT_EQ(received.Property("kv-op"), expected);
    ASSERT_TRUE(
        client().Publish("kv/copy/k", received.payload, {.properties = received.properties}));
  }
  const auto history = client().History("copy");
  ASSERT_EQ(history.size(), 1U) << "the purge dropped what was before";
  EXPECT_EQ(history[0].Property("kv-op"), "PURGE");
  for (const std::string expected : {"PUT", "DEL", "PURGE"}) {
    const Message copied = Delivered();
    EXPECT_EQ(copied.topic, "kv/copy/k");
    EXPECT_EQ(copied.Property("kv-op"), expected);
    EXPECT_EQ(copied.properties.UserValues("kv-revision").size(), 1U);
    EXPECT_EQ(copied.properties.UserValues("kv-time").size(), 1U);
  }
}

TEST_F(DataPlane, SubscribersGetTheWritersPropertiesInOrderAndThenThoseOfTheProtocol) {
  for (std::uint8_t qos = 0; qos < 3; ++qos) {
    // In place where nothing of the protocol is with it, published anew where there is.
    for (const bool with_protocol : {false, true}) {
      SCOPED_TRACE("QoS " + std::to_string(qos) + (with_protocol ? " with kv-op" : ""));
      Properties sent;
      sent.PayloadFormat(1).ContentType("text/plain").User("b", "1").User("a", "2").User("b", "3");
      if (with_protocol) {
        sent.User("kv-op", "put");
      }
      sent.User("", "").User("last", "ü");
      ASSERT_TRUE(client().Publish("kv/b/k", "text", {.qos = qos, .properties = sent}));

      const Message live = Delivered();
      EXPECT_EQ(live.properties.FindNumber(PropertyId::kPayloadFormat), 1U);
      EXPECT_EQ(live.properties.FindText(PropertyId::kContentType), "text/plain");
      const std::vector<NameAndValue> users = live.properties.Users();
      const std::vector<NameAndValue> expected = {
          {"b", "1"},
          {"a", "2"},
          {"b", "3"},
          {"", ""},
          {"last", "ü"},
          {"kv-op", "PUT"},
          {"kv-revision", live.Property("kv-revision").value_or("")},
          {"kv-time", live.Property("kv-time").value_or("")}};
      EXPECT_EQ(users, expected);
      EXPECT_EQ(live.properties.items().size(), expected.size() + 2);

      const auto retained = Retained("kv/b/k");
      ASSERT_TRUE(retained);
      EXPECT_EQ(retained->properties, live.properties);
      const Answer stored = client().Get("b/k");
      EXPECT_TRUE(SameEntry(stored.message, live)) << stored;
    }
  }
}

TEST_F(DataPlane, RequestPropertiesAreNotPassedOn) {
  for (std::uint8_t qos = 0; qos < 3; ++qos) {
    SCOPED_TRACE("QoS " + std::to_string(qos));
    const auto reply_properties =
        Properties().ResponseTopic("answers").CorrelationData("id").User("own", "x");
    ASSERT_TRUE(client().Publish("kv/b/k", "v", {.qos = qos, .properties = reply_properties}));
    ASSERT_TRUE(client().WaitMessage()) << "the reply";
    const Message live = Delivered();
    EXPECT_EQ(live.properties.FindText(PropertyId::kResponseTopic), std::nullopt);
    EXPECT_EQ(live.properties.FindText(PropertyId::kCorrelationData), std::nullopt);
    EXPECT_EQ(live.Property("own"), "x");

    // Correlation Data alone is a request property, too.
    ASSERT_TRUE(client().Publish(
        "kv/b/k", "v", {.qos = qos, .properties = Properties().CorrelationData("id")}));
    EXPECT_EQ(Delivered().properties.FindText(PropertyId::kCorrelationData), std::nullopt);
    EXPECT_EQ(Retained("kv/b/k")->properties.items().size(), 3U);
  }
}

TEST_F(DataPlane, ForgedPropertiesNeverGetThrough) {
  for (std::uint8_t qos = 0; qos < 3; ++qos) {
    SCOPED_TRACE("QoS " + std::to_string(qos));
    const auto forged = Properties()
                            .User("kv-revision", "999")
                            .User("kv-revision", "1000")
                            .User("kv-time", "yesterday")
                            .User("kv-reason", "expired")
                            .User("kv-key", "other")
                            .User("kv-status", "ok")
                            .User("kv-client", "root")
                            .User("kv-whatever", "1")
                            .User("kv-", "")
                            .User("own", "kv-op");
    ASSERT_TRUE(IsSuccess(client().Publish("kv/b/k", "v", {.qos = qos, .properties = forged})));
    const Message live = Delivered();
    EXPECT_EQ(RevisionOf(live), qos + 1U);
    const auto users = live.properties.Users();
    ASSERT_EQ(users.size(), 4U);
    EXPECT_EQ(users[0], NameAndValue("own", "kv-op"));
    EXPECT_EQ(users[1], NameAndValue("kv-op", "PUT"));
    EXPECT_EQ(users[2].first, "kv-revision");
    EXPECT_EQ(users[3].first, "kv-time");
    EXPECT_TRUE(SameEntry(client().Get("b/k").message, live));
  }
}

TEST_F(DataPlane, RevisionsCountEveryAcceptedOperationOfTheBucketAndNoOther) {
  EXPECT_EQ(client().Put("one/a", "1").revision, 1U);
  EXPECT_EQ(client().Put("one/b", "1").revision, 2U);
  EXPECT_EQ(client().Put("two/a", "1").revision, 1U) << "each bucket counts for itself";
  EXPECT_EQ(client().Delete("one/a").revision, 3U);
  EXPECT_FALSE(client().Update("one/b", "x", 77).ok());
  EXPECT_FALSE(client().Put("one/b", "x", Properties().User("kv-ttl", "soon")).ok());
  EXPECT_EQ(client().Purge("one/b").revision, 4U);
  EXPECT_EQ(client().Put("one/b", "2").revision, 5U);
}

}  // namespace
}  // namespace kv::testing
