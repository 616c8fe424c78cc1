// Tasks for the committer's thread: each once the database holds what came before it.
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/store/committer_fixture.h"

namespace kv::store::testing {
namespace {

class CommitterPostTest : public CommitterTest {
 protected:
  void SetUp() override { Start(); }

  Sequence Append(const std::string& key) {
    ChangeSet changes;
    changes.Put(key, "v");
    return CommitterTest::Append(changes);
  }
  // What the task got: "ok", with the key if the database has it; or the error's code.
  std::future<std::string> Post(Sequence after, const std::string& key) {
    auto promise = std::make_shared<std::promise<std::string>>();
    auto result = promise->get_future();
    committer_->Post(after, [this, promise, key](const Status& status) {
      threads_.push_back(std::this_thread::get_id());
      const auto value = database_->Get(key);
      const bool there = value.ok() && value->has_value();
      promise->set_value((status.ok() ? "ok" : std::string(status.error().token())) +
                         (there ? " " + key : ""));
    });
    return result;
  }

  std::vector<std::thread::id> threads_;  // the committer's own until it has stopped
};

TEST_F(CommitterPostTest, SeesWhatWasAppendedBeforeWithoutAnyFlushAskedFor) {
  for (int i = 0; i < 50; ++i) {
    const std::string key = "k" + std::to_string(i);
    const Sequence last = Append(key);
    EXPECT_EQ(Post(last, key).get(), "ok " + key);
  }
}

TEST_F(CommitterPostTest, RunsAtOnceWhenNothingIsToBeWaitedFor) {
  EXPECT_EQ(Post(0, "absent").get(), "ok");
  EXPECT_EQ(Post(0, "absent").get(), "ok") << "from its sleep, too";
}

TEST_F(CommitterPostTest, WaitsForItsRecordAndThoseBehindItForTheirTurn) {
  auto first = Post(2, "b");
  auto second = Post(0, "b");
  ASSERT_TRUE(committer_->WaitDurable(Append("a")).ok());
  const auto ready = [](const auto& one) {
    return one.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  };
  EXPECT_FALSE(ready(first));
  EXPECT_FALSE(ready(second)) << "in the order of the calls";
  Append("b");
  EXPECT_EQ(second.get(), "ok b");
  EXPECT_TRUE(ready(first));
  EXPECT_EQ(first.get(), "ok b");
}

TEST_F(CommitterPostTest, RunsOnOneThreadThatIsNotTheCallers) {
  for (int i = 0; i < 3; ++i) {
    Post(Append("k"), "k").wait();
  }
  ASSERT_TRUE(committer_->Stop().ok());
  ASSERT_EQ(threads_.size(), 3U);
  for (const auto& thread : threads_) {
    EXPECT_EQ(thread, threads_.front());
    EXPECT_NE(thread, std::this_thread::get_id());
  }
}

TEST_F(CommitterPostTest, AtTheEndThoseThatAreDueRunAndTheOthersAreTold) {
  auto due = Post(Append("a"), "a");
  auto never = Post(journal_->last_sequence() + 1, "a");
  auto behind = Post(0, "a");
  ASSERT_TRUE(committer_->Stop().ok());
  EXPECT_EQ(due.get(), "ok a");
  EXPECT_EQ(never.get(), "unavailable a");
  EXPECT_EQ(behind.get(), "unavailable a");
}

TEST_F(CommitterPostTest, ATaskMayPostAnother) {
  std::promise<void> done;
  committer_->Post(
      0, [&](const Status&) { committer_->Post(0, [&done](const Status&) { done.set_value(); }); });
  done.get_future().wait();
}

}  // namespace
}  // namespace kv::store::testing
