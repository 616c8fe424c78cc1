// admin/delete: what becomes of what a bucket has published.
#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/request_clients.h"

namespace kv::testing {
namespace {

class AdminDelete : public RequestTest {
 protected:
  void SetUp() override { ASSERT_NO_FATAL_FAILURE(StartBroker()); }

  void Create(const std::string& config = {}) {
    const Answer answer = Ask("b/admin/create", config);
    ASSERT_TRUE(answer.ok()) << answer;
  }
  void Delete() {
    const Answer answer = Ask("b/admin/delete");
    ASSERT_TRUE(answer.ok()) << answer;
  }
};

// The topics that ended, each once, and all because of the deletion.
std::set<std::string> TopicsOfEnds(const std::vector<Message>& ends, Revision above) {
  std::set<std::string> topics;
  for (const Message& end : ends) {
    EXPECT_TRUE(topics.insert(end.topic).second) << end.topic << " twice";
    EXPECT_EQ(end.payload, "");
    EXPECT_EQ(end.qos, 1);
    EXPECT_EQ(end.Property("kv-op"), "PURGE");
    EXPECT_EQ(end.Property("kv-reason"), "bucket-deleted");
    EXPECT_GT(RevisionOf(end), above);
  }
  return topics;
}

TEST_F(AdminDelete, TakesEverythingBackAndTellsWatchersWhy) {
  ASSERT_NO_FATAL_FAILURE(Create(R"({"history": 5})"));
  for (const std::string key : {"1", "2", "3", "4"}) {
    ASSERT_TRUE(client().Put("b/" + key, "older").ok());
    ASSERT_TRUE(client().Put("b/" + key, "v").ok());
  }
  ASSERT_TRUE(client().Delete("b/3").ok());
  ASSERT_TRUE(client().Purge("b/4").ok());
  ASSERT_TRUE(client().Put("other/k", "stays").ok());
  const auto watcher = Watch("kv/#");
  ASSERT_EQ(watcher->WaitMessages(3).size(), 3U) << "the retained ones";
  ASSERT_NO_FATAL_FAILURE(Delete());
  EXPECT_EQ(Ask("b/info").status, "bucket-not-found");
  EXPECT_EQ(client().Get("b/1").status, "bucket-not-found");
  EXPECT_EQ(Ask("b/admin/delete").status, "bucket-not-found");
  EXPECT_EQ(TopicsOfEnds(watcher->WaitMessages(2), 10),
            (std::set<std::string>{"kv/b/1", "kv/b/2"}));
  EXPECT_TRUE(watcher->TakeMessages().empty()) << "of keys that had no value";
  const auto retained = RetainedMessages(broker().port(), "kv/#");
  ASSERT_EQ(retained.size(), 1U);
  EXPECT_EQ(retained.begin()->first, "kv/other/k");
}

TEST_F(AdminDelete, TellsWatchersOfABucketWithoutRetainedMessagesToo) {
  ASSERT_NO_FATAL_FAILURE(Create(R"({"retained": false, "storage": "memory"})"));
  ASSERT_TRUE(client().Put("b/k", "v").ok());
  const auto watcher = Watch("kv/b/#");
  ASSERT_NO_FATAL_FAILURE(Delete());
  EXPECT_EQ(TopicsOfEnds(watcher->WaitMessages(1), 1), std::set<std::string>{"kv/b/k"});
}

TEST_F(AdminDelete, RevisionsOfABucketThatIsMadeAnewGoOnAboveAlsoAfterAKill) {
  Revision last = 0;
  for (const bool kill : {false, true, false}) {
    for (int i = 0; i < 3; ++i) {
      const Answer put = client().Put("b/" + std::to_string(i), "v");
      ASSERT_TRUE(put.ok()) << put;
      EXPECT_GT(put.revision, last);
      last = put.revision;
    }
    const auto watcher = Watch("kv/b/#");
    ASSERT_EQ(watcher->WaitMessages(3).size(), 3U) << "the retained ones";
    ASSERT_NO_FATAL_FAILURE(Delete());
    const auto ends = watcher->WaitMessages(3);
    EXPECT_EQ(TopicsOfEnds(ends, last).size(), 3U);
    for (const Message& end : ends) {
      last = std::max(last, RevisionOf(end));
    }
    if (kill) {
      ASSERT_NO_FATAL_FAILURE(RestartBroker(true));
    }
    ASSERT_NO_FATAL_FAILURE(Create());
    const Json info = client().Info("b");
    EXPECT_EQ(info["keys"], 0);
    EXPECT_EQ(info["entries"], 0);
    EXPECT_GE(info["last_revision"], last);
    EXPECT_TRUE(client().History("b").empty());
  }
}

TEST_F(AdminDelete, LeavesAloneWhatANewBucketOfTheNameHasWrittenMeanwhile) {
  constexpr std::size_t keys = 5'000;
  ASSERT_NO_FATAL_FAILURE(
      StartBroker({.configuration = "max_queued_messages 100000", .debug_log = false}));
  ASSERT_NO_FATAL_FAILURE(Fill("b", keys));
  MqttClient watcher(broker().port());
  ASSERT_TRUE(watcher.Connect()) << watcher.error();
  ASSERT_EQ(watcher.Subscribe({.filter = "kv/b/#", .qos = 0, .retain_handling = 2}), 0);
  // Right behind the request: every second key, while the old bucket is still being taken apart.
  ASSERT_TRUE(client().PublishAsync("$KV/b/admin/delete", ""));
  for (std::size_t i = 0; i < keys; i += 2) {
    ASSERT_TRUE(client().PublishAsync("kv/b/" + std::to_string(i), "new", {.qos = 0}));
  }
  ASSERT_TRUE(client().Ping()) << client().error();
  std::map<std::string, Message> last;
  EXPECT_TRUE(Eventually([&] {
    for (const Message& message : watcher.TakeMessages()) {
      EXPECT_TRUE(!last.contains(message.topic) ||
                  RevisionOf(last[message.topic]) < RevisionOf(message))
          << message.topic << " goes back to " << ChangeText(message);
      last[message.topic] = message;
    }
    return last.size() == keys;
  })) << "not all were told of: "
      << last.size();
  EXPECT_TRUE(watcher.TakeMessages().empty());
  for (const auto& [topic, message] : last) {
    const bool is_new = std::stoul(topic.substr(topic.rfind('/') + 1)) % 2 == 0;
    ASSERT_EQ(message.payload, is_new ? "new" : "") << topic;
  }
  EXPECT_EQ(client().Info("b")["keys"], keys / 2);
  ASSERT_NO_FATAL_FAILURE(ExpectRetainedEqualsEntries(broker().port(), "b"));
}

// The parameter: where the bucket is stored.
class AdminDeleteKilled : public AdminDelete, public ::testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(StartBroker({.persistence = true, .debug_log = false}));
  }
};

std::string NameOfStorage(const ::testing::TestParamInfo<std::string>& info) {
  return info.param;
}
INSTANTIATE_TEST_SUITE_P(Storage,
                         AdminDeleteKilled,
                         ::testing::Values("file", "memory"),
                         NameOfStorage);

TEST_P(AdminDeleteKilled, IsFinishedAtTheNextStart) {
  constexpr std::size_t keys = 20'000;
  ASSERT_NO_FATAL_FAILURE(Create(R"({"storage": ")" + GetParam() + "\"}"));
  ASSERT_NO_FATAL_FAILURE(Fill("b", keys));
  ASSERT_TRUE(client().Put("other/k", "stays").ok());
  ASSERT_TRUE(broker().Save()) << "the broker's file has every value";
  ASSERT_NO_FATAL_FAILURE(Delete());
  ASSERT_NO_FATAL_FAILURE(RestartBroker(true));
  EXPECT_EQ(Ask("b/info").status, "bucket-not-found");
  EXPECT_TRUE(Eventually([&] { return RetainedMessages(broker().port(), "kv/#").size() == 1; }));
  EXPECT_EQ(client().Get("other/k").value, "stays");
  EXPECT_GT(client().Put("b/k", "new").revision, keys);
  ASSERT_NO_FATAL_FAILURE(ExpectRetainedEqualsStore(broker().port(), "b"));
}

}  // namespace
}  // namespace kv::testing
