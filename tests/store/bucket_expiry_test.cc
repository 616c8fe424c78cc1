// How entries end: kv-ttl, the bucket's ttl, marker_ttl.
#include <string>

#include <gtest/gtest.h>

#include "tests/store/store_fixture.h"

namespace kv::store::testing {
namespace {

class BucketExpiryTest : public StoreTest {
 protected:
  BucketExpiryTest() { Open(); }

  Revision PutFor(std::string_view key, std::string_view value, Nanoseconds ttl) {
    return Do(key, {.value = value, .ttl = ttl});
  }
};

// --- kv-ttl ---

TEST_F(BucketExpiryTest, AKeyExpiresAtItsTimeAndNotBefore) {
  PutFor("a", "1", 500 * kMillisecond);
  Put("b", "2");
  EXPECT_EQ(bucket().next_expiry(), now_ + 500 * kMillisecond);
  now_ += 500 * kMillisecond - 1;
  EXPECT_TRUE(Expire().empty());
  now_ += 1;
  EXPECT_EQ(Expire(), (Lines{"a@3"}));
  EXPECT_EQ(History(), (Lines{"2 b PUT 2", "3 a PURGE expired"}));
  EXPECT_TRUE(Expire().empty()) << "only once";
  EXPECT_EQ(bucket().next_expiry(), std::nullopt);
}

TEST_F(BucketExpiryTest, AnExpiryDropsTheHistorySoThatNoOldValueComesBack) {
  CreateBucket("history=5");
  Put("a", "1");
  PutFor("a", "2", kSecond);
  now_ += kSecond;
  EXPECT_EQ(Expire(), (Lines{"a@3"}));
  EXPECT_EQ(History(), (Lines{"3 a PURGE expired"}));
}

TEST_F(BucketExpiryTest, AnotherWriteVoidsTheOldTime) {
  CreateBucket("history=5");
  PutFor("a", "1", kSecond);
  Put("a", "2");
  PutFor("b", "3", kSecond);
  PutFor("b", "4", 5 * kSecond);
  PutFor("c", "5", kSecond);
  Delete("c");
  now_ += 2 * kSecond;
  EXPECT_TRUE(Expire().empty());
  EXPECT_EQ(bucket().stats().entries, 6U);
  now_ += 3 * kSecond;
  EXPECT_EQ(Expire(), (Lines{"b@7"}));
}

TEST_F(BucketExpiryTest, SurvivesARestartAndACrash) {
  CreateBucket("history=3");
  PutFor("a", "1", kSecond);
  PutFor("b", "2", kSecond);
  Put("b", "3");
  Crash();
  Reopen();
  EXPECT_EQ(bucket().next_expiry(), now_ + kSecond);
  now_ += kSecond;
  EXPECT_EQ(Expire(), (Lines{"a@4"}));
  EXPECT_EQ(Get("b"), "3 b PUT 3");
}

TEST_F(BucketExpiryTest, HappensInOrderOfTimeUpToTheLimit) {
  PutFor("late", "1", 3 * kSecond);
  PutFor("early", "2", kSecond);
  PutFor("middle", "3", 2 * kSecond);
  now_ += 10 * kSecond;
  EXPECT_EQ(Expire(2), (Lines{"early@4", "middle@5"}));
  EXPECT_EQ(Expire(2), (Lines{"late@6"}));
}

TEST_F(BucketExpiryTest, GivesEveryBucketItsTurn) {
  for (const auto* const name : {"x", "y", "z"}) {
    for (int i = 0; i < 4; ++i) {
      const std::string key = std::string(name) + std::to_string(i);
      ASSERT_TRUE(BucketOf(name).Apply(*Key::Parse(key), {.value = "v", .ttl = 1}, now_).ok());
    }
  }
  now_ += 1;
  Lines all;
  for (int round = 0; round < 6; ++round) {
    for (const auto& line : Expire(2)) {
      all.push_back(line.substr(0, 1));
    }
  }
  EXPECT_EQ(all, (Lines{"x", "x", "y", "y", "z", "z", "x", "x", "y", "y", "z", "z"}));
}

// --- the bucket's ttl ---

TEST_F(BucketExpiryTest, TheBucketsTtlEndsEveryValue) {
  CreateBucket("ttl=10s");
  Put("a", "1");
  now_ += 5 * kSecond;
  Put("b", "2");
  now_ += 5 * kSecond;
  EXPECT_EQ(Expire(), (Lines{"a@3"}));
  now_ += 5 * kSecond;
  EXPECT_EQ(Expire(), (Lines{"b@4"}));
  now_ += 100 * kSecond;
  EXPECT_TRUE(Expire().empty()) << "markers do not end by ttl";
  EXPECT_EQ(History(), (Lines{"3 a PURGE expired", "4 b PURGE expired"}));
}

TEST_F(BucketExpiryTest, TheShorterOfBothTtlsCounts) {
  CreateBucket("ttl=10s");
  PutFor("short", "1", kSecond);
  PutFor("long", "2", 100 * kSecond);
  now_ += kSecond;
  EXPECT_EQ(Expire(), (Lines{"short@3"}));
  now_ += 9 * kSecond;
  EXPECT_EQ(Expire(), (Lines{"long@4"}));
}

TEST_F(BucketExpiryTest, ASupersededEntryEndsByTheBucketsTtlWithoutATrace) {
  for (const bool crash : {false, true}) {
    SCOPED_TRACE(crash);
    ASSERT_TRUE(Change("history=5 ttl=10s").ok());
    const Revision first = Put("a", "old");
    now_ += 6 * kSecond;
    const Revision second = Put("a", "new");
    if (crash) {
      Crash();
    }
    now_ += 4 * kSecond;
    EXPECT_TRUE(Expire().empty());
    EXPECT_EQ(History().front(), std::to_string(second) + " a PUT new");
    EXPECT_EQ(bucket().stats().last_revision, second) << first;
    Purge("a");
    Put("a", "x");
    Purge("a");
  }
}

// --- markers ---

TEST_F(BucketExpiryTest, MarkersVanishAfterMarkerTtl) {
  CreateBucket("marker_ttl=10s");
  Put("a", "1");
  Put("b", "2");
  Delete("a");
  Purge("b");
  now_ += 10 * kSecond - 1;
  EXPECT_TRUE(Expire().empty());
  EXPECT_EQ(bucket().stats().entries, 2U);
  now_ += 1;
  EXPECT_TRUE(Expire().empty()) << "nothing that had a value has ended";
  EXPECT_TRUE(History().empty());
  EXPECT_EQ(Get("a"), "key-not-found");
  EXPECT_EQ(bucket().stats().bytes, 0U);
  EXPECT_EQ(Put("a", "5"), 5U);
}

TEST_F(BucketExpiryTest, AVanishingMarkerTakesTheOlderEntriesOfItsKeyWithIt) {
  CreateBucket("marker_ttl=10s history=5");
  Put("a", "1");
  Put("b", "2");
  Delete("a");
  now_ += 10 * kSecond;
  EXPECT_TRUE(Expire().empty());
  EXPECT_EQ(History(), (Lines{"2 b PUT 2"})) << "an old value never comes back";
  EXPECT_EQ(bucket().stats().keys, 1U);
  Crash();
  EXPECT_EQ(History(), (Lines{"2 b PUT 2"}));
  EXPECT_EQ(Do("a", {.create = true, .value = "4"}), 4U);
}

TEST_F(BucketExpiryTest, AMarkerThatIsSupersededVanishesAlone) {
  CreateBucket("marker_ttl=10s history=5");
  Put("a", "1");
  Delete("a");
  Put("a", "3");
  now_ += 10 * kSecond;
  EXPECT_TRUE(Expire().empty());
  EXPECT_EQ(History(), (Lines{"1 a PUT 1", "3 a PUT 3"}));
  Crash();
  EXPECT_EQ(History(), (Lines{"1 a PUT 1", "3 a PUT 3"}));
}

TEST_F(BucketExpiryTest, TheMarkerOfAnExpiryVanishesToo) {
  CreateBucket("ttl=10s marker_ttl=5s");
  Put("a", "1");
  now_ += 10 * kSecond;
  EXPECT_EQ(Expire(), (Lines{"a@2"}));
  now_ += 5 * kSecond;
  Expire();
  EXPECT_TRUE(History().empty());
}

TEST_F(BucketExpiryTest, RevisionsGoOnAboveForgottenMarkers) {
  CreateBucket("marker_ttl=1s");
  Put("a", "1");
  Delete("a");
  now_ += kSecond;
  Expire();
  for (const bool crash : {true, false, true}) {
    SCOPED_TRACE(crash);
    ASSERT_TRUE(History().empty());
    const Revision last = bucket().stats().last_revision;
    crash ? Crash() : Reopen();
    EXPECT_EQ(bucket().stats().last_revision, last);
    EXPECT_EQ(Put("a", "x"), last + 1);
    EXPECT_EQ(Delete("a"), last + 2);
    now_ += kSecond;
    Expire();
  }
}

// --- memory ---

TEST_F(BucketExpiryTest, WorksInMemory) {
  CreateBucket("storage=memory ttl=10s marker_ttl=5s history=3");
  Put("a", "1");
  now_ += kSecond;
  PutFor("a", "2", 2 * kSecond);
  now_ += 2 * kSecond;
  EXPECT_EQ(Expire(), (Lines{"a@3"}));
  now_ += 5 * kSecond;
  Expire();
  EXPECT_TRUE(History().empty());
}

}  // namespace
}  // namespace kv::store::testing
