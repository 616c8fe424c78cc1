// Buckets in memory: gone with the broker, but never their revisions.
#include <gtest/gtest.h>

#include "tests/store/store_fixture.h"

namespace kv::store::testing {
namespace {

class MemoryBucketTest : public StoreTest {
 protected:
  MemoryBucketTest() {
    Open();
    CreateBucket("storage=memory history=3");
  }
};

TEST_F(MemoryBucketTest, WorksLikeAnyOther) {
  Put("a", "1");
  Put("a", "2");
  Put("b", "3");
  Delete("b");
  EXPECT_EQ(History(), (Lines{"1 a PUT 1", "2 a PUT 2", "3 b PUT 3", "4 b DEL"}));
  Purge("a");
  EXPECT_EQ(History(), (Lines{"3 b PUT 3", "4 b DEL", "5 a PURGE"}));
  EXPECT_EQ(CodeOf(Apply("b", {.expected = 3, .value = "x"})), "wrong-last-revision");
  EXPECT_EQ(bucket().stats().bytes, 4U);
  ASSERT_TRUE(Change("storage=memory history=1").ok());
  EXPECT_EQ(History(), (Lines{"4 b DEL", "5 a PURGE"}));
}

TEST_F(MemoryBucketTest, HasNothingToWaitFor) {
  const auto written = Apply("a", {.value = "1"});
  ASSERT_TRUE(written.ok());
  EXPECT_TRUE(store_->IsDurable(written->sequence));
}

TEST_F(MemoryBucketTest, RepeatsTheFirstResultOfAMessageId) {
  EXPECT_EQ(Do("a", {.value = "1", .message_id = "id"}), 1U);
  EXPECT_TRUE(Apply("a", {.value = "1", .message_id = "id"})->duplicate);
  EXPECT_EQ(Do("b", {.operation = Operation::kDelete, .message_id = "delete"}), 0U);
  EXPECT_TRUE(Apply("b", {.operation = Operation::kDelete, .message_id = "delete"})->duplicate);
}

TEST_F(MemoryBucketTest, IsEmptyAfterARestartButItsRevisionsGoOn) {
  Put("a", "1");
  Put("a", "2");
  Reopen();
  EXPECT_TRUE(History().empty());
  EXPECT_EQ(bucket().stats().keys, 0U);
  EXPECT_EQ(bucket().config(), ConfigOf("storage=memory history=3"));
  EXPECT_EQ(Put("a", "3"), 3U);
  EXPECT_TRUE(bucket().IsCompacted({}, 1));
}

TEST_F(MemoryBucketTest, MovedToFilesItStillKnowsThatItLacksWhatWasInMemory) {
  Put("a", "1");
  Reopen();
  ASSERT_TRUE(Change("storage=file history=3").ok());
  EXPECT_EQ(Put("a", "2"), 2U);
  Reopen();
  EXPECT_EQ(History(), (Lines{"2 a PUT 2"}));
  EXPECT_TRUE(bucket().IsCompacted("a", 1));
  EXPECT_FALSE(bucket().IsCompacted("a", 2));
}

TEST_F(MemoryBucketTest, IsEmptyAfterACrashButItsRevisionsGoOnAbove) {
  const Revision before = Put("a", "1");
  Crash();
  EXPECT_TRUE(History().empty());
  const Revision after = Put("a", "2");
  EXPECT_GT(after, before);
  Crash();
  EXPECT_GT(Put("a", "3"), after);
}

}  // namespace
}  // namespace kv::store::testing
