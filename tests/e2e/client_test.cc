// The typed client: every request and what comes back, every error of the contract.
#include "mosquitto_kv/client.h"

#include <filesystem>
#include <string>
#include <vector>

#include "tests/e2e/client_fixture.h"
#include "tests/support/broker_process.h"

namespace kv::testing {
namespace {

using Names = std::vector<std::string>;

Names KeysOf(const std::vector<Entry>& entries) {
  Names keys;
  for (const Entry& entry : entries) {
    keys.push_back(entry.key);
  }
  return keys;
}

class ClientRequests : public ClientTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"bucket_deep", "history=5"},
                                                    {"bucket_small", "max_value_size=4 max_keys=2"},
                                                    {"max_buckets", "4"},
                                                    {"backup_path", backups_.path().string()}}}));
    client_.emplace(Connected());
  }

  kv::Bucket bucket(std::string_view name) { return client_->bucket(name); }

  TemporaryDirectory backups_;
  std::optional<Client> client_;
};

TEST_F(ClientRequests, PutIsGotAsItWas) {
  const std::string binary("\0\xFF", 2);
  const kv::Properties properties{0, "application/x", {{"n", "v"}, {"n", "w"}}};
  const auto put = bucket("b").Put("a/b", binary, {.properties = properties});
  ASSERT_TRUE(put.ok()) << WhyOf(put);
  EXPECT_EQ(put->revision, 1U);
  EXPECT_GT(put->time, 0);
  EXPECT_FALSE(put->duplicate);
  const auto got = bucket("b").Get("a/b");
  ASSERT_TRUE(got.ok()) << WhyOf(got);
  EXPECT_EQ(got->key, "a/b");
  EXPECT_EQ(got->value, binary);
  EXPECT_EQ(got->revision, 1U);
  EXPECT_EQ(got->time, put->time);
  EXPECT_EQ(got->properties, properties);
}

TEST_F(ClientRequests, EmptyValueIsAValue) {
  ASSERT_TRUE(bucket("b").Put("k", "").ok());
  const auto got = bucket("b").Get("k");
  ASSERT_TRUE(got.ok()) << WhyOf(got);
  EXPECT_EQ(got->operation, Operation::kPut);
  EXPECT_EQ(got->value, "");
}

TEST_F(ClientRequests, CreateOnlyOnceUpdateOnlyWhatIsExpected) {
  ASSERT_TRUE(bucket("deep").Create("k", "1").ok());
  const auto again = bucket("deep").Create("k", "2");
  EXPECT_EQ(TokenOf(again), "key-exists");
  EXPECT_EQ(again.error().revision, 1U);
  EXPECT_EQ(bucket("deep").Update("k", "2", 1)->revision, 2U);
  const auto late = bucket("deep").Update("k", "3", 1);
  EXPECT_EQ(TokenOf(late), "wrong-last-revision");
  EXPECT_EQ(late.error().revision, 2U);
  EXPECT_EQ(TokenOf(bucket("deep").Put("k", "3", {{.expected_revision = 9}})),
            "wrong-last-revision");
  EXPECT_EQ(TokenOf(bucket("deep").Delete("k", {.expected_revision = 9})), "wrong-last-revision");
  EXPECT_EQ(bucket("deep").Delete("k", {.expected_revision = 2})->revision, 3U);
  EXPECT_EQ(bucket("deep").Create("k", "4")->revision, 4U);
}

TEST_F(ClientRequests, HistoryIsKeptByDeleteAndDroppedByPurge) {
  ASSERT_TRUE(bucket("deep").Put("k", "1").ok());
  ASSERT_TRUE(bucket("deep").Delete("k").ok());
  const auto gone = bucket("deep").Get("k");
  EXPECT_EQ(TokenOf(gone), "key-not-found");
  EXPECT_EQ(gone.error().revision, 2U);
  EXPECT_EQ(bucket("deep").GetRevision("k", 1)->value, "1");
  EXPECT_EQ(bucket("deep").GetRevision("k", 2)->operation, Operation::kDelete);
  EXPECT_EQ(bucket("deep").History()->entries.size(), 2U);
  ASSERT_TRUE(bucket("deep").Purge("k").ok());
  const auto history = bucket("deep").History();
  ASSERT_EQ(history->entries.size(), 1U);
  EXPECT_EQ(history->entries[0].operation, Operation::kPurge);
  EXPECT_EQ(TokenOf(bucket("deep").GetRevision("k", 1)), "key-not-found");
  EXPECT_EQ(bucket("deep").Delete("never")->revision, 0U);
}

TEST_F(ClientRequests, IncrementCountsAndRefusesWhatIsNoNumber) {
  EXPECT_EQ(bucket("b").Increment("n")->value, 1);
  const auto counted = bucket("b").Increment("n", 41);
  EXPECT_EQ(counted->value, 42);
  EXPECT_EQ(counted->written.revision, 2U);
  EXPECT_EQ(bucket("b").Increment("n", -50)->value, -8);
  ASSERT_TRUE(bucket("b").Put("t", "text").ok());
  EXPECT_EQ(TokenOf(bucket("b").Increment("t")), "bad-request");
}

TEST_F(ClientRequests, TxnIsAllOrNothing) {
  const auto first = bucket("b").Commit(
      Txn().If("from", 0).Put("from", "90").Put("to", "10").Else().Put("x", "1"));
  ASSERT_TRUE(first.ok()) << WhyOf(first);
  EXPECT_TRUE(first->succeeded);
  ASSERT_EQ(first->writes.size(), 2U);
  EXPECT_EQ(first->writes[0].key, "from");
  EXPECT_EQ(first->writes[1].revision, 2U);
  const auto second = bucket("b").Commit(Txn().If("from", 0).Delete("from").Else().Delete("none"));
  ASSERT_TRUE(second.ok()) << WhyOf(second);
  EXPECT_FALSE(second->succeeded);
  EXPECT_EQ(second->writes.at(0).revision, 0U);
  EXPECT_EQ(TokenOf(bucket("b").Commit(Txn().Put("new", "1").Create("to", "2"))), "key-exists");
  EXPECT_EQ(TokenOf(bucket("b").Get("new")), "key-not-found");
  const auto json = bucket("b").CommitJson(R"({"then": [{"op": "purge", "key": "to"}]})");
  ASSERT_TRUE(json.ok()) << WhyOf(json);
  EXPECT_EQ(TokenOf(bucket("b").CommitJson("{")), "bad-request");
}

TEST_F(ClientRequests, MessageIdWritesOnce) {
  const auto first = bucket("b").Put("k", "1", {{.message_id = "m"}});
  const auto second = bucket("b").Put("k", "2", {{.message_id = "m"}});
  ASSERT_TRUE(second.ok()) << WhyOf(second);
  EXPECT_TRUE(second->duplicate);
  EXPECT_EQ(second->revision, first->revision);
  EXPECT_EQ(bucket("b").Get("k")->value, "1");
}

TEST_F(ClientRequests, TtlEnds) {
  auto watcher = bucket("b").Watch();
  ASSERT_TRUE(watcher.ok()) << WhyOf(watcher);
  ASSERT_TRUE(bucket("b").Put("k", "v", {.ttl = 50 * kMillisecond}).ok());
  EXPECT_EQ(NextOf(*watcher, 3), (Names{"end of initial", "PUT k=v @1", "PURGE k @2 expired"}));
}

TEST_F(ClientRequests, EphemeralKeyGoesWithItsClient) {
  auto watcher = bucket("b").Watch();
  {
    Client other = Connected();
    ASSERT_TRUE(other.bucket("b").Put("k", "v", {.ephemeral = true}).ok());
  }
  EXPECT_EQ(NextOf(*watcher, 3), (Names{"end of initial", "PUT k=v @1", "DEL k @2 disconnected"}));
}

TEST_F(ClientRequests, KeysAndEntriesAreSelected) {
  for (const char* key : {"b", "a/2", "a/1", "c/1"}) {
    ASSERT_TRUE(bucket("b").Put(key, "v").ok());
  }
  ASSERT_TRUE(bucket("b").Delete("b").ok());
  EXPECT_EQ(bucket("b").Keys()->keys, (Names{"a/1", "a/2", "c/1"}));
  EXPECT_EQ(bucket("b").Keys({.prefix = "a"})->keys, (Names{"a/1", "a/2"}));
  EXPECT_EQ(bucket("b").Keys({.filter = "+/1"})->keys, (Names{"a/1", "c/1"}));
  EXPECT_EQ(bucket("b").Keys({.include_deleted = true})->keys.size(), 4U);
  EXPECT_EQ(KeysOf(bucket("b").Entries()->entries), (Names{"a/2", "a/1", "c/1", "b"}));
  EXPECT_EQ(KeysOf(bucket("b").Entries({.from_revision = 3, .ignore_deletes = true})->entries),
            (Names{"a/1", "c/1"}));
  EXPECT_EQ(bucket("b").Entries({.meta_only = true})->entries.at(0).value, "");
  EXPECT_TRUE(bucket("b").History({.from_revision = 1})->compacted);
  EXPECT_EQ(TokenOf(bucket("b").Keys({.filter = "a+"})), "bad-request");
}

TEST_F(ClientRequests, PagesGoOnWhereTheyEnded) {
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(bucket("b").Put("k" + std::to_string(i), "v").ok());
  }
  Names keys;
  PageRequest page{.cursor = "", .limit = 2};
  do {
    const auto read = bucket("b").EntriesPage({}, page);
    ASSERT_TRUE(read.ok()) << WhyOf(read);
    EXPECT_LE(read->entries.size(), 2U);
    for (const auto& key : KeysOf(read->entries)) {
      keys.push_back(key);
    }
    page.cursor = read->cursor;
  } while (!page.cursor.empty());
  EXPECT_EQ(keys, (Names{"k0", "k1", "k2", "k3", "k4"}));
  const auto first = bucket("b").KeysPage({}, {.cursor = "", .limit = 3});
  EXPECT_EQ(first->keys.size(), 3U);
  EXPECT_EQ(bucket("b").KeysPage({}, {.cursor = first->cursor, .limit = 3})->keys,
            (Names{"k3", "k4"}));
  EXPECT_EQ(TokenOf(bucket("b").HistoryPage({}, {.cursor = "nonsense", .limit = 1})),
            "bad-request");
  EXPECT_EQ(TokenOf(bucket("b").HistoryPage({}, {.cursor = "", .limit = 501})), "bad-request");
}

TEST_F(ClientRequests, BucketsAreMadeChangedEmptiedAndDeleted) {
  const BucketConfig config{.history = 3, .ttl = 3600 * kSecond, .metadata = {{"room", "1"}}};
  const auto made = client_->CreateBucket("made", config);
  ASSERT_TRUE(made.ok()) << WhyOf(made);
  EXPECT_EQ(made->config, config);
  EXPECT_EQ(made->name, "made");
  EXPECT_TRUE(client_->CreateBucket("made", config).ok());
  EXPECT_EQ(TokenOf(client_->CreateBucket("made", {.history = 4})), "bucket-exists");
  ASSERT_TRUE(bucket("made").Put("k", "v").ok());
  const auto info = bucket("made").Info();
  ASSERT_TRUE(info.ok()) << WhyOf(info);
  EXPECT_EQ(info->keys, 1U);
  EXPECT_EQ(info->last_revision, 1U);
  const auto changed =
      client_->UpdateBucket("made", {{"ttl", std::nullopt}, {"metadata.floor", "2"}});
  ASSERT_TRUE(changed.ok()) << WhyOf(changed);
  EXPECT_EQ(changed->config.ttl, std::nullopt);
  EXPECT_EQ(changed->config.history, 3U);
  EXPECT_EQ(changed->config.metadata.size(), 2U);
  EXPECT_EQ(client_->UpdateBucket("made", BucketConfig{.history = 2})->config,
            BucketConfig{.history = 2});
  EXPECT_EQ(*bucket("made").PurgeAll(), 1U);
  EXPECT_EQ(*bucket("made").PurgeDeletes(0), 1U);
  ASSERT_TRUE(client_->DeleteBucket("made").ok());
  EXPECT_EQ(TokenOf(bucket("made").Info()), "bucket-not-found");
  EXPECT_EQ(TokenOf(client_->DeleteBucket("made")), "bucket-not-found");
  EXPECT_EQ(TokenOf(client_->UpdateBucket("made", BucketFields{})), "bucket-not-found");
}

TEST_F(ClientRequests, BucketsAreListedByName) {
  const auto buckets = client_->Buckets();
  ASSERT_TRUE(buckets.ok()) << WhyOf(buckets);
  ASSERT_EQ(buckets->size(), 2U);
  EXPECT_EQ((*buckets)[0].name, "deep");
  EXPECT_EQ((*buckets)[0].config.history, 5U);
  EXPECT_EQ((*buckets)[1].name, "small");
}

TEST_F(ClientRequests, CheckpointIsADirectory) {
  ASSERT_TRUE(bucket("b").Put("k", "v").ok());
  const auto name = client_->Checkpoint();
  ASSERT_TRUE(name.ok()) << WhyOf(name);
  EXPECT_TRUE(std::filesystem::is_directory(backups_.path() / *name)) << *name;
}

TEST_F(ClientRequests, LimitsAreErrors) {
  EXPECT_EQ(TokenOf(bucket("small").Put("k", "12345")), "value-too-large");
  ASSERT_TRUE(bucket("small").Put("1", "v").ok());
  ASSERT_TRUE(bucket("small").Put("2", "v").ok());
  EXPECT_EQ(TokenOf(bucket("small").Put("3", "v")), "bucket-full");
  EXPECT_EQ(TokenOf(client_->UpdateBucket("small", {{"max_keys", "1"}})), "bucket-full");
  EXPECT_EQ(TokenOf(client_->UpdateBucket("small", {{"storage", "memory"}})), "not-supported");
  ASSERT_TRUE(bucket("third").Put("k", "v").ok());
  ASSERT_TRUE(bucket("fourth").Put("k", "v").ok());
  EXPECT_EQ(TokenOf(bucket("fifth").Put("k", "v")), "too-many-buckets");
}

TEST_F(ClientRequests, NamesThatAreNoneAreNotSent) {
  EXPECT_EQ(TokenOf(bucket("a/b").Put("k", "v")), "invalid-bucket");
  EXPECT_EQ(TokenOf(bucket("").Info()), "invalid-bucket");
  EXPECT_EQ(TokenOf(client_->CreateBucket("#")), "invalid-bucket");
  EXPECT_EQ(TokenOf(bucket("a b").Watch()), "invalid-bucket");
  for (const char* key : {"", "a//b", "+", "a/#", "\xFF"}) {
    EXPECT_EQ(TokenOf(bucket("b").Put(key, "v")), "invalid-key") << key;
  }
  EXPECT_EQ(TokenOf(bucket("b").Watch({.filter = "a+"})), "bad-request");
  EXPECT_EQ(TokenOf(bucket("b").Put("k", "v", {.properties = {{}, {}, {{"n", "\xFF"}}}})),
            "bad-request");
  EXPECT_EQ(TokenOf(bucket("none").Get("k")), "bucket-not-found");
  EXPECT_TRUE(client_->connected());
}

}  // namespace
}  // namespace kv::testing
