// What a store still knows after its broker ended, in order or by SIGKILL.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/kv_broker.h"

namespace kv::testing {
namespace {

enum class End {
  kTerminated,
  kKilled,
};

class EachEnd : public KvBrokerTest, public ::testing::WithParamInterface<End> {
 protected:
  void RestartBroker() {
    const auto started = GetParam() == End::kKilled ? broker().KillAndStart() : broker().Restart();
    ASSERT_TRUE(started) << started.log;
    ASSERT_NO_FATAL_FAILURE(Reconnect());
  }
};

std::string NameOfEnd(const ::testing::TestParamInfo<End>& info) {
  return info.param == End::kKilled ? "Killed" : "Terminated";
}
INSTANTIATE_TEST_SUITE_P(After,
                         EachEnd,
                         ::testing::Values(End::kTerminated, End::kKilled),
                         NameOfEnd);

void ExpectSameEntries(const std::vector<Message>& before, const std::vector<Message>& after) {
  ASSERT_EQ(before.size(), after.size());
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(before[i].Property("kv-key"), after[i].Property("kv-key"));
    EXPECT_TRUE(SameEntry(before[i], after[i])) << i << ": " << *before[i].Property("kv-key");
  }
}

Properties MessageId(std::string_view id) {
  return Properties().User("kv-msg-id", id);
}

TEST_P(EachEnd, KeepsValuesPropertiesAndTimes) {
  ASSERT_NO_FATAL_FAILURE(StartBroker());
  const std::string binary("\0\x01\xFF\xC3(\n", 6);
  const Properties properties =
      Properties().ContentType("a/b").PayloadFormat(1).User("b", "1").User("a", "ä").User("b", "2");
  const std::vector<std::pair<std::string, std::string>> values{
      {"a", "text"},
      {"deep/ef/\xC3\xA4", binary},
      {"empty", ""},
      {"large", std::string(300'000, 'x')}};
  std::vector<Answer> before;
  for (const auto& [key, value] : values) {
    const Answer put = client().Put("b/" + key, value, properties);
    ASSERT_TRUE(put.ok()) << put;
    before.push_back(client().Get("b/" + key));
  }
  ASSERT_NO_FATAL_FAILURE(RestartBroker());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Answer after = client().Get("b/" + values[i].first);
    EXPECT_EQ(after.value, values[i].second);
    EXPECT_EQ(after.message.properties.UserValues("b"), (std::vector<std::string>{"1", "2"}));
    EXPECT_TRUE(SameEntry(after.message, before[i].message)) << after;
  }
}

TEST_P(EachEnd, KeepsWhatWasOnlyAcknowledged) {
  // In `interval` nothing waits for the disk and nothing is flushed soon.
  ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"sync", "interval"}, {"sync_interval", "1h"}}}));
  constexpr int count = 300;
  for (int i = 0; i < count; ++i) {
    const auto qos = static_cast<std::uint8_t>(1 + i % 2);
    const auto reason = client().Publish("kv/b/" + std::to_string(i), "v", {.qos = qos});
    ASSERT_TRUE(reason == 0 || reason == 0x10) << client().error();
  }
  ASSERT_NO_FATAL_FAILURE(RestartBroker());
  EXPECT_EQ(client().Keys("b").size(), std::size_t{count});
  EXPECT_EQ(client().Info("b").at("last_revision"), count);
}

TEST_P(EachEnd, KeepsHistoryWithDeletesAndPurges) {
  ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"bucket_h", "history=3"}}}));
  for (const char* key : {"written", "deleted", "purged", "written/again"}) {
    for (int i = 0; i < 5; ++i) {
      ASSERT_TRUE(client().Put("h/" + std::string(key), std::to_string(i)).ok());
    }
  }
  ASSERT_TRUE(client().Delete("h/deleted").ok());
  ASSERT_TRUE(client().Purge("h/purged").ok());
  ASSERT_TRUE(client().Delete("h/written/again").ok());
  ASSERT_TRUE(client().Put("h/written/again", "anew").ok());
  const auto before = client().History("h");
  const auto info = client().Info("h");
  ASSERT_EQ(before.size(), 3U + 3U + 1U + 3U);

  ASSERT_NO_FATAL_FAILURE(RestartBroker());
  ASSERT_NO_FATAL_FAILURE(ExpectSameEntries(before, client().History("h")));
  EXPECT_EQ(client().Info("h"), info);
  EXPECT_EQ(client().Get("h/deleted").status, "key-not-found");
  ASSERT_NO_FATAL_FAILURE(ExpectRetainedEqualsStore(broker().port(), "h"));
}

TEST_P(EachEnd, RetainedMessagesEqualTheStore) {
  ASSERT_NO_FATAL_FAILURE(StartBroker({.persistence = true}));
  for (int i = 0; i < 40; ++i) {
    const std::string path = "b/" + std::to_string(i);
    ASSERT_TRUE(client().Put(path, "first", Properties().ContentType("x").User("n", path)).ok());
    if (i % 4 == 1) {
      ASSERT_TRUE(client().Put(path, "second").ok());
    } else if (i % 4 == 2) {
      ASSERT_TRUE(client().Delete(path).ok());
    } else if (i % 4 == 3) {
      ASSERT_TRUE(client().Purge(path).ok());
    }
  }
  ASSERT_NO_FATAL_FAILURE(ExpectRetainedEqualsStore(broker().port(), "b"));
  ASSERT_NO_FATAL_FAILURE(RestartBroker());
  ASSERT_NO_FATAL_FAILURE(ExpectRetainedEqualsStore(broker().port(), "b"));
  EXPECT_EQ(RetainedMessages(broker().port(), "kv/#").size(), 20U);
}

TEST_P(EachEnd, RevisionsGoOnAbove) {
  ASSERT_NO_FATAL_FAILURE(StartBroker());
  Revision last = 0;
  for (int life = 0; life < 3; ++life) {
    for (int i = 0; i < 5; ++i) {
      const Answer put = client().Put("b/" + std::to_string(i), "v");
      ASSERT_TRUE(put.ok()) << put;
      ASSERT_GT(put.revision, last);
      // Only a crash may leave a gap.
      if (GetParam() == End::kTerminated) {
        ASSERT_EQ(put.revision, last + 1);
      }
      last = put.revision;
    }
    ASSERT_NO_FATAL_FAILURE(RestartBroker());
    EXPECT_GE(client().Info("b").at("last_revision"), last);
  }
}

TEST_P(EachEnd, RevisionsGoOnAboveWhatLeftNoTrace) {
  ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"bucket_b", "marker_ttl=1ms"}}}));
  ASSERT_TRUE(client().Put("b/k", "v").ok());
  const Answer deleted = client().Delete("b/k");
  ASSERT_EQ(deleted.revision, 2U);
  ASSERT_TRUE(Eventually([this] { return client().Info("b").at("entries") == 0; }));
  ASSERT_NO_FATAL_FAILURE(RestartBroker());
  EXPECT_GE(client().Info("b").at("last_revision"), 2);
  EXPECT_GT(client().Put("b/k", "v").revision, 2U);
}

TEST_P(EachEnd, RefusesWritesThatExpectAnOldRevision) {
  ASSERT_NO_FATAL_FAILURE(StartBroker());
  const Answer first = client().Put("b/k", "1");
  const Answer second = client().Put("b/k", "2");
  ASSERT_NO_FATAL_FAILURE(RestartBroker());
  const Answer refused = client().Update("b/k", "3", first.revision);
  EXPECT_EQ(refused.status, "wrong-last-revision");
  EXPECT_EQ(refused.revision, second.revision);
  EXPECT_TRUE(client().Update("b/k", "3", second.revision).ok());
  EXPECT_EQ(client().Write("b/k", "4", Properties().User("kv-op", "create")).status, "key-exists");
}

TEST_P(EachEnd, RemembersMessageIds) {
  ASSERT_NO_FATAL_FAILURE(StartBroker());
  ASSERT_TRUE(client().Put("b/other", "v").ok());
  const Answer put = client().Put("b/k", "1", MessageId("put"));
  const Answer nothing = client().Delete("b/absent", MessageId("nothing to delete"));
  ASSERT_TRUE(put.ok() && nothing.ok()) << put << nothing;
  ASSERT_TRUE(client().Put("b/k", "2").ok());
  ASSERT_TRUE(client().Put("b/absent", "written since").ok());
  ASSERT_NO_FATAL_FAILURE(RestartBroker());

  const Answer again = client().Put("b/k", "1", MessageId("put"));
  EXPECT_EQ(again.Property("kv-duplicate"), "true") << again;
  EXPECT_EQ(again.revision, put.revision);
  EXPECT_EQ(again.Property("kv-time"), put.Property("kv-time"));
  EXPECT_EQ(client().Get("b/k").value, "2");
  EXPECT_TRUE(client().Delete("b/absent", MessageId("nothing to delete")).ok());
  EXPECT_EQ(client().Get("b/absent").value, "written since");
}

TEST_P(EachEnd, KeepsTheTimeAtWhichAKeyExpires) {
  ASSERT_NO_FATAL_FAILURE(StartBroker());
  ASSERT_TRUE(client().Put("b/short", "v", Properties().User("kv-ttl", "1s")).ok());
  ASSERT_TRUE(client().Put("b/long", "v", Properties().User("kv-ttl", "1h")).ok());
  ASSERT_TRUE(client().Put("b/without", "v").ok());
  ASSERT_NO_FATAL_FAILURE(RestartBroker());
  ASSERT_EQ(client().Subscribe({.filter = "kv/b/#", .qos = 1, .retain_handling = 2}), 1);
  // It may have gone while the broker started: then nobody can have seen it go.
  ASSERT_TRUE(Eventually([this] { return client().Get("b/short").status == "key-not-found"; }));
  for (const Message& message : client().TakeMessages()) {
    EXPECT_EQ(message.topic, "kv/b/short");
    EXPECT_EQ(message.Property("kv-op"), "PURGE");
    EXPECT_EQ(message.Property("kv-reason"), "expired");
  }
  EXPECT_TRUE(client().Get("b/long").ok());
  EXPECT_TRUE(client().Get("b/without").ok());
  ASSERT_NO_FATAL_FAILURE(ExpectRetainedEqualsStore(broker().port(), "b"));
}

TEST_P(EachEnd, KeepsTheBucketsConfiguration) {
  ASSERT_NO_FATAL_FAILURE(StartBroker(
      {.plugin = {{"bucket_declared", "history=7 ttl=36h max_bytes=1MiB description=\"d d\""},
                  {"bucket_defaults", "history=2"}}}));
  ASSERT_TRUE(client().Put("made/k", "v").ok());
  const auto declared = client().Info("declared");
  const auto made = client().Info("made");
  ASSERT_EQ(declared.at("history"), 7);
  ASSERT_EQ(made.at("history"), 2);
  broker().options().plugin = {};  // what is not declared any more stays as it was
  ASSERT_NO_FATAL_FAILURE(RestartBroker());
  EXPECT_EQ(client().Info("declared"), declared);
  EXPECT_EQ(client().Info("made"), made);
}

TEST_P(EachEnd, TrimsWhatADeclarationExcludesNow) {
  ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"bucket_b", "history=5"}}}));
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(client().Put("b/k", std::to_string(i)).ok());
  }
  broker().options().plugin = {{"bucket_b", "history=2"}};
  for (int start = 0; start < 2; ++start) {
    ASSERT_NO_FATAL_FAILURE(RestartBroker());
    const auto history = client().History("b");
    ASSERT_EQ(history.size(), 2U);
    EXPECT_EQ(history[0].payload, "3");
    EXPECT_EQ(history[1].payload, "4");
  }
}

TEST_P(EachEnd, ForgetsMemoryBucketsButNotTheirRevisions) {
  ASSERT_NO_FATAL_FAILURE(
      StartBroker({.plugin = {{"bucket_m", "storage=memory history=2"}}, .persistence = true}));
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(client().Put("m/k" + std::to_string(i), "v").ok());
  }
  ASSERT_EQ(client().Info("m").at("last_revision"), 10);
  ASSERT_EQ(RetainedMessages(broker().port(), "kv/m/#").size(), 10U);
  ASSERT_TRUE(broker().Save());
  ASSERT_NO_FATAL_FAILURE(RestartBroker());

  EXPECT_EQ(client().Info("m").at("entries"), 0);
  EXPECT_TRUE(client().Keys("m").empty());
  EXPECT_TRUE(RetainedMessages(broker().port(), "kv/m/#").empty());
  const Answer put = client().Put("m/k0", "v");
  EXPECT_GT(put.revision, 10U);
  ASSERT_NO_FATAL_FAILURE(RestartBroker());
  EXPECT_GT(client().Put("m/k0", "v").revision, put.revision);
}

}  // namespace
}  // namespace kv::testing
