// What nobody waits for is gathered in the journal, so that what is overwritten is never written.
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "tests/store/committer_fixture.h"

namespace kv::store::testing {
namespace {

constexpr BucketId kBucket = 1;

class CommitterGatherTest : public CommitterTest {
 protected:
  // Entry `revision`, which pushes the one before it out.
  Sequence Overwrite(Revision revision, const std::string& value = "v") {
    ChangeSet changes;
    changes.Put(StreamKey(kBucket, revision), value);
    if (revision > 1) {
      changes.SingleDelete(StreamKey(kBucket, revision - 1));
    }
    return Append(changes);
  }
  bool Has(Revision revision) const {
    const auto value = database_->Get(StreamKey(kBucket, revision));
    EXPECT_TRUE(value.ok());
    return value.ok() && value->has_value();
  }
  template <typename Condition>
  static bool Await(const Condition& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (!condition() && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    return condition();
  }
  std::size_t LogBytes() const {
    std::size_t bytes = 0;
    for (const auto& file : std::filesystem::directory_iterator(directory_.path() + "/db")) {
      bytes += file.path().extension() == ".log" ? file.file_size() : 0;
    }
    return bytes;
  }
};

TEST_F(CommitterGatherTest, NothingReachesTheDatabaseBeforeTheIntervalIsOver) {
  Start({.sync_interval = 3600 * kSecond});
  for (Revision revision = 1; revision <= 100; ++revision) {
    Overwrite(revision);
  }
  ASSERT_TRUE(committer_->WaitDurable(100).ok());  // in the synced log
  EXPECT_EQ(committer_->applied(), 0U);
  ASSERT_TRUE(committer_->WaitSettled(100).ok());
  EXPECT_EQ(committer_->applied(), 100U);
  EXPECT_TRUE(Has(100));
  EXPECT_FALSE(Has(99));
}

TEST_F(CommitterGatherTest, WhatIsOverwrittenMeanwhileIsNotWritten) {
  Start({.sync_interval = 3600 * kSecond});
  for (Revision revision = 1; revision <= 1000; ++revision) {
    Overwrite(revision, std::string(1000, 'v'));
  }
  ASSERT_TRUE(committer_->WaitSettled(1000).ok());
  EXPECT_TRUE(Has(1000));
  EXPECT_LT(LogBytes(), 10'000U);
}

TEST_F(CommitterGatherTest, WhatWasWrittenBeforeIsStillTakenAway) {
  Start({.sync_interval = 3600 * kSecond});
  ASSERT_TRUE(committer_->WaitSettled(Overwrite(1)).ok());
  ASSERT_TRUE(Has(1));
  ASSERT_TRUE(committer_->WaitSettled(Overwrite(2)).ok());
  EXPECT_FALSE(Has(1));
  EXPECT_TRUE(Has(2));
}

TEST_F(CommitterGatherTest, SoManyBytesAreWrittenWhoeverWaits) {
  Start({.sync_interval = 3600 * kSecond, .gather_bytes = 100'000});
  Overwrite(1, std::string(99'000, 'v'));
  Overwrite(2, std::string(1'000, 'v'));
  EXPECT_TRUE(Await([this] { return committer_->applied() == 2; }));
}

TEST_F(CommitterGatherTest, WhoWaitsForALittleGetsItFromTheSyncedLog) {
  Start({.sync_interval = 3600 * kSecond});
  for (Revision revision = 1; revision <= 100; ++revision) {
    ASSERT_TRUE(committer_->WaitDurable(Overwrite(revision)).ok());
  }
  EXPECT_EQ(committer_->applied(), 0U);
  EXPECT_EQ(LogBytes(), 0U);
}

TEST_F(CommitterGatherTest, WhoWaitsForMuchGetsItFromTheDatabase) {
  Start({.sync_interval = 3600 * kSecond});
  for (Revision revision = 1; revision <= 2000; ++revision) {
    Overwrite(revision, std::string(1000, 'v'));
  }
  ASSERT_TRUE(committer_->WaitDurable(2000).ok());
  EXPECT_EQ(committer_->applied(), 2000U);
  EXPECT_LT(LogBytes(), 10'000U) << "what is overwritten need not be flushed";
  ASSERT_TRUE(committer_->WaitDurable(Overwrite(2001)).ok());
  EXPECT_EQ(committer_->applied(), 2000U) << "a little again";
}

TEST_F(CommitterGatherTest, AFullSyncedLogIsEmptiedIntoTheDatabase) {
  Start({.sync_interval = 3600 * kSecond, .synced_log = {.file_bytes = 4096}});
  for (Revision revision = 1; revision <= 300; ++revision) {
    ASSERT_TRUE(committer_->WaitDurable(Overwrite(revision)).ok());
  }
  EXPECT_GT(committer_->applied(), 100U);
  ASSERT_TRUE(committer_->WaitDurable(Overwrite(301, std::string(5000, 'v'))).ok());
  EXPECT_EQ(committer_->applied(), 301U) << "which no file of it has room for";
}

TEST_F(CommitterGatherTest, TheIntervalEndsTheGathering) {
  Start({.sync_interval = 20 * kMillisecond});
  for (Revision revision = 1; revision <= 100; ++revision) {
    Overwrite(revision);
  }
  EXPECT_TRUE(Await([this] { return committer_->durable() == 100; }));
}

}  // namespace
}  // namespace kv::store::testing
