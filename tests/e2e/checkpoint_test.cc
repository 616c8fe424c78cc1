// $KV/checkpoint: a copy of the whole store that a broker can be started on.
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/request_clients.h"
#include "tests/e2e/slow_disk.h"

namespace kv::testing {
namespace {

class CheckpointTest : public RequestTest {
 protected:
  void SetUp() override { ASSERT_NO_FATAL_FAILURE(StartWithBackups()); }

  void StartWithBackups(KvBrokerOptions options = {}) {
    options.plugin.emplace_back("backup_path", directory_.path().string());
    options.plugin.emplace_back("bucket_b", "history=5 description=declared");
    ASSERT_NO_FATAL_FAILURE(StartBroker(std::move(options)));
  }

  // Of the new copy.
  std::filesystem::path Checkpoint() {
    const Answer answer = Ask("checkpoint");
    EXPECT_TRUE(answer.ok()) << answer;
    EXPECT_FALSE(answer.value.empty());
    return directory_.path() / answer.value;
  }

  // A second broker on the copy, and its client.
  void Restore(const std::filesystem::path& copy) {
    restored_.reset();
    restored_client_.reset();
    restored_.emplace(KvBrokerOptions{.plugin = {{"store_path", copy.string()}}});
    const auto started = restored_->Start();
    ASSERT_TRUE(started) << started.log;
    restored_client_.emplace(restored_->port());
    ASSERT_TRUE(restored_client_->Connect()) << restored_client_->error();
  }

  KvBroker& restored() { return *restored_; }
  KvClient& restored_client() { return *restored_client_; }

  TemporaryDirectory directory_;

 private:
  std::optional<KvBroker> restored_;
  std::optional<KvClient> restored_client_;
};

void ExpectSame(const std::vector<Message>& entries, const std::vector<Message>& others) {
  ASSERT_EQ(entries.size(), others.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    EXPECT_EQ(entries[i].Property("kv-key"), others[i].Property("kv-key"));
    EXPECT_TRUE(SameEntry(entries[i], others[i])) << entries[i].Property("kv-key").value_or("?");
  }
}

TEST_F(CheckpointTest, HoldsEveryEntryAndRevisionsGoOnAboveThoseSeenSince) {
  const auto own = Properties().ContentType("a/b").User("z", "1").User("a", "2");
  ASSERT_TRUE(client().Put("b/k", "1", own).ok());
  ASSERT_TRUE(client().Put("b/k", std::string("\0\xff", 2)).ok());
  ASSERT_TRUE(client().Put("b/gone", "3").ok());
  ASSERT_TRUE(client().Delete("b/gone").ok());
  ASSERT_TRUE(client().Put("b/empty", "").ok());
  ASSERT_TRUE(client().Put("b/large", std::string(300'000, 'x')).ok());
  ASSERT_TRUE(client().Write("other/k", "4", MessageId("m")).ok());
  const auto history = client().History("b");
  const Json info = client().Info("b");
  const auto copy = Checkpoint();
  ASSERT_TRUE(std::filesystem::is_directory(copy));
  Revision seen = 0;
  for (int i = 0; i < 500; ++i) {  // clients see revisions that the copy knows nothing of
    seen = client().Put("b/later", std::to_string(i)).revision;
  }
  ASSERT_TRUE(client().Delete("b/k").ok());
  ++seen;

  ASSERT_NO_FATAL_FAILURE(Restore(copy));
  ExpectSame(restored_client().History("b"), history);
  EXPECT_EQ(restored_client().Get("b/later").status, "key-not-found");
  Json restored_info = restored_client().Info("b");
  for (const std::string field :
       {"history", "description", "created", "keys", "entries", "bytes"}) {
    EXPECT_EQ(restored_info[field], info[field]) << field;
  }
  ExpectRetainedEqualsStore(restored().port(), "b");
  ExpectRetainedEqualsStore(restored().port(), "other");
  EXPECT_GT(restored_client().Put("b/k", "5").revision, seen);
  EXPECT_EQ(restored_client().Write("other/k", "6", MessageId("m")).Property("kv-duplicate"),
            "true");

  ASSERT_TRUE(client().Put("b/k", "the first broker goes on").ok());
  ASSERT_NO_FATAL_FAILURE(RestartBroker(true));
  EXPECT_EQ(client().Get("b/k").value, "the first broker goes on");
  EXPECT_EQ(client().Get("b/later").value, "499");
}

TEST_F(CheckpointTest, EachIsADirectoryOfItsOwnAndOfItsOwnMoment) {
  ASSERT_TRUE(client().Put("b/k", "1").ok());
  const auto first = Checkpoint();
  ASSERT_TRUE(client().Put("b/k", "2").ok());
  const auto second = Checkpoint();
  EXPECT_NE(first, second);
  EXPECT_LT(first, second) << "the names sort as the times do";
  ASSERT_NO_FATAL_FAILURE(Restore(first));
  EXPECT_EQ(restored_client().Get("b/k").value, "1");
  ASSERT_NO_FATAL_FAILURE(Restore(second));
  EXPECT_EQ(restored_client().Get("b/k").value, "2");
  const auto started = restored().KillAndStart();
  ASSERT_TRUE(started) << started.log;
}

TEST_F(CheckpointTest, WithoutAcknowledgedWritesMissingWhileAnotherClientWrites) {
  KvClient other(broker().port());
  ASSERT_TRUE(other.Connect()) << other.error();
  for (int i = 0; i < 2000; ++i) {
    ASSERT_TRUE(other.PublishAsync("kv/b/" + std::to_string(i), "before", {.qos = 0}));
  }
  ASSERT_TRUE(other.Ping());
  const PublishOptions options{.properties = Properties().ResponseTopic("replies")};
  ASSERT_TRUE(client().PublishAsync("$KV/checkpoint", "", options));
  for (int i = 0; i < 2000; ++i) {
    ASSERT_TRUE(other.PublishAsync("kv/b/" + std::to_string(i), "after", {.qos = 0}));
  }
  ASSERT_TRUE(other.Ping());
  const auto reply = client().WaitMessage();
  ASSERT_TRUE(reply) << client().error();
  ASSERT_EQ(reply->Property("kv-status"), "ok");
  ASSERT_NO_FATAL_FAILURE(Restore(directory_.path() / reply->payload));
  EXPECT_EQ(restored_client().Info("b")["keys"], 2000);
  // A prefix of what was written: once a key is the old one, all later ones are.
  bool old = false;
  for (int i = 0; i < 2000; i += 50) {
    const Answer got = restored_client().Get("b/" + std::to_string(i));
    ASSERT_TRUE(got.ok()) << got;
    EXPECT_FALSE(old && got.value == "after") << i;
    old = old || got.value == "before";
  }
}

TEST_F(CheckpointTest, LeavesOutDeletedBucketsAndThoseInMemory) {
  ASSERT_TRUE(Ask("memory/admin/create", R"({"storage": "memory"})").ok());
  ASSERT_TRUE(client().Put("memory/k", "v").ok());
  const Revision deleted = client().Put("deleted/k", "v").revision;
  ASSERT_TRUE(Ask("deleted/admin/delete").ok());
  ASSERT_NO_FATAL_FAILURE(Restore(Checkpoint()));
  EXPECT_EQ(testing::Ask(restored_client(), "deleted/info").status, "bucket-not-found");
  EXPECT_EQ(restored_client().Get("memory/k").status, "key-not-found") << "the bucket may stay";
  EXPECT_GT(restored_client().Put("deleted/k", "v").revision, deleted);
}

TEST_F(CheckpointTest, OfVersion311IsAnsweredInJson) {
  JsonClient old(broker().port());
  ASSERT_TRUE(old.Connect()) << old.error();
  const Json answer = old.Ask("checkpoint");
  EXPECT_EQ(answer["status"], "ok");
  EXPECT_TRUE(
      std::filesystem::is_directory(directory_.path() / answer["value"].get<std::string>()));
}

TEST_F(CheckpointTest, IsNotSupportedWithoutABackupPath) {
  ASSERT_NO_FATAL_FAILURE(StartBroker());
  const Answer answer = Ask("checkpoint");
  EXPECT_EQ(answer.status, "not-supported") << answer;
  EXPECT_NE(answer.error.find("plugin_opt_backup_path"), std::string::npos);
}

TEST_F(CheckpointTest, ASecondOneWhileTheFirstIsAtWorkIsUnavailable) {
  SlowDisk disk;
  ASSERT_NO_FATAL_FAILURE(StartWithBackups({.environment = disk.Environment()}));
  ASSERT_TRUE(client().Put("b/k", "v").ok());
  disk.Hold();
  ASSERT_TRUE(client().PublishAsync(
      "$KV/checkpoint", "", {.properties = Properties().ResponseTopic("first")}));
  ASSERT_TRUE(Eventually([&] { return client().Ping() && disk.IsAwaited(); }));
  EXPECT_EQ(Ask("checkpoint").status, "unavailable");
  EXPECT_EQ(client().Get("b/k").value, "v") << "the loop goes on meanwhile";
  disk.Release();
  const auto reply = client().WaitMessage();
  ASSERT_TRUE(reply) << client().error();
  EXPECT_EQ(reply->Property("kv-status"), "ok");
  EXPECT_TRUE(Ask("checkpoint").ok());
}

TEST_F(CheckpointTest, ThatCannotBeWrittenIsAStorageErrorAndTheStoreGoesOn) {
  const auto backups = directory_.path() / "backups";
  ASSERT_TRUE(std::filesystem::create_directory(backups));
  ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"backup_path", backups.string()}}}));
  std::filesystem::remove(backups);
  const Answer answer = Ask("checkpoint");
  EXPECT_EQ(answer.status, "storage-error") << answer;
  EXPECT_NE(answer.error, "");
  EXPECT_TRUE(client().Put("b/k", "v").ok());
  ASSERT_TRUE(std::filesystem::create_directory(backups));
  EXPECT_TRUE(Ask("checkpoint").ok());
}

}  // namespace
}  // namespace kv::testing
