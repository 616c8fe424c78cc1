// What a bucket's configuration and the plugin's options hold writers to.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/kv_broker.h"
#include "tests/e2e/reasons.h"

namespace kv::testing {
namespace {

using Keys = std::vector<std::string>;

class Limits : public KvBrokerTest {
 protected:
  void ExpectRefused(const Answer& answer, const std::string& code) {
    EXPECT_EQ(answer.status, code) << answer;
    EXPECT_NE(answer.error, "");
  }
};

TEST_F(Limits, HistoryKeepsSoManyOfTheNewestEntriesOfEachKey) {
  ASSERT_NO_FATAL_FAILURE(StartBroker(
      {.plugin = {
           {"bucket_h1", "history=1"}, {"bucket_h2", "history=2"}, {"bucket_h64", "history=64"}}}));
  constexpr Revision writes = 70;
  for (const std::size_t history : {1U, 2U, 64U}) {
    const std::string bucket = "h" + std::to_string(history);
    SCOPED_TRACE(bucket);
    ASSERT_TRUE(IsSuccess(client().Publish("kv/" + bucket + "/other", "1")));
    for (Revision i = 0; i < writes; ++i) {
      ASSERT_TRUE(IsSuccess(client().Publish("kv/" + bucket + "/k", std::to_string(i))));
    }
    const auto entries = client().History(bucket + "/k");
    ASSERT_EQ(entries.size(), history);
    Revision expected = writes + 1 - history;
    for (const Message& entry : entries) {
      EXPECT_EQ(RevisionOf(entry), ++expected);
      EXPECT_EQ(entry.payload, std::to_string(expected - 2));
      const auto by_revision =
          client().Get(bucket + "/k", Properties().User("kv-revision", std::to_string(expected)));
      EXPECT_TRUE(SameEntry(by_revision.message, entry)) << by_revision;
    }
    const auto dropped = client().Get(
        bucket + "/k", Properties().User("kv-revision", std::to_string(writes + 1 - history)));
    EXPECT_EQ(dropped.status, "key-not-found");
    EXPECT_EQ(client().Info(bucket)["entries"], history + 1);
    EXPECT_EQ(client().Get(bucket + "/other").value, "1") << "each key for itself";
  }
}

TEST_F(Limits, AValueBeyondMaxValueSizeIsRefused) {
  ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"bucket_b", "max_value_size=1KiB"}}}));
  const std::string fits(1024, 'v');
  EXPECT_TRUE(client().Put("b/k", fits).ok());
  ExpectRefused(client().Put("b/k", fits + "v"), "value-too-large");
  for (std::uint8_t qos = 1; qos < 3; ++qos) {
    EXPECT_EQ(client().Publish("kv/b/k", fits + "v", {.qos = qos}), kRefused);
  }
  EXPECT_EQ(client().Get("b/k").revision, 1U);
  EXPECT_TRUE(client().Write("b/k", fits + "v", Properties().User("kv-op", "delete")).ok())
      << "a delete's payload is no value";
}

TEST_F(Limits, MaxBytesCountsKeysValuesAndPropertiesOfTheKeptEntries) {
  ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"bucket_b", "max_bytes=100 history=2"}}}));
  ASSERT_TRUE(client()
                  .Put("b/12345",
                       std::string(20, 'v'),
                       Properties().User("1234", "12345").ContentType("123456"))
                  .ok());
  EXPECT_EQ(client().Info("b")["bytes"], 40);
  ASSERT_TRUE(client().Put("b/12345", std::string(55, 'v')).ok()) << "100 in all";
  EXPECT_EQ(client().Info("b")["bytes"], 100);
  ExpectRefused(client().Put("b/x", ""), "bucket-full");
  EXPECT_TRUE(client().Put("b/12345", std::string(35, 'v')).ok())
      << "what it pushes out makes room for it";
  EXPECT_EQ(client().Info("b")["bytes"], 100);
  ExpectRefused(client().Put("b/12345", std::string(56, 'v')), "bucket-full");
  EXPECT_TRUE(client().Delete("b/12345").ok()) << "always passes";
  EXPECT_TRUE(client().Purge("b/12345").ok());
  EXPECT_EQ(client().Info("b")["bytes"], 5);
  EXPECT_TRUE(client().Put("b/x", std::string(94, 'v')).ok());
  EXPECT_EQ(client().Publish("kv/b/y", "v"), kRefused);
  EXPECT_TRUE(client().Delete("b/x").ok()) << "also beyond the limit";
}

TEST_F(Limits, MaxKeysCountsKeysWithAValue) {
  ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"bucket_b", "max_keys=2"}}}));
  EXPECT_TRUE(client().Put("b/1", "v").ok());
  EXPECT_TRUE(client().Put("b/2", "v").ok());
  ExpectRefused(client().Put("b/3", "v"), "bucket-full");
  EXPECT_EQ(client().Publish("kv/b/3", "v", {.qos = 2}), kRefused);
  EXPECT_TRUE(client().Put("b/2", "again").ok());
  EXPECT_TRUE(client().Delete("b/1").ok());
  EXPECT_TRUE(client().Put("b/3", "v").ok()) << "there is room for it now";
  ExpectRefused(client().Put("b/1", "v"), "bucket-full");
  EXPECT_TRUE(client().Purge("b/1").ok());
  EXPECT_EQ(client().Keys("b"), (Keys{"2", "3"}));
}

TEST_F(Limits, MarkersVanishAfterMarkerTtlAndRevisionsGoOn) {
  ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"bucket_b", "marker_ttl=200ms history=3"}}}));
  MqttClient watcher(broker().port());
  ASSERT_TRUE(watcher.Connect()) << watcher.error();
  for (const std::string op : {"delete", "purge"}) {
    ASSERT_TRUE(client().Put("b/" + op, "v").ok());
    ASSERT_TRUE(client().Write("b/" + op, "", Properties().User("kv-op", op)).ok());
  }
  ASSERT_TRUE(watcher.Subscribe("kv/b/#"));
  EXPECT_TRUE(Eventually([&] {
    const auto left = client().History("b");
    return std::none_of(left.begin(), left.end(), [](const Message& entry) {
      return entry.Property("kv-op") != "PUT";
    });
  }));
  EXPECT_TRUE(watcher.TakeMessages().empty()) << "to vanish is no change of a value";
  const Answer forgotten = client().Get("b/purge");
  EXPECT_EQ(forgotten.status, "key-not-found");
  EXPECT_EQ(forgotten.Property("kv-revision"), std::nullopt);
  for (const std::string key : {"b/delete", "b/purge"}) {
    EXPECT_EQ(client().Get(key).status, "key-not-found") << "an old value never comes back";
  }
  EXPECT_EQ(client().Put("b/delete", "v").revision, 5U);
}

TEST_F(Limits, AMemoryBucketIsGoneWithTheBrokerButItsRevisionsAreNotUsedAgain) {
  ASSERT_NO_FATAL_FAILURE(
      StartBroker({.plugin = {{"bucket_m", "storage=memory history=5"}}, .persistence = true}));
  Revision last = 0;
  for (const bool kill : {false, true, false}) {
    for (const std::string value : {"1", "2", "3"}) {
      const Answer put = client().Put("m/k", value);
      ASSERT_TRUE(put.ok()) << put;
      EXPECT_GT(put.revision, last);
      last = put.revision;
    }
    EXPECT_EQ(client().History("m").size(), 3U);
    ASSERT_TRUE(client().Put("f/k", "stays").ok());
    const auto started = kill ? broker().KillAndStart() : broker().Restart();
    ASSERT_TRUE(started) << started.log;
    ASSERT_NO_FATAL_FAILURE(Reconnect());
    EXPECT_EQ(client().Get("m/k").status, "key-not-found");
    EXPECT_TRUE(client().Keys("m").empty());
    EXPECT_EQ(client().Info("m")["entries"], 0);
    EXPECT_EQ(client().Info("m")["storage"], "memory");
    EXPECT_TRUE(RetainedMessages(broker().port(), "kv/m/#").empty()) << "no ghosts of it";
    EXPECT_EQ(client().Get("f/k").value, "stays");
  }
}

TEST_F(Limits, WithAutoCreateOffOnlyDeclaredBucketsExist) {
  ASSERT_NO_FATAL_FAILURE(
      StartBroker({.plugin = {{"auto_create", "false"}, {"bucket_here", "history=2"}}}));
  EXPECT_TRUE(client().Put("here/k", "v").ok());
  ExpectRefused(client().Put("elsewhere/k", "v"), "bucket-not-found");
  EXPECT_EQ(client().Publish("kv/elsewhere/k", "v", {.qos = 2}), kRefused);
  ExpectRefused(client().Update("elsewhere/k", "v", 3), "bucket-not-found");
  ExpectRefused(client().Get("elsewhere/k"), "bucket-not-found");
  EXPECT_TRUE(RetainedMessages(broker().port(), "kv/elsewhere/#").empty());
}

TEST_F(Limits, NoMoreThanMaxBucketsAreCreated) {
  ASSERT_NO_FATAL_FAILURE(
      StartBroker({.plugin = {{"max_buckets", "2"}, {"bucket_a", "history=1"}}}));
  EXPECT_TRUE(client().Put("b/k", "v").ok());
  ExpectRefused(client().Put("c/k", "v"), "too-many-buckets");
  EXPECT_EQ(client().Publish("kv/c/k", "v"), kRefused);
  EXPECT_TRUE(client().Put("a/k", "v").ok());
  EXPECT_TRUE(client().Put("b/k", "again").ok());
  EXPECT_EQ(nlohmann::json::parse(ToAnswer(client().Request("$KV/buckets")).value).size(), 2U);
}

TEST_F(Limits, DeclaredBucketsAreThereFromTheStartAndFollowTheirDeclaration) {
  ASSERT_NO_FATAL_FAILURE(
      StartBroker({.plugin = {{"bucket_b",
                               "history=5 ttl=24h max_bytes=1GiB max_value_size=64KiB max_keys=10 "
                               "marker_ttl=1h description=\"two words\" metadata.owner=me"}}}));
  auto info = client().Info("b");
  EXPECT_EQ(info["bucket"], "b");
  EXPECT_EQ(info["history"], 5);
  EXPECT_EQ(info["ttl"], "1d");
  EXPECT_EQ(info["max_bytes"], "1GiB");
  EXPECT_EQ(info["max_value_size"], "64KiB");
  EXPECT_EQ(info["max_keys"], 10);
  EXPECT_EQ(info["marker_ttl"], "1h");
  EXPECT_EQ(info["description"], "two words");
  EXPECT_EQ(info["metadata"], nlohmann::json({{"owner", "me"}}));
  EXPECT_EQ(info["last_revision"], 0);
  EXPECT_EQ(info["keys"], 0);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(IsSuccess(client().Publish("kv/b/k", std::to_string(i))));
  }

  broker().options().plugin = {{"bucket_b", "history=2"}};
  const auto started = broker().Restart();
  ASSERT_TRUE(started) << started.log;
  ASSERT_NO_FATAL_FAILURE(Reconnect());
  info = client().Info("b");
  EXPECT_EQ(info["history"], 2);
  EXPECT_EQ(info["ttl"], nullptr) << "what is not declared any more is unset";
  EXPECT_EQ(info["entries"], 2) << "a smaller history trims at once";
  EXPECT_EQ(info["last_revision"], 5);
  EXPECT_EQ(client().Get("b/k").value, "4");
}

TEST_F(Limits, BucketDefaultsAreTheConfigurationOfBucketsCreatedByAWrite) {
  ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"bucket_defaults", "history=3 max_value_size=4"},
                                                  {"bucket_own", "max_keys=1"}}}));
  EXPECT_TRUE(client().Put("made/k", "1234").ok());
  ExpectRefused(client().Put("made/k", "12345"), "value-too-large");
  ExpectRefused(client().Put("unmade/k", "12345"), "value-too-large");
  EXPECT_EQ(client().Info("made")["history"], 3);
  EXPECT_EQ(ToAnswer(client().Request("$KV/unmade/info")).status, "bucket-not-found");
}

TEST_F(Limits, AnotherTopicPrefixMovesTheDataPlaneAndNothingElse) {
  ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"topic_prefix", "site/config"}}}));
  MqttClient watcher(broker().port());
  ASSERT_TRUE(watcher.Connect()) << watcher.error();
  ASSERT_TRUE(watcher.Subscribe("#"));
  ASSERT_TRUE(client().Publish("site/config/b/k", "v"));
  ASSERT_TRUE(
      client().Publish("site/config/b/k", "w", {.properties = Properties().User("kv-op", "put")}));
  for (const std::string value : {"v", "w"}) {
    const auto live = watcher.WaitMessage();
    ASSERT_TRUE(live) << watcher.error();
    EXPECT_EQ(live->topic, "site/config/b/k");
    EXPECT_EQ(live->payload, value);
    EXPECT_EQ(live->Property("kv-op"), "PUT");
  }
  EXPECT_EQ(client().Get("b/k").value, "w") << "requests keep their topics";
  ASSERT_TRUE(
      client().Publish("kv/b/k", "untouched", {.properties = Properties().User("kv-op", "x")}));
  const auto other = watcher.WaitMessage();
  ASSERT_TRUE(other) << watcher.error();
  EXPECT_EQ(other->properties, Properties().User("kv-op", "x"));
  EXPECT_EQ(client().Get("b/k").value, "w");
  ASSERT_TRUE(client().Publish("site/config", "untouched"));
  EXPECT_EQ(watcher.WaitMessage()->payload, "untouched");
}

}  // namespace
}  // namespace kv::testing
