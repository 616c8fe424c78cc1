// Changing a bucket's configuration while it holds something.
#include <string>

#include <gtest/gtest.h>

#include "tests/store/store_fixture.h"

namespace kv::store::testing {
namespace {

class BucketChangeTest : public StoreTest {
 protected:
  BucketChangeTest() { Open(); }
};

TEST_F(BucketChangeTest, IsThereAfterARestartAndACrash) {
  ASSERT_TRUE(Change("history=5 ttl=1h description=hello metadata.a=b").ok());
  Crash();
  EXPECT_EQ(bucket().config(), ConfigOf("history=5 ttl=1h description=hello metadata.a=b"));
  ASSERT_TRUE(Change("history=6").ok());
  Reopen();
  EXPECT_EQ(bucket().config(), ConfigOf("history=6"));
}

TEST_F(BucketChangeTest, ASmallerHistoryTrimsAtOnce) {
  CreateBucket("history=5");
  for (int i = 1; i <= 4; ++i) {
    Put("a", std::to_string(i));
  }
  Put("b", "5");
  Put("b", "6");
  Delete("b");
  ASSERT_TRUE(Change("history=2").ok());
  const Lines expected{"3 a PUT 3", "4 a PUT 4", "6 b PUT 6", "7 b DEL"};
  EXPECT_EQ(History(), expected);
  EXPECT_EQ(bucket().stats().entries, 4U);
  EXPECT_EQ(bucket().stats().bytes, 7U);
  EXPECT_EQ(bucket().stats().keys, 1U);
  Crash();
  EXPECT_EQ(History(), expected);
  ASSERT_TRUE(Change("history=1").ok());
  Reopen();
  EXPECT_EQ(History(), (Lines{"4 a PUT 4", "7 b DEL"}));
  EXPECT_EQ(Put("c", "8"), 8U);
}

TEST_F(BucketChangeTest, ALargerHistoryKeepsMoreFromNowOn) {
  Put("a", "1");
  Put("a", "2");
  ASSERT_TRUE(Change("history=2").ok());
  Put("a", "3");
  EXPECT_EQ(History(), (Lines{"2 a PUT 2", "3 a PUT 3"}));
}

TEST_F(BucketChangeTest, ASmallerTtlEndsWhatIsOlderAndALargerOneLetsItLive) {
  CreateBucket("ttl=100s");
  Put("a", "1");
  now_ += 10 * kSecond;
  Put("b", "2");
  ASSERT_TRUE(Change("ttl=10s").ok());
  EXPECT_EQ(Expire(), (Lines{"a@3"}));
  ASSERT_TRUE(Change("ttl=100s").ok());
  now_ += 10 * kSecond;
  EXPECT_TRUE(Expire().empty());
  ASSERT_TRUE(Change("").ok());
  now_ += 1000 * kSecond;
  EXPECT_TRUE(Expire().empty());
  EXPECT_EQ(Get("b"), "2 b PUT 2");
  EXPECT_EQ(bucket().next_expiry(), std::nullopt);
}

TEST_F(BucketChangeTest, ANewMarkerTtlHoldsForMarkersThatAreThere) {
  Put("a", "1");
  Delete("a");
  now_ += 100 * kSecond;
  ASSERT_TRUE(Change("marker_ttl=100s").ok());
  Expire();
  EXPECT_TRUE(History().empty());
}

TEST_F(BucketChangeTest, AKeysOwnTtlHoldsOnWhenTheBucketsIsTaken) {
  CreateBucket("ttl=10s");
  Do("a", {.value = "1", .ttl = 20 * kSecond});
  ASSERT_TRUE(Change("").ok());
  now_ += 10 * kSecond;
  EXPECT_TRUE(Expire().empty());
  now_ += 10 * kSecond;
  EXPECT_EQ(Expire(), (Lines{"a@2"}));
}

TEST_F(BucketChangeTest, StorageAndRetainedChangeOnlyWhileTheBucketIsEmpty) {
  ASSERT_TRUE(Change("retained=false").ok());
  ASSERT_TRUE(Change("storage=memory").ok());
  ASSERT_TRUE(Change("").ok());
  Put("a", "1");
  EXPECT_EQ(CodeOf(Change("retained=false")), "not-supported");
  EXPECT_EQ(CodeOf(Change("storage=memory")), "not-supported");
  EXPECT_EQ(bucket().config(), BucketConfig());
  EXPECT_EQ(CodeOf(Change("audit=true")), "ok");
}

TEST_F(BucketChangeTest, LimitsBelowWhatIsThereAreRefused) {
  Put("a", "1234");
  Put("b", "1234");
  EXPECT_EQ(CodeOf(Change("max_bytes=9")), "bucket-full");
  EXPECT_EQ(CodeOf(Change("max_keys=1")), "bucket-full");
  EXPECT_EQ(bucket().config(), BucketConfig());
  EXPECT_EQ(CodeOf(Change("max_bytes=10 max_keys=2")), "ok");
  EXPECT_EQ(CodeOf(Change("max_value_size=1")), "ok") << "larger values that are there stay";
  EXPECT_EQ(Get("a"), "1 a PUT 1234");
}

TEST_F(BucketChangeTest, RevisionsGoOnWhenAnEmptiedBucketChangesItsStorage) {
  for (const bool crash : {true, false}) {
    SCOPED_TRACE(crash);
    ASSERT_TRUE(Change("storage=memory marker_ttl=1s").ok());
    Put("a", "1");
    Delete("a");
    now_ += kSecond;
    Expire();
    const Revision last = bucket().stats().last_revision;
    ASSERT_TRUE(Change("storage=file marker_ttl=1s").ok());
    crash ? Crash() : Reopen();
    EXPECT_EQ(bucket().stats().last_revision, last);
  }
}

TEST_F(BucketChangeTest, ATrimGoesOnWhereItWas) {
  CreateBucket("history=3");
  for (int round = 0; round < 3; ++round) {
    for (const auto* const key : {"a", "b", "c"}) {
      Put(key, std::to_string(round));
    }
  }
  ASSERT_TRUE(bucket().BeginConfig(ConfigOf("history=1")).ok());
  EXPECT_EQ(bucket().stats().entries, 9U);
  EXPECT_EQ(*bucket().Trim(now_, 2), Progress::kMore);
  EXPECT_EQ(bucket().stats().entries, 5U);
  Put("c", "3");  // a write does it for its key
  EXPECT_EQ(bucket().stats().entries, 3U);
  EXPECT_EQ(*bucket().Trim(now_, 2), Progress::kDone);
  EXPECT_EQ(*bucket().Trim(now_, 2), Progress::kDone);
  EXPECT_EQ(History(), (Lines{"7 a PUT 2", "8 b PUT 2", "10 c PUT 3"}));
}

TEST_F(BucketChangeTest, ATrimThatWasCutShortIsFinishedByTheNextStart) {
  for (const bool crash : {true, false}) {
    CreateBucket("history=3");
    const Revision last = bucket().stats().last_revision;
    for (const auto* const key : {"a", "b", "a", "b"}) {
      Put(key, "v");
    }
    ASSERT_TRUE(bucket().BeginConfig(ConfigOf("history=1")).ok());
    ASSERT_EQ(*bucket().Trim(now_, 1), Progress::kMore);
    crash ? Crash() : Reopen();
    EXPECT_EQ(bucket().config().history, 1U);
    EXPECT_EQ(bucket().stats().entries, 2U);
    EXPECT_EQ(bucket().stats().last_revision, last + 4);
    EXPECT_TRUE(bucket().IsCompacted({}, last + 2));
    ASSERT_TRUE(store_->DropBucket(Name("b")).ok());
  }
}

TEST_F(BucketChangeTest, AnotherTtlReachesEveryKeyOfATrimInSlices) {
  CreateBucket("history=1");
  for (const auto* const key : {"a", "b", "c"}) {
    Put(key, "v");
  }
  now_ += 5 * kSecond;
  ASSERT_TRUE(bucket().BeginConfig(ConfigOf("history=1 ttl=2s")).ok());
  EXPECT_EQ(*bucket().Trim(now_, 1), Progress::kMore);
  EXPECT_EQ(Expire(1), (Lines{"a@4"}));
  EXPECT_EQ(*bucket().Trim(now_, 5), Progress::kDone);
  EXPECT_EQ(Expire(), (Lines{"b@5", "c@6"}));
}

TEST_F(BucketChangeTest, ALongerTtlProtectsWhatTheTrimHasNotComeTo) {
  CreateBucket("ttl=10s");
  for (const auto* const key : {"a", "b", "c"}) {
    Put(key, "v");
  }
  ASSERT_TRUE(bucket().BeginConfig(ConfigOf("ttl=1h")).ok());
  now_ += 20 * kSecond;
  EXPECT_EQ(Expire(1), Lines());
  EXPECT_EQ(Expire(), Lines());
  EXPECT_EQ(bucket().stats().keys, 3U);
  now_ += 3600 * kSecond;
  EXPECT_EQ(Expire(), (Lines{"a@4", "b@5", "c@6"}));
}

TEST_F(BucketChangeTest, AnExpiryGoesOnWithATrimThatNobodyGoesOnWith) {
  CreateBucket("history=3");
  for (const auto* const key : {"a", "b", "a", "b"}) {
    Put(key, "v");
  }
  ASSERT_TRUE(bucket().BeginConfig(ConfigOf("history=1")).ok());
  Expire(1);
  Expire(1);
  EXPECT_EQ(bucket().stats().entries, 2U);
}

}  // namespace
}  // namespace kv::store::testing
