// Buckets with `capture`: they keep what devices publish elsewhere, and nobody else notices.
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/request_clients.h"

namespace kv::testing {
namespace {

using Texts = std::vector<std::string>;

Properties EverythingThatAWriterMaySay() {
  return Properties()
      .PayloadFormat(0)
      .MessageExpiry(3600)
      .ContentType("application/octet-stream")
      .ResponseTopic("device/answers")
      .CorrelationData(std::string("\0\xFFid", 4))
      .User("z", "1")
      .User("kv-op", "purge")
      .User("kv-ttl", "nonsense")
      .User("kv-revision", "77")
      .User("a", "ä")
      .User("z", "1");
}

// All in the same order, but for the seconds that an expiry has left.
bool SameProperties(const Properties& one, const Properties& other) {
  const auto same = [](const PropertyItem& left, const PropertyItem& right) {
    return left == right || (left.id == PropertyId::kMessageExpiry && left.id == right.id);
  };
  return std::equal(
      one.items().begin(), one.items().end(), other.items().begin(), other.items().end(), same);
}

class Capture : public RequestTest {
 protected:
  void Start(const NamesAndValues& buckets) {
    ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = buckets}));
  }

  // Receives with the retain flag as it was published.
  std::unique_ptr<MqttClient> Listen(const std::string& filter) {
    auto listener = std::make_unique<MqttClient>(broker().port());
    EXPECT_TRUE(listener->Connect()) << listener->error();
    EXPECT_EQ(listener->Subscribe({.filter = filter, .qos = 2, .retain_as_published = true}), 2);
    return listener;
  }

  void Publish(const std::string& topic, const std::string& payload) {
    ASSERT_TRUE(IsSuccess(client().Publish(topic, payload))) << client().error();
  }
};

TEST_F(Capture, MessagesPassUnchangedToTheByte) {
  // Every message is sent twice: to a topic that is captured and to one that is not.
  ASSERT_NO_FATAL_FAILURE(Start({{"bucket_z", "capture=captured/# history=64"}}));
  const auto listener = Listen("+/device");
  const auto properties = EverythingThatAWriterMaySay();
  const Texts payloads = {
      "on", std::string("\0\xFF\x80 binary", 10), "", std::string(200'000, 'x')};
  for (const std::string& payload : payloads) {
    for (const bool retain : {false, true}) {
      for (std::uint8_t qos = 0; qos <= 2; ++qos) {
        SCOPED_TRACE(payload.substr(0, 10) + (retain ? " retain" : "") + " qos " +
                     std::to_string(qos));
        const PublishOptions options{.qos = qos, .retain = retain, .properties = properties};
        const auto plain = client().Publish("plain/device", payload, options);
        EXPECT_EQ(client().Publish("captured/device", payload, options), plain);
        const auto received = listener->WaitMessages(2);
        ASSERT_EQ(received.size(), 2U) << listener->error();
        EXPECT_EQ(received[0].topic, "plain/device");
        EXPECT_EQ(received[1].topic, "captured/device");
        EXPECT_EQ(received[1].payload, payload);
        EXPECT_EQ(received[1].qos, qos);
        EXPECT_EQ(received[1].retain, retain);
        EXPECT_EQ(received[1].properties.Users(), properties.Users());
        EXPECT_TRUE(SameProperties(received[1].properties, received[0].properties));
      }
    }
  }
  EXPECT_TRUE(listener->TakeMessages().empty()) << "each of them once";
  // The last one is retained where the device put it, and in the bucket.
  const auto retained = RetainedMessages(broker().port(), "#");
  EXPECT_EQ(retained.size(), 3U);
  EXPECT_EQ(retained.at("captured/device").payload, payloads.back());
  EXPECT_TRUE(SameProperties(retained.at("captured/device").properties,
                             retained.at("plain/device").properties));
  EXPECT_EQ(retained.at("kv/z/captured/device").payload, payloads.back());
}

TEST_F(Capture, MessagesOfTheOtherVersionsAreKeptToo) {
  ASSERT_NO_FATAL_FAILURE(Start({{"bucket_z", "capture=device/# history=9"}}));
  const auto listener = Listen("device/#");
  MqttClient device(broker().port());
  Revision revision = 0;
  for (const auto version : {ProtocolVersion::kMqtt31, ProtocolVersion::kMqtt311}) {
    ASSERT_TRUE(device.Connect({.version = version})) << device.error();
    for (std::uint8_t qos = 0; qos <= 2; ++qos) {
      const std::string value = std::to_string(++revision);
      ASSERT_TRUE(IsSuccess(device.Publish("device/1", value, {.qos = qos})));
      const auto passed = listener->WaitMessage();
      ASSERT_TRUE(passed) << listener->error();
      EXPECT_EQ(passed->payload, value);
      EXPECT_EQ(passed->qos, qos);
      EXPECT_TRUE(passed->properties.empty());
      const Answer kept = client().Get("z/device/1");
      EXPECT_EQ(kept.value, value);
      EXPECT_EQ(kept.revision, revision);
    }
  }
}

TEST_F(Capture, ValuesAreKeptWithHistoryUnderTheWholeTopic) {
  ASSERT_NO_FATAL_FAILURE(Start({{"bucket_z", "capture=zigbee2mqtt/# history=2"}}));
  for (const std::string value : {"1", "2", "3"}) {
    ASSERT_NO_FATAL_FAILURE(Publish("zigbee2mqtt/hall/lamp", value));
  }
  ASSERT_TRUE(client().Publish("zigbee2mqtt",
                               "root",
                               {.properties = Properties()
                                                  .ContentType("text/x")
                                                  .PayloadFormat(1)
                                                  .User("a", "1")
                                                  .User("kv-op", "delete")
                                                  .User("b", "2")}));
  ASSERT_NO_FATAL_FAILURE(Publish("zigbee2mqttx/lamp", "another topic"));
  EXPECT_EQ(client().Keys("z"), (Texts{"zigbee2mqtt", "zigbee2mqtt/hall/lamp"}));
  Texts history;
  for (const Message& entry : client().History("z/zigbee2mqtt/hall")) {
    history.push_back(entry.payload + "@" + entry.Property("kv-revision").value_or("?"));
  }
  EXPECT_EQ(history, (Texts{"2@2", "3@3"}));
  const Answer root = client().Get("z/zigbee2mqtt");
  EXPECT_EQ(root.value, "root");
  EXPECT_EQ(root.message.properties.FindText(PropertyId::kContentType), "text/x");
  EXPECT_EQ(root.message.properties.FindNumber(PropertyId::kPayloadFormat), 1U);
  EXPECT_EQ(root.message.properties.Users()[0], (Properties::NameAndValue{"a", "1"}));
  EXPECT_EQ(root.message.properties.Users()[1], (Properties::NameAndValue{"b", "2"}));
  EXPECT_EQ(root.message.properties.UserValues("kv-op"), Texts{"PUT"});
  ASSERT_NO_FATAL_FAILURE(RestartBroker(true));
  EXPECT_EQ(client().Get("z/zigbee2mqtt/hall/lamp").value, "3");
  ASSERT_NO_FATAL_FAILURE(ExpectRetainedEqualsStore(broker().port(), "z"));
}

TEST_F(Capture, AWatcherOfTheBucketSeesEveryChange) {
  ASSERT_NO_FATAL_FAILURE(Start({{"bucket_z", "capture=device/#"}}));
  ASSERT_NO_FATAL_FAILURE(Publish("device/1", "first"));
  const auto watcher = Listen("kv/z/#");
  ASSERT_TRUE(IsSuccess(client().Publish("device/1", "second", {.qos = 2, .retain = true})));
  ASSERT_TRUE(client().Publish("device/2", "third", {.qos = 0}));
  ASSERT_NO_FATAL_FAILURE(Publish("device/1", ""));
  ASSERT_TRUE(client().Put("z/own", "written there").ok());
  // A message of QoS 0 may overtake the others.
  std::map<Revision, std::string> changes;
  for (const Message& change : watcher->WaitMessages(5)) {
    changes[RevisionOf(change)] = ChangeText(change) + " qos " + std::to_string(change.qos);
  }
  EXPECT_EQ(changes,
            (std::map<Revision, std::string>{{1, "device/1@1 PUT first qos 1"},
                                             {2, "device/1@2 PUT second qos 2"},
                                             {3, "device/2@3 PUT third qos 0"},
                                             {4, "device/1@4 DEL qos 1"},
                                             {5, "own@5 PUT written there qos 1"}}));
  ASSERT_NO_FATAL_FAILURE(ExpectRetainedEqualsStore(broker().port(), "z"));
}

TEST_F(Capture, AnEmptyPayloadDeletesTheKey) {
  ASSERT_NO_FATAL_FAILURE(Start({{"bucket_z", "capture=device/# history=3"}}));
  ASSERT_TRUE(client().Publish("device/1", "on", {.retain = true}));
  ASSERT_TRUE(client().Publish("device/1", "", {.retain = true}));
  EXPECT_EQ(client().Get("z/device/1").status, "key-not-found");
  EXPECT_EQ(client().Get("z/device/1").revision, 2U);
  EXPECT_EQ(client().History("z").size(), 2U);
  EXPECT_TRUE(RetainedMessages(broker().port(), "#").empty());
  ASSERT_NO_FATAL_FAILURE(Publish("device/never", ""));
  EXPECT_EQ(client().Info("z")["last_revision"], 2) << "nothing to delete";
}

TEST_F(Capture, EveryBucketWhoseFilterMatchesKeepsTheMessage) {
  ASSERT_NO_FATAL_FAILURE(Start({{"bucket_all", "capture=#"},
                                 {"bucket_some", "capture=+/1/state"},
                                 {"bucket_one", "capture=d/1/state"},
                                 {"bucket_none", "capture=d/+"}}));
  const auto listener = Listen("d/#");
  ASSERT_NO_FATAL_FAILURE(Publish("d/1/state", "on"));
  ASSERT_NO_FATAL_FAILURE(Publish("d/2/state", "off"));
  ASSERT_TRUE(client().Put("other/k", "of the data plane").ok());
  ASSERT_TRUE(Ask("other/put/k", "by a request").ok());
  EXPECT_EQ(listener->TakeMessages().size(), 2U);
  EXPECT_EQ(client().Keys("all"), (Texts{"d/1/state", "d/2/state"}))
      << "what is in buckets already is captured by none";
  EXPECT_EQ(client().Keys("some"), Texts{"d/1/state"});
  EXPECT_EQ(client().Keys("one"), Texts{"d/1/state"});
  EXPECT_EQ(client().Keys("none"), Texts{});
  for (const std::string bucket : {"all", "some", "one"}) {
    EXPECT_EQ(client().Get(bucket + "/d/1/state").value, "on") << bucket;
    EXPECT_EQ(client().Get(bucket + "/d/1/state").revision, 1U) << "revisions of its own";
    ASSERT_NO_FATAL_FAILURE(ExpectRetainedEqualsStore(broker().port(), bucket));
  }
}

TEST_F(Capture, WhatIsNoKeyAndWhatALimitRefusesPassesAllTheSame) {
  ASSERT_NO_FATAL_FAILURE(
      Start({{"bucket_z", "capture=# max_value_size=3 max_keys=1"}, {"bucket_y", "capture=/#"}}));
  const auto listener = Listen("#");
  const Texts topics = {"/leading", "a//b", "trailing/", std::string(1025, 'k'), "a", "second"};
  for (const std::string& topic : topics) {
    EXPECT_TRUE(IsSuccess(client().Publish(topic, "yes"))) << topic;
    const auto passed =
        listener->WaitMessage([&](const Message& message) { return message.topic == topic; });
    ASSERT_TRUE(passed) << topic;
    EXPECT_EQ(passed->payload, "yes");
  }
  EXPECT_TRUE(IsSuccess(client().Publish("a", "too long")));
  EXPECT_TRUE(listener->WaitMessage([](const Message& message) {
    return message.topic == "a" && message.payload == "too long";
  }));
  EXPECT_EQ(client().Keys("z"), Texts{"a"});
  EXPECT_EQ(client().Get("z/a").value, "yes");
  EXPECT_EQ(client().Keys("y"), Texts{});
  EXPECT_TRUE(broker().process().WaitForLog("could not capture second"));
}

TEST_F(Capture, ATopicWithADollarNeedsAFilterWithADollar) {
  ASSERT_NO_FATAL_FAILURE(Start({{"bucket_all", "capture=#"}, {"bucket_own", "capture=$own/#"}}));
  ASSERT_NO_FATAL_FAILURE(Publish("$own/1", "v"));
  EXPECT_EQ(client().Keys("all"), Texts{});
  EXPECT_EQ(client().Keys("own"), Texts{"$own/1"});
}

TEST_F(Capture, BeginsAndEndsWithTheBucketsConfiguration) {
  ASSERT_NO_FATAL_FAILURE(Start({}));
  ASSERT_NO_FATAL_FAILURE(Publish("device/1", "before"));
  ASSERT_TRUE(Ask("z/admin/create", R"({"capture": "device/#"})").ok());
  EXPECT_EQ(client().Keys("z"), Texts{});
  ASSERT_NO_FATAL_FAILURE(Publish("device/1", "while"));
  ASSERT_NO_FATAL_FAILURE(RestartBroker(false));
  ASSERT_NO_FATAL_FAILURE(Publish("device/2", "while"));
  ASSERT_TRUE(Ask("z/admin/update", R"({"capture": null})").ok());
  ASSERT_NO_FATAL_FAILURE(Publish("device/1", "after"));
  EXPECT_EQ(client().Keys("z"), (Texts{"device/1", "device/2"}));
  EXPECT_EQ(client().Get("z/device/1").value, "while");
  ASSERT_TRUE(Ask("z/admin/update", R"({"capture": "other/+"})").ok());
  ASSERT_NO_FATAL_FAILURE(Publish("other/1", "v"));
  EXPECT_EQ(client().Get("z/other/1").value, "v");
  ASSERT_TRUE(Ask("z/admin/delete").ok());
  ASSERT_NO_FATAL_FAILURE(Publish("other/2", "v"));
  EXPECT_EQ(Ask("z/info").status, "bucket-not-found") << "a capture makes no bucket";
}

}  // namespace
}  // namespace kv::testing
