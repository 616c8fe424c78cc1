// Watching by SUBSCRIBE: the newest values, then every change.
#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/kv_broker.h"
#include "tests/e2e/reasons.h"

namespace kv::testing {
namespace {

class Watch : public KvBrokerTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(StartBroker());
    watcher_.emplace(broker().port());
    ASSERT_TRUE(watcher_->Connect()) << watcher_->error();
  }

  Message Next() {
    const auto message = watcher_->WaitMessage();
    EXPECT_TRUE(message) << watcher_->error();
    return message.value_or(Message{});
  }

  // Topics of what the watcher has got, in order.
  std::vector<std::string> Topics() {
    std::vector<std::string> topics;
    for (const Message& message : watcher_->TakeMessages()) {
      topics.push_back(message.topic);
    }
    return topics;
  }

  MqttClient& watcher() { return *watcher_; }

 private:
  std::optional<MqttClient> watcher_;
};

using Names = std::vector<std::string>;

TEST_F(Watch, GivesTheNewestValuesAndThenEveryChange) {
  ASSERT_TRUE(client().Put("b/a", "old").ok());
  ASSERT_TRUE(client().Put("b/a", "newest").ok());
  ASSERT_TRUE(client().Put("b/c", "other").ok());
  ASSERT_TRUE(client().Put("b/gone", "x").ok());
  ASSERT_TRUE(client().Delete("b/gone").ok());
  ASSERT_EQ(watcher().Subscribe("kv/b/#", 1), 1);
  std::map<std::string, Message> first;
  for (int i = 0; i < 2; ++i) {
    Message message = Next();
    EXPECT_TRUE(message.retain);
    first[message.topic] = message;
  }
  EXPECT_EQ(first["kv/b/a"].payload, "newest");
  EXPECT_EQ(first["kv/b/a"].Property("kv-op"), "PUT");
  EXPECT_EQ(RevisionOf(first["kv/b/a"]), 2U);
  EXPECT_EQ(first["kv/b/c"].payload, "other");

  ASSERT_TRUE(IsSuccess(client().Publish("kv/b/a", "live", {.retain = true})));
  ASSERT_TRUE(client().Delete("b/c").ok());
  const Message put = Next();
  EXPECT_EQ(put.payload, "live");
  EXPECT_FALSE(put.retain) << "live, whatever the writer's retain flag";
  EXPECT_EQ(RevisionOf(put), 6U);
  const Message deleted = Next();
  EXPECT_EQ(deleted.topic, "kv/b/c");
  EXPECT_EQ(deleted.Property("kv-op"), "DEL");
  EXPECT_FALSE(deleted.retain);
  EXPECT_TRUE(Topics().empty());
}

TEST_F(Watch, TakesTheFiltersOfMqtt) {
  const Names paths = {"b/k", "b/a", "b/a/x", "b/a/y", "b/a/x/deep", "c/a/x"};
  for (const std::string& path : paths) {
    ASSERT_TRUE(client().Put(path, path).ok());
  }
  const std::map<std::string, std::set<std::string>> filters = {
      {"kv/b/k", {"kv/b/k"}},
      {"kv/b/+", {"kv/b/k", "kv/b/a"}},
      {"kv/b/a/#", {"kv/b/a", "kv/b/a/x", "kv/b/a/y", "kv/b/a/x/deep"}},
      {"kv/b/+/x", {"kv/b/a/x"}},
      {"kv/+/a/x", {"kv/b/a/x", "kv/c/a/x"}},
      {"kv/c/#", {"kv/c/a/x"}},
      {"kv/b/a/+/#", {"kv/b/a/x", "kv/b/a/y", "kv/b/a/x/deep"}},
      {"kv/b/missing/#", {}},
  };
  for (const auto& [filter, expected] : filters) {
    SCOPED_TRACE(filter);
    ASSERT_EQ(watcher().Subscribe(filter, 1), 1);
    const Names retained = Topics();
    EXPECT_EQ(std::set(retained.begin(), retained.end()), expected);
    for (const std::string& path : paths) {
      ASSERT_TRUE(IsSuccess(client().Publish("kv/" + path, "again")));
    }
    const Names live = Topics();
    EXPECT_EQ(std::set(live.begin(), live.end()), expected);
    EXPECT_EQ(live.size(), expected.size());
    ASSERT_TRUE(watcher().Unsubscribe(filter));
  }
}

TEST_F(Watch, ADeleteAndAPurgeAreDeliveredAndClearTheRetainedMessage) {
  ASSERT_TRUE(watcher().Subscribe("kv/b/#"));
  for (const std::string op : {"delete", "purge"}) {
    SCOPED_TRACE(op);
    const Revision before = client().Put("b/k", "v").revision;
    EXPECT_EQ(Next().payload, "v");
    ASSERT_TRUE(
        IsSuccess(client().Publish("kv/b/k", "", {.properties = Properties().User("kv-op", op)})));
    const Message marker = Next();
    EXPECT_EQ(marker.payload, "");
    EXPECT_EQ(marker.Property("kv-op"), op == "delete" ? "DEL" : "PURGE");
    EXPECT_EQ(marker.Property("kv-reason"), std::nullopt) << "it was asked for";
    EXPECT_EQ(RevisionOf(marker), before + 1);
    EXPECT_TRUE(RetainedMessages(broker().port(), "kv/#").empty());
  }
}

TEST_F(Watch, DeliversAtTheWritersQosCappedByTheSubscription) {
  for (std::uint8_t subscribed = 0; subscribed < 3; ++subscribed) {
    ASSERT_EQ(watcher().Subscribe("kv/b/#", subscribed), subscribed);
    watcher().TakeMessages();
    for (std::uint8_t qos = 0; qos < 3; ++qos) {
      for (const bool anew : {false, true}) {
        const auto properties = anew ? Properties().User("kv-op", "put") : Properties();
        ASSERT_TRUE(client().Publish("kv/b/k", "v", {.qos = qos, .properties = properties}));
        EXPECT_EQ(Next().qos, std::min(qos, subscribed))
            << "written " << int{qos} << ", subscribed " << int{subscribed};
      }
    }
  }
}

TEST_F(Watch, OlderClientsGetTheValuesAsTheyAre) {
  ASSERT_TRUE(client().Put("b/k", "kept").ok());
  for (const ProtocolVersion version : {ProtocolVersion::kMqtt31, ProtocolVersion::kMqtt311}) {
    MqttClient older(broker().port());
    ASSERT_TRUE(older.Connect({.version = version})) << older.error();
    ASSERT_TRUE(older.Subscribe("kv/b/#"));
    const auto retained = older.WaitMessage();
    ASSERT_TRUE(retained) << older.error();
    EXPECT_EQ(retained->payload, "kept");
    EXPECT_TRUE(retained->retain);
    ASSERT_TRUE(client().Delete("b/k").ok());
    const auto deleted = older.WaitMessage();
    ASSERT_TRUE(deleted) << older.error();
    EXPECT_EQ(deleted->payload, "");
    ASSERT_TRUE(older.Publish("kv/b/k", "kept"));
    EXPECT_EQ(older.WaitMessage()->payload, "kept");
  }
}

TEST_F(Watch, ADurableSessionThatWasAwayGetsWhatItMissed) {
  ConnectOptions session = {.client_id = "away", .session_expiry_seconds = 3600};
  ASSERT_TRUE(watcher().Connect(session)) << watcher().error();
  ASSERT_TRUE(watcher().Subscribe("kv/b/#", 2));
  watcher().Drop();
  ASSERT_TRUE(client().Publish("kv/b/k", "in place", {.qos = 1}));
  ASSERT_TRUE(client().Publish("kv/b/k", "at its release", {.qos = 2}));
  ASSERT_TRUE(client().Put("b/k", "anew").ok());
  ASSERT_TRUE(client().Delete("b/k").ok());
  session.clean_start = false;
  ASSERT_TRUE(watcher().Connect(session)) << watcher().error();
  for (Revision expected = 1; expected <= 4; ++expected) {
    EXPECT_EQ(RevisionOf(Next()), expected);
  }
}

TEST_F(Watch, WithRetainHandlingTwoGivesOnlyChanges) {
  ASSERT_TRUE(client().Put("b/k", "old").ok());
  ASSERT_TRUE(
      watcher().Subscribe(Subscription{.filter = "kv/b/#", .qos = 1, .retain_handling = 2}));
  ASSERT_TRUE(client().Put("b/k", "new").ok());
  EXPECT_EQ(Next().payload, "new");
  EXPECT_TRUE(Topics().empty());
}

TEST_F(Watch, TheNewestOfAKeyStaysWhenAnOlderQosTwoMessageIsReleasedLate) {
  ASSERT_TRUE(watcher().Subscribe("kv/b/#", 2));
  const auto withheld = client().PublishAsync("kv/b/k", "older", {.qos = 2});
  ASSERT_TRUE(withheld);
  ASSERT_TRUE(IsSuccess(client().WaitPubrec(*withheld)));
  EXPECT_EQ(RevisionOf(Next()), 1U) << "delivered though not released: it is written";

  ASSERT_TRUE(IsSuccess(client().Publish("kv/b/k", "newer", {.qos = 1})));
  EXPECT_EQ(RevisionOf(Next()), 2U);
  ASSERT_TRUE(client().SendPubrel(*withheld));
  ASSERT_TRUE(client().WaitPubcomp(*withheld));

  EXPECT_TRUE(Topics().empty()) << "the release delivers nothing";
  const auto retained = RetainedMessages(broker().port(), "kv/b/k");
  ASSERT_EQ(retained.size(), 1U);
  EXPECT_EQ(retained.at("kv/b/k").payload, "newer");
  EXPECT_EQ(client().Get("b/k").value, "newer");
}

TEST_F(Watch, OfABucketThatIsNotRetainedGivesChangesOnly) {
  ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"bucket_b", "retained=false"}}}));
  MqttClient live(broker().port());
  ASSERT_TRUE(live.Connect()) << live.error();
  ASSERT_TRUE(live.Subscribe("kv/b/#", 2));
  for (std::uint8_t qos = 0; qos < 3; ++qos) {
    for (const bool retain : {false, true}) {
      ASSERT_TRUE(client().Publish("kv/b/k", "v", {.qos = qos, .retain = retain}));
      const auto message = live.WaitMessage();
      ASSERT_TRUE(message) << live.error();
      EXPECT_EQ(message->Property("kv-op"), "PUT");
      EXPECT_TRUE(RetainedMessages(broker().port(), "kv/#").empty());
    }
  }
  ASSERT_TRUE(client().Put("b/k", "anew").ok());
  EXPECT_EQ(live.WaitMessage()->payload, "anew");
  EXPECT_TRUE(RetainedMessages(broker().port(), "kv/#").empty());
  EXPECT_EQ(client().Get("b/k").value, "anew");
}

}  // namespace
}  // namespace kv::testing
