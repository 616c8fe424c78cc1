// The v5 properties that refine a write.
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/kv_broker.h"
#include "tests/e2e/reasons.h"

namespace kv::testing {
namespace {

Properties Expecting(Revision revision, std::string_view op = {}) {
  Properties properties;
  properties.User("kv-expected-revision", std::to_string(revision));
  return op.empty() ? properties : properties.User("kv-op", op);
}

class WriteOptions : public KvBrokerTest {
 protected:
  void SetUp() override { ASSERT_NO_FATAL_FAILURE(StartBroker()); }

  // The write is refused with the code and a sentence, and nothing of it shows.
  void ExpectRefused(const std::string& path,
                     std::string_view value,
                     const Properties& properties,
                     const std::string& code) {
    const auto slash = path.find('/');
    const std::string bucket = path.substr(0, slash);
    const auto before = client().History(bucket);
    const Answer answer = client().Write(path, value, properties);
    EXPECT_EQ(answer.status, code) << answer;
    EXPECT_FALSE(answer.error.empty()) << "a refusal has a sentence";
    EXPECT_EQ(answer.value, "");
    const auto after = client().History(bucket);
    EXPECT_EQ(after.size(), before.size());
  }
};

TEST_F(WriteOptions, ExpectedRevisionOfTheNewestEntryLetsEveryOperationPass) {
  EXPECT_EQ(client().Write("b/k", "1", Expecting(0)).revision, 1U);
  EXPECT_EQ(client().Write("b/k", "2", Expecting(1)).revision, 2U);
  EXPECT_EQ(client().Write("b/k", "3", Expecting(2, "put")).revision, 3U);
  EXPECT_EQ(client().Write("b/k", "4", Expecting(3, "update")).revision, 4U);
  EXPECT_EQ(client().Write("b/k", "", Expecting(4)).revision, 5U);
  EXPECT_EQ(client().Write("b/k", "5", Expecting(5, "create")).revision, 6U);
  EXPECT_EQ(client().Write("b/k", "", Expecting(6, "delete")).revision, 7U);
  EXPECT_EQ(client().Write("b/k", "", Expecting(7, "purge")).revision, 8U);
  EXPECT_EQ(client().Write("b/k", "6", Expecting(8)).revision, 9U) << "a marker is an entry";
}

TEST_F(WriteOptions, AnotherExpectedRevisionRefusesEveryOperationAndTellsTheActualOne) {
  ASSERT_EQ(client().Put("b/k", "1").revision, 1U);
  ASSERT_EQ(client().Put("b/other", "1").revision, 2U);
  ASSERT_EQ(client().Put("b/k", "2").revision, 3U);
  for (const std::string op : {"", "put", "create", "update", "delete", "purge"}) {
    for (const Revision wrong : {Revision{0}, Revision{1}, Revision{2}, Revision{4}}) {
      SCOPED_TRACE(op + " expecting " + std::to_string(wrong));
      const Answer answer = client().Write("b/k", "x", Expecting(wrong, op));
      EXPECT_EQ(answer.status, "wrong-last-revision") << answer;
      EXPECT_EQ(answer.Property("kv-revision"), "3");
      EXPECT_NE(answer.error, "");
    }
  }
  EXPECT_EQ(client().Get("b/k").revision, 3U);
  EXPECT_EQ(client().Get("b/k").value, "2");
  EXPECT_EQ(client().Info("b")["last_revision"], 3);
}

TEST_F(WriteOptions, ExpectedRevisionOfAKeyWithoutAnEntryIsZero) {
  ASSERT_TRUE(client().Put("b/other", "1").ok());
  const Answer refused = client().Write("b/k", "x", Expecting(1));
  EXPECT_EQ(refused.status, "wrong-last-revision");
  EXPECT_EQ(refused.Property("kv-revision"), "0");
  EXPECT_EQ(client().Write("none/k", "x", Expecting(3)).status, "wrong-last-revision");
  EXPECT_EQ(ToAnswer(client().Request("$KV/none/info")).status, "bucket-not-found");
  EXPECT_TRUE(client().Write("b/k", "x", Expecting(0)).ok());
  EXPECT_EQ(client().Delete("b/missing", Expecting(7)).status, "wrong-last-revision");
}

TEST_F(WriteOptions, OneOfSeveralWritersWithTheSameExpectedRevisionWins) {
  ASSERT_EQ(client().Put("b/k", "0").revision, 1U);
  constexpr std::size_t writer_count = 8;
  std::vector<std::unique_ptr<KvClient>> writers;
  for (std::size_t i = 0; i < writer_count; ++i) {
    writers.push_back(std::make_unique<KvClient>(broker().port()));
    ASSERT_TRUE(writers.back()->Connect()) << writers.back()->error();
  }
  for (auto& writer : writers) {
    ASSERT_TRUE(writer->PublishAsync(
        "kv/b/k", writer->client_id(), {.properties = Expecting(1).ResponseTopic("r")}));
  }
  std::map<std::string, int> statuses;
  std::string winner;
  for (auto& writer : writers) {
    const auto reply = writer->WaitMessage();
    ASSERT_TRUE(reply) << writer->error();
    const std::string status = reply->Property("kv-status").value_or("");
    ++statuses[status];
    winner = status == "ok" ? writer->client_id() : winner;
    EXPECT_EQ(RevisionOf(*reply), 2U) << "the winner's own and the losers' actual revision";
  }
  EXPECT_EQ(statuses["ok"], 1);
  EXPECT_EQ(statuses["wrong-last-revision"], static_cast<int>(writer_count) - 1);
  EXPECT_EQ(client().Get("b/k").value, winner);
}

TEST_F(WriteOptions, CreateNeedsAKeyWithoutAValue) {
  const auto create = Properties().User("kv-op", "create");
  EXPECT_EQ(client().Write("b/k", "1", create).revision, 1U);
  const Answer exists = client().Write("b/k", "2", create);
  EXPECT_EQ(exists.status, "key-exists");
  EXPECT_NE(exists.error, "");
  EXPECT_EQ(client().Get("b/k").value, "1");
  ASSERT_TRUE(client().Delete("b/k").ok());
  EXPECT_EQ(client().Write("b/k", "3", create).revision, 3U) << "deleted";
  ASSERT_TRUE(client().Purge("b/k").ok());
  EXPECT_EQ(client().Write("b/k", "4", create).revision, 5U) << "purged";
  ASSERT_TRUE(client().Put("b/empty", "").ok());
  EXPECT_EQ(client().Write("b/empty", "5", create).status, "key-exists") << "empty is a value";
}

TEST_F(WriteOptions, UpdateNeedsAnExpectedRevision) {
  ASSERT_TRUE(client().Put("b/k", "1").ok());
  ExpectRefused("b/k", "2", Properties().User("kv-op", "update"), "bad-request");
}

TEST_F(WriteOptions, ABadValueOfAPropertyIsABadRequest) {
  ASSERT_TRUE(client().Put("b/k", "1").ok());
  const std::string long_id(300, 'i');
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"kv-op", ""},
      {"kv-op", "putt"},
      {"kv-op", " put"},
      {"kv-op", "increment"},
      {"kv-expected-revision", ""},
      {"kv-expected-revision", "-1"},
      {"kv-expected-revision", "+1"},
      {"kv-expected-revision", " 1"},
      {"kv-expected-revision", "1.0"},
      {"kv-expected-revision", "0x1"},
      {"kv-expected-revision", "one"},
      {"kv-expected-revision", "18446744073709551616"},
      {"kv-ttl", ""},
      {"kv-ttl", "0"},
      {"kv-ttl", "-5s"},
      {"kv-ttl", "5 s"},
      {"kv-ttl", "5w"},
      {"kv-ttl", "forever"},
      {"kv-ttl", "99999999999999999999d"},
      {"kv-ephemeral", "yes"},
      {"kv-ephemeral", ""},
      {"kv-msg-id", ""},
      {"kv-msg-id", long_id},
  };
  for (const auto& [name, value] : bad) {
    SCOPED_TRACE(name + "=" + value);
    ExpectRefused("b/k", "x", Properties().User(name, value), "bad-request");
  }
  EXPECT_EQ(client().Get("b/k").revision, 1U);
}

TEST_F(WriteOptions, TheSamePropertyTwiceIsABadRequest) {
  ASSERT_TRUE(client().Put("b/k", "1").ok());
  const std::vector<std::pair<std::string, std::string>> good = {
      {"kv-op", "put"}, {"kv-expected-revision", "1"}, {"kv-ttl", "1h"}, {"kv-msg-id", "m"}};
  for (const auto& [name, value] : good) {
    SCOPED_TRACE(name);
    ExpectRefused("b/k", "x", Properties().User(name, value).User(name, value), "bad-request");
  }
}

TEST_F(WriteOptions, PropertiesThatAWriteCannotUseAreDropped) {
  // From a bridge, or from one who writes back what a reading request gave: no refusal.
  const auto foreign = Properties()
                           .User("kv-status", "entry")
                           .User("kv-key", "k")
                           .User("kv-limit", "-3")
                           .User("kv-cursor", "x")
                           .User("kv-revision", "none")
                           .User("kv-of-the-future", "");
  const Answer answer = client().Write("b/k", "v", foreign);
  EXPECT_TRUE(answer.ok()) << answer;
  EXPECT_EQ(client().Get("b/k").value, "v");
}

TEST_F(WriteOptions, DeletingWhatHasNoEntryIsOkWritesNothingAndCreatesNoBucket) {
  MqttClient watcher(broker().port());
  ASSERT_TRUE(watcher.Connect()) << watcher.error();
  ASSERT_TRUE(watcher.Subscribe("kv/#"));
  for (const std::string bucket : {"none", "there"}) {
    SCOPED_TRACE(bucket);
    if (bucket == "there") {
      ASSERT_EQ(client().Put("there/other", "1").revision, 1U);
      ASSERT_TRUE(watcher.WaitMessage());
    }
    for (const std::string op : {"delete", "purge", ""}) {
      const Answer answer = client().Write(
          bucket + "/k", "", op.empty() ? Properties() : Properties().User("kv-op", op));
      EXPECT_TRUE(answer.ok()) << answer;
      EXPECT_EQ(answer.Property("kv-revision"), std::nullopt) << "there is no entry to name";
    }
    EXPECT_TRUE(IsSuccess(client().Publish("kv/" + bucket + "/k", "")));
  }
  EXPECT_TRUE(watcher.TakeMessages().empty());
  EXPECT_EQ(ToAnswer(client().Request("$KV/none/info")).status, "bucket-not-found");
  const auto info = client().Info("there");
  EXPECT_EQ(info["last_revision"], 1);
  EXPECT_EQ(info["entries"], 1);
}

TEST_F(WriteOptions, APurgeDropsTheKeysHistoryAndADeleteDoesNot) {
  ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"bucket_b", "history=5"}}}));
  ASSERT_TRUE(client().Put("b/k", "1").ok());
  ASSERT_TRUE(client().Put("b/k", "2").ok());
  ASSERT_TRUE(client().Put("b/k/below", "not the same key").ok());
  ASSERT_TRUE(client().Delete("b/k").ok());
  ASSERT_EQ(client().History("b/k").size(), 4U);
  ASSERT_TRUE(client().Purge("b/k").ok());
  const auto history = client().History("b/k");
  ASSERT_EQ(history.size(), 2U);
  EXPECT_EQ(history[0].Property("kv-key"), "k/below");
  EXPECT_EQ(history[1].Property("kv-op"), "PURGE");
}

}  // namespace
}  // namespace kv::testing
