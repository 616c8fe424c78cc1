// After a start the broker's retained messages equal the store, whatever its mosquitto.db holds.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/kv_broker.h"

namespace kv::testing {
namespace {

namespace fs = std::filesystem;

const ConnectOptions kDurable{.client_id = "durable",
                              .clean_start = false,
                              .session_expiry_seconds = 100'000};

class RestoreTest : public KvBrokerTest {
 protected:
  void Put(std::string_view path, std::string_view value, std::uint8_t qos = 1) {
    const auto reason =
        client().Publish("kv/" + std::string(path),
                         value,
                         {.qos = qos, .properties = Properties().User("kv-op", "put")});
    ASSERT_TRUE(reason && *reason < 0x80) << client().error();
  }

  void KillAndStart() {
    const auto started = broker().KillAndStart();
    ASSERT_TRUE(started) << started.log;
    ASSERT_NO_FATAL_FAILURE(Reconnect());
  }

  void Restart() {
    const auto started = broker().Restart();
    ASSERT_TRUE(started) << started.log;
    ASSERT_NO_FATAL_FAILURE(Reconnect());
  }

  // Makes a session that stays, has seen what there is, and is offline.
  void LeaveDurableSubscriber() {
    MqttClient durable(broker().port());
    ASSERT_TRUE(durable.Connect(kDurable)) << durable.error();
    ASSERT_EQ(durable.Subscribe("kv/#", 1), 1);
    durable.TakeMessages();
    ASSERT_TRUE(durable.Disconnect());
  }

  // What that session was sent since; by topic, and at most one message each.
  std::map<std::string, Message> MessagesOfDurable() {
    MqttClient durable(broker().port());
    EXPECT_TRUE(durable.Connect(kDurable)) << durable.error();
    EXPECT_TRUE(durable.connack() && durable.connack()->session_present);
    std::map<std::string, Message> messages;
    for (Message& message : durable.TakeMessages()) {
      const std::string topic = message.topic;
      EXPECT_TRUE(messages.emplace(topic, std::move(message)).second) << "twice: " << topic;
    }
    return messages;
  }

  void ExpectRestored() {
    ASSERT_TRUE(broker().process().WaitForLog("retained messages restored"))
        << broker().process().Log();
    ExpectRetainedEqualsStore(broker().port(), "b");
  }

  // Publishes retained messages while the broker runs without the plugin.
  void PublishWithoutPlugin(const std::vector<Message>& messages) {
    ASSERT_EQ(broker().process().Stop(), 0);
    BrokerOptions& options = broker().process().options();
    options.configuration =
        "persistence true\npersistence_location " + broker().process().directory().string() + "/\n";
    const auto started = broker().process().Start();
    ASSERT_TRUE(started) << started.log;
    MqttClient forger(broker().port());
    ASSERT_TRUE(forger.Connect());
    for (const Message& message : messages) {
      ASSERT_TRUE(forger.Publish(
          message.topic, message.payload, {.retain = true, .properties = message.properties}));
    }
    ASSERT_EQ(broker().process().Stop(), 0);
    const auto restarted = broker().Start();
    ASSERT_TRUE(restarted) << restarted.log;
    ASSERT_NO_FATAL_FAILURE(Reconnect());
  }
};

TEST_F(RestoreTest, FollowsTheStoreWhereTheSnapshotIsOlder) {
  ASSERT_NO_FATAL_FAILURE(StartBroker({.persistence = true}));
  for (const char* key : {"same", "changed", "deleted", "purged", "emptied", "revived"}) {
    ASSERT_NO_FATAL_FAILURE(Put("b/" + std::string(key), "old"));
  }
  ASSERT_TRUE(broker().Save());
  ASSERT_NO_FATAL_FAILURE(Put("b/changed", "new"));
  ASSERT_NO_FATAL_FAILURE(Put("b/added", "new"));
  ASSERT_NO_FATAL_FAILURE(Put("b/emptied", ""));
  ASSERT_TRUE(client().Delete("b/deleted").ok());
  ASSERT_TRUE(client().Purge("b/purged").ok());
  ASSERT_TRUE(client().Delete("b/revived").ok());
  ASSERT_NO_FATAL_FAILURE(Put("b/revived", "new"));
  ASSERT_NO_FATAL_FAILURE(KillAndStart());
  ASSERT_NO_FATAL_FAILURE(ExpectRestored());
  EXPECT_EQ(RetainedMessages(broker().port(), "kv/#").size(), 4U);
  EXPECT_TRUE(broker().process().WaitForLog("1 were there")) << broker().process().Log();
}

TEST_F(RestoreTest, PublishesWhatASnapshotOfBeforeTheStoreLacks) {
  ASSERT_NO_FATAL_FAILURE(StartBroker({.persistence = true}));
  ASSERT_NO_FATAL_FAILURE(Put("b/k", "v"));
  ASSERT_FALSE(fs::exists(broker().snapshot_path()));
  ASSERT_NO_FATAL_FAILURE(KillAndStart());
  ASSERT_NO_FATAL_FAILURE(ExpectRestored());
}

TEST_F(RestoreTest, FollowsTheStoreWhereTheSnapshotIsNewer) {
  ASSERT_NO_FATAL_FAILURE(StartBroker({.persistence = true}));
  for (const char* key : {"same", "changed", "deleted", "purged"}) {
    ASSERT_NO_FATAL_FAILURE(Put("b/" + std::string(key), "old"));
  }
  const fs::path backup = broker().process().directory() / "backup";
  ASSERT_EQ(broker().process().Stop(), 0);
  fs::copy(broker().store_path(), backup, fs::copy_options::recursive);
  ASSERT_TRUE(broker().Start());
  ASSERT_NO_FATAL_FAILURE(Reconnect());
  ASSERT_NO_FATAL_FAILURE(Put("b/changed", "new"));
  ASSERT_NO_FATAL_FAILURE(Put("b/added", "new"));
  ASSERT_NO_FATAL_FAILURE(Put("other/added", "new"));
  ASSERT_TRUE(client().Delete("b/deleted").ok());
  ASSERT_TRUE(client().Purge("b/purged").ok());
  ASSERT_NO_FATAL_FAILURE(LeaveDurableSubscriber());
  ASSERT_EQ(broker().process().Stop(), 0);

  fs::remove_all(broker().store_path());
  fs::rename(backup, broker().store_path());
  ASSERT_TRUE(broker().Start());
  ASSERT_NO_FATAL_FAILURE(Reconnect());
  ASSERT_NO_FATAL_FAILURE(ExpectRestored());
  for (const auto& [topic, message] : RetainedMessages(broker().port(), "kv/#")) {
    EXPECT_EQ(message.payload, "old") << topic;
  }
  // Who was away is told of everything that is different from what it knows.
  const auto told = MessagesOfDurable();
  EXPECT_EQ(told.size(), 5U);
  for (const auto& [topic, message] : told) {
    EXPECT_EQ(message.payload, topic.ends_with("/added") ? "" : "old") << topic;
  }
  // The store hands out again what the snapshot has seen: it must not be taken for the same.
  ASSERT_NO_FATAL_FAILURE(Put("b/changed", "written after the backup came back"));
  ASSERT_NO_FATAL_FAILURE(KillAndStart());
  ASSERT_NO_FATAL_FAILURE(ExpectRestored());
}

TEST_F(RestoreTest, ClearsGhostsAndForgeries) {
  ASSERT_NO_FATAL_FAILURE(
      StartBroker({.plugin = {{"bucket_live", "retained=false"}}, .persistence = true}));
  for (const char* key : {"plain", "higher", "lower", "equal", "text", "twice"}) {
    ASSERT_NO_FATAL_FAILURE(Put("b/" + std::string(key), "true"));
  }
  ASSERT_NO_FATAL_FAILURE(Put("live/k", "not retained"));
  ASSERT_NO_FATAL_FAILURE(Put("b/deleted", "gone"));
  ASSERT_TRUE(client().Delete("b/deleted").ok());
  const std::string equal = std::to_string(client().Get("b/equal").revision);
  const auto forged = [](std::string_view topic, const Properties& properties = {}) {
    return Message{.topic = std::string(topic), .payload = "forged", .properties = properties};
  };
  const auto revision = [](std::string_view text) {
    return Properties().User("kv-revision", text);
  };
  ASSERT_NO_FATAL_FAILURE(
      PublishWithoutPlugin({forged("kv/b/plain"),
                            forged("kv/b/higher", revision("18446744073709551615")),
                            forged("kv/b/lower", revision("1")),
                            forged("kv/b/equal", revision(equal)),
                            forged("kv/b/text", revision("-7")),
                            forged("kv/b/twice", revision("6").User("kv-revision", "6")),
                            forged("kv/b/deleted", revision("9")),
                            forged("kv/b/never/written", revision("3")),
                            forged("kv/live/k"),
                            forged("kv/unknown/k"),
                            forged("kv/b"),
                            forged("kv/b/"),
                            forged("kv/not a bucket/k"),
                            forged("kv"),
                            forged("kv2/b/k"),
                            forged("elsewhere/kv/b/k")}));
  ASSERT_NO_FATAL_FAILURE(ExpectRestored());
  const auto ours = RetainedMessages(broker().port(), "kv/+/#");
  EXPECT_EQ(ours.size(), 6U);
  for (const auto& [topic, message] : ours) {
    EXPECT_EQ(message.payload, "true") << topic;
  }
  for (const char* topic : {"kv2/b/k", "elsewhere/kv/b/k"}) {  // not ours
    EXPECT_EQ(RetainedMessages(broker().port(), topic).size(), 1U) << topic;
  }
  EXPECT_GT(client().Put("b/new", "v").revision, 8U);
}

TEST_F(RestoreTest, KeepsPropertiesAndQosOfWhatItPublishes) {
  ASSERT_NO_FATAL_FAILURE(StartBroker());
  const Properties properties = Properties().ContentType("a/b").PayloadFormat(1).User("x", "y");
  for (std::uint8_t qos = 0; qos <= 2; ++qos) {
    ASSERT_TRUE(client().Publish(
        "kv/b/" + std::to_string(qos), "v", {.qos = qos, .properties = properties}));
  }
  ASSERT_TRUE(client().Ping());
  ASSERT_NO_FATAL_FAILURE(KillAndStart());
  ASSERT_NO_FATAL_FAILURE(ExpectRestored());
  ASSERT_EQ(client().Subscribe("kv/#", 2), 2);
  const auto messages = client().WaitMessages(3);
  ASSERT_EQ(messages.size(), 3U);
  for (const Message& message : messages) {
    EXPECT_EQ("kv/b/" + std::to_string(message.qos), message.topic);
    EXPECT_EQ(message.Property("x"), "y");
    EXPECT_EQ(message.properties.FindText(PropertyId::kContentType), "a/b");
  }
}

TEST_F(RestoreTest, SendsAnOfflineSubscriberNothingAfterACleanEnd) {
  ASSERT_NO_FATAL_FAILURE(StartBroker({.persistence = true}));
  for (int i = 0; i < 20; ++i) {
    ASSERT_NO_FATAL_FAILURE(Put("b/" + std::to_string(i), "v"));
  }
  ASSERT_TRUE(client().Delete("b/7").ok());
  ASSERT_NO_FATAL_FAILURE(Put("b/empty", ""));
  ASSERT_NO_FATAL_FAILURE(LeaveDurableSubscriber());
  ASSERT_NO_FATAL_FAILURE(Restart());
  ASSERT_NO_FATAL_FAILURE(ExpectRestored());
  EXPECT_TRUE(broker().process().WaitForLog("0 published, 19 were there, 0 cleared"))
      << broker().process().Log();
  EXPECT_TRUE(MessagesOfDurable().empty());
}

TEST_F(RestoreTest, SendsAnOfflineSubscriberWhatChangedSinceTheSnapshot) {
  ASSERT_NO_FATAL_FAILURE(StartBroker({.persistence = true}));
  for (const char* key : {"same", "also/same", "changed", "deleted", "purged"}) {
    ASSERT_NO_FATAL_FAILURE(Put("b/" + std::string(key), "old"));
  }
  ASSERT_NO_FATAL_FAILURE(LeaveDurableSubscriber());
  ASSERT_NO_FATAL_FAILURE(Put("b/queued", "waits for the subscriber in the snapshot"));
  ASSERT_TRUE(broker().Save());
  const Answer changed = client().Put("b/changed", "new");
  const Answer added = client().Put("b/added", "new");
  const Answer deleted = client().Delete("b/deleted");
  const Answer purged = client().Purge("b/purged");
  ASSERT_NO_FATAL_FAILURE(KillAndStart());
  ASSERT_NO_FATAL_FAILURE(ExpectRestored());

  const auto messages = MessagesOfDurable();
  ASSERT_EQ(messages.size(), 5U);
  EXPECT_TRUE(messages.contains("kv/b/queued"));
  const auto expect = [&](const std::string& key, const Answer& written, const std::string& op) {
    const auto found = messages.find("kv/b/" + key);
    ASSERT_NE(found, messages.end()) << key;
    EXPECT_EQ(found->second.Property("kv-op"), op) << key;
    EXPECT_EQ(RevisionOf(found->second), written.revision) << key;
    EXPECT_EQ(found->second.Property("kv-time"), written.Property("kv-time")) << key;
    EXPECT_EQ(found->second.payload, op == "PUT" ? "new" : "") << key;
  };
  expect("changed", changed, "PUT");
  expect("added", added, "PUT");
  expect("deleted", deleted, "DEL");
  expect("purged", purged, "PURGE");
}

TEST_F(RestoreTest, FindsTheSnapshotInTheBrokersConfiguration) {
  ASSERT_NO_FATAL_FAILURE(StartBroker({.persistence = true, .tell_snapshot = false}));
  ASSERT_NO_FATAL_FAILURE(Put("b/same", "v"));
  ASSERT_NO_FATAL_FAILURE(Put("b/deleted", "v"));
  ASSERT_NO_FATAL_FAILURE(LeaveDurableSubscriber());
  ASSERT_TRUE(broker().Save());
  ASSERT_TRUE(client().Delete("b/deleted").ok());
  ASSERT_NO_FATAL_FAILURE(KillAndStart());
  EXPECT_TRUE(broker().process().WaitForLog("0 published, 1 were there, 1 cleared"));
  ASSERT_NO_FATAL_FAILURE(ExpectRestored());
  const auto messages = MessagesOfDurable();
  EXPECT_EQ(messages.size(), 1U);
  EXPECT_TRUE(messages.contains("kv/b/deleted"));
}

// Nothing in the store tells of these any more: only the broker's file does.
TEST_F(RestoreTest, LeavesNoGhostOfWhatTheStoreHasForgotten) {
  ASSERT_NO_FATAL_FAILURE(StartBroker({.persistence = true, .tell_snapshot = false}));
  ASSERT_FALSE(client().Request("$KV/mem/admin/create", R"({"storage": "memory"})").empty());
  for (const std::string path : {"b/forgotten", "dropped/k", "mem/k", "b/stays"}) {
    ASSERT_NO_FATAL_FAILURE(Put(path, "v"));
  }
  ASSERT_TRUE(broker().Restart());  // saves all four
  ASSERT_NO_FATAL_FAILURE(Reconnect());
  EXPECT_EQ(RetainedMessages(broker().port(), "kv/mem/k").size(), 0U) << "gone with the broker";
  ASSERT_TRUE(client().Delete("b/forgotten").ok());
  const Properties all = Properties().User("kv-older-than", "0s");
  EXPECT_EQ(ToAnswer(client().Request("$KV/b/admin/purge-deletes", {}, all)).status, "ok");
  EXPECT_EQ(ToAnswer(client().Request("$KV/dropped/admin/delete")).status, "ok");
  ASSERT_NO_FATAL_FAILURE(KillAndStart());
  ASSERT_TRUE(Eventually([&] { return RetainedMessages(broker().port(), "kv/#").size() == 1; }));
  EXPECT_EQ(RetainedMessages(broker().port(), "kv/b/stays").size(), 1U);
}

// What the option names is no good; what the broker itself has loaded is fine.
class BadSnapshot : public RestoreTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(StartBroker({.persistence = true, .tell_snapshot = false}));
    for (int i = 0; i < 20; ++i) {
      ASSERT_NO_FATAL_FAILURE(Put("b/" + std::to_string(i), "old"));
    }
    ASSERT_TRUE(client().Delete("b/0").ok());
    ASSERT_TRUE(broker().Save());
    ASSERT_TRUE(client().Delete("b/1").ok());
    ASSERT_NO_FATAL_FAILURE(Put("b/2", "new"));
    std::ifstream file(broker().snapshot_path(), std::ios::binary);
    saved_.assign(std::istreambuf_iterator<char>(file), {});
    ASSERT_GT(saved_.size(), 1000U);
  }

  void StartWith(std::string_view contents) {
    const fs::path path = broker().process().directory() / "named-by-the-option";
    std::ofstream(path, std::ios::binary) << contents;
    broker().options().plugin = {{"broker_snapshot", path.string()}};
    ASSERT_NO_FATAL_FAILURE(KillAndStart());
  }

  std::string saved_;
};

TEST_F(BadSnapshot, ForeignIsWarnedOfAndEverythingPublished) {
  ASSERT_NO_FATAL_FAILURE(StartWith("not a database at all\n"));
  EXPECT_TRUE(broker().process().WaitForLog("kv: plugin_opt_broker_snapshot: "));
  EXPECT_TRUE(broker().process().WaitForLog("18 published, 0 were there, 2 cleared"))
      << broker().process().Log();
  ASSERT_NO_FATAL_FAILURE(ExpectRestored());
}

TEST_F(BadSnapshot, CutOffAtItsEndIsWarnedOfAndWhatItLacksPublished) {
  ASSERT_NO_FATAL_FAILURE(StartWith(std::string_view(saved_).substr(0, saved_.size() - 7)));
  EXPECT_TRUE(broker().process().WaitForLog("the file is damaged")) << broker().process().Log();
  ASSERT_NO_FATAL_FAILURE(ExpectRestored());
}

TEST_F(BadSnapshot, CutOffInTheMiddleHidesNoGhost) {
  ASSERT_NO_FATAL_FAILURE(StartWith(std::string_view(saved_).substr(0, saved_.size() / 2)));
  EXPECT_TRUE(broker().process().WaitForLog("the file is damaged")) << broker().process().Log();
  ASSERT_NO_FATAL_FAILURE(ExpectRestored());
}

TEST_F(BadSnapshot, EmptyIsAsIfThereWereNone) {
  ASSERT_NO_FATAL_FAILURE(StartWith(""));
  ASSERT_NO_FATAL_FAILURE(ExpectRestored());
}

TEST_F(RestoreTest, DoesNotBringBackWhatExpiredMeanwhile) {
  for (const bool tell : {true, false}) {
    ASSERT_NO_FATAL_FAILURE(StartBroker({.persistence = true, .tell_snapshot = tell}));
    ASSERT_NO_FATAL_FAILURE(Put("b/stays", "v"));
    ASSERT_NO_FATAL_FAILURE(LeaveDurableSubscriber());
    constexpr std::chrono::milliseconds ttl{700};
    const Properties short_life = Properties().User("kv-ttl", "700ms");
    std::map<std::string, Revision> written;
    written["kv/b/saved"] = client().Put("b/saved", "stale", short_life).revision;
    ASSERT_TRUE(broker().Save());
    written["kv/b/unsaved"] = client().Put("b/unsaved", "stale", short_life).revision;
    const auto expiry = std::chrono::steady_clock::now() + ttl;
    broker().process().Kill();
    ASSERT_TRUE(Eventually([&] { return std::chrono::steady_clock::now() > expiry; }));
    ASSERT_TRUE(broker().Start());
    ASSERT_NO_FATAL_FAILURE(Reconnect());

    EXPECT_EQ(RetainedMessages(broker().port(), "kv/b/+").size(), 1U) << "told: " << tell;
    EXPECT_EQ(client().Get("b/unsaved").status, "key-not-found");
    ASSERT_NO_FATAL_FAILURE(ExpectRestored());
    MqttClient durable(broker().port());
    ASSERT_TRUE(durable.Connect(kDurable)) << durable.error();
    std::map<std::string, Message> newest;
    int stale = 0;
    for (Message& message : durable.TakeMessages()) {
      stale += message.topic == "kv/b/unsaved" && message.payload == "stale" ? 1 : 0;
      std::string topic = message.topic;
      newest.insert_or_assign(std::move(topic), std::move(message));
    }
    EXPECT_EQ(stale, 0) << "what had expired was published";
    for (const auto& [topic, revision] : written) {
      EXPECT_GT(revision, 0U) << topic;
      EXPECT_EQ(newest[topic].Property("kv-op"), "PURGE") << topic;
      EXPECT_EQ(newest[topic].Property("kv-reason"), "expired") << topic;
      EXPECT_GT(RevisionOf(newest[topic]), revision) << topic;
    }
  }
}

}  // namespace
}  // namespace kv::testing
