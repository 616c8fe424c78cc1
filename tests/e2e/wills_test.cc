// Wills to kv topics, which the broker shows to subscribers and not to plugins.
#include <string>

#include <gtest/gtest.h>

#include "tests/e2e/kv_broker.h"

namespace kv::testing {
namespace {

class WillsTest : public KvBrokerTest {
 protected:
  void Start(KvBrokerOptions options = {}) {
    options.plugin.emplace_back("wills", "true");
    ASSERT_NO_FATAL_FAILURE(StartBroker(std::move(options)));
    ASSERT_TRUE(WaitListening());
  }
  bool WaitListening() { return broker().process().WaitForLog("wills to kv/# are stored"); }

  // A client with this will comes and vanishes.
  void Die(const Will& will, ProtocolVersion version = ProtocolVersion::kMqtt5) {
    MqttClient mortal(broker().port());
    ASSERT_TRUE(mortal.Connect({.version = version, .will = will})) << mortal.error();
    mortal.Drop();
  }
  std::optional<Message> WaitStored(const std::string& topic) {
    return client().WaitMessage([&topic](const Message& message) {
      return message.topic == topic && message.Property("kv-revision").has_value();
    });
  }
  Answer WaitValue(const std::string& path, const std::string& value) {
    Answer answer;
    Eventually([&] {
      answer = client().Get(path);
      return answer.ok() && answer.value == value;
    });
    return answer;
  }
};

TEST_F(WillsTest, AreStoredOnceAndRetainedAsTheStoreHasThem) {
  ASSERT_NO_FATAL_FAILURE(Start());
  ASSERT_EQ(client().Subscribe("kv/#", 1), 1);
  for (const auto version :
       {ProtocolVersion::kMqtt31, ProtocolVersion::kMqtt311, ProtocolVersion::kMqtt5}) {
    const std::string topic = "kv/presence/" + std::to_string(static_cast<int>(version));
    Die({.topic = topic, .payload = "gone", .qos = 1, .retain = true}, version);
    const auto stored = WaitStored(topic);
    ASSERT_TRUE(stored) << topic;
    EXPECT_EQ(stored->payload, "gone");
    EXPECT_EQ(stored->Property("kv-op"), "PUT");
  }
  EXPECT_EQ(client().History("presence").size(), 3U) << "each of them once";
  ExpectRetainedEqualsStore(broker().port(), "presence");
}

TEST_F(WillsTest, ThatAreNotRetainedAreStoredToo) {
  ASSERT_NO_FATAL_FAILURE(Start());
  Die({.topic = "kv/presence/a", .payload = "gone", .qos = 0});
  EXPECT_TRUE(WaitValue("presence/a", "gone").ok());
  ExpectRetainedEqualsStore(broker().port(), "presence");
}

TEST_F(WillsTest, OverwriteAndDeleteLikeAnyWrite) {
  ASSERT_NO_FATAL_FAILURE(Start());
  const Revision online = client().Put("presence/a", "online").revision;
  Die({.topic = "kv/presence/a", .payload = "gone", .qos = 1, .retain = true});
  const Answer gone = WaitValue("presence/a", "gone");
  EXPECT_GT(gone.revision, online);
  Die({.topic = "kv/presence/a", .payload = "", .qos = 1, .retain = true});
  EXPECT_TRUE(Eventually([this] { return client().Get("presence/a").status == "key-not-found"; }));
  ExpectRetainedEqualsStore(broker().port(), "presence");
}

TEST_F(WillsTest, CarryPropertiesAndOptions) {
  ASSERT_NO_FATAL_FAILURE(Start());
  ASSERT_EQ(client().Subscribe("kv/#", 1), 1);
  Die({.topic = "kv/presence/a",
       .payload = "gone",
       .qos = 1,
       .retain = true,
       .properties =
           Properties().ContentType("text/plain").User("site", "roof").User("kv-ttl", "1s")});
  const auto stored = WaitStored("kv/presence/a");
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->Property("site"), "roof");
  EXPECT_EQ(stored->Property("kv-ttl"), std::nullopt);
  const auto expired = client().WaitMessage(
      [](const Message& message) { return message.Property("kv-reason") == "expired"; });
  EXPECT_TRUE(expired);
  ExpectRetainedEqualsStore(broker().port(), "presence");
}

TEST_F(WillsTest, ThatAreRefusedLeaveTheRetainedMessageAsItWas) {
  ASSERT_NO_FATAL_FAILURE(Start({.plugin = {{"bucket_small", "max_value_size=3"}}}));
  ASSERT_TRUE(client().Put("small/a", "1").ok());
  ASSERT_EQ(client().Subscribe("kv/#", 1), 1);
  client().TakeMessages();
  for (const char* key : {"a", "new"}) {
    const std::string topic = "kv/small/" + std::string(key);
    Die({.topic = topic, .payload = "far too long", .qos = 1, .retain = true});
    // The will itself, which nobody can hold back, and then the truth.
    const auto truth = client().WaitMessage([&topic](const Message& message) {
      return message.topic == topic && message.Property("kv-op").has_value();
    });
    ASSERT_TRUE(truth) << topic;
  }
  const auto retained = RetainedMessages(broker().port(), "kv/#");
  ASSERT_EQ(retained.size(), 1U);
  EXPECT_EQ(retained.begin()->second.payload, "1");
}

TEST_F(WillsTest, WorkAgainAfterTheBrokerWasKilled) {
  ASSERT_NO_FATAL_FAILURE(Start());
  Die({.topic = "kv/presence/a", .payload = "1", .qos = 1, .retain = true});
  EXPECT_TRUE(WaitValue("presence/a", "1").ok());
  ASSERT_TRUE(broker().KillAndStart());
  Reconnect();
  ASSERT_TRUE(WaitListening());
  Die({.topic = "kv/presence/a", .payload = "2", .qos = 1, .retain = true});
  EXPECT_TRUE(WaitValue("presence/a", "2").ok());
  EXPECT_EQ(client().History("presence").size(), 1U);
  EXPECT_EQ(broker().process().Stop(), 0) << "the plugin's own client does not hold up the end";
}

TEST_F(WillsTest, OrdinaryWritesAreStoredOnce) {
  ASSERT_NO_FATAL_FAILURE(Start({.plugin = {{"bucket_b", "history=64"}}}));
  for (std::uint8_t qos = 0; qos <= 2; ++qos) {
    ASSERT_TRUE(client().Publish("kv/b/k", std::to_string(qos), {.qos = qos, .retain = true}));
  }
  ASSERT_TRUE(client().Put("b/k", "").ok());
  // Behind everything that the loopback got before.
  Die({.topic = "kv/b/last", .payload = "x", .qos = 1});
  EXPECT_TRUE(WaitValue("b/last", "x").ok());
  EXPECT_EQ(client().History("b/k").size(), 4U);
}

}  // namespace
}  // namespace kv::testing
