// What a write does to a bucket: conditions, markers, history, limits.
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "tests/store/store_fixture.h"

namespace kv::store::testing {
namespace {

class BucketWriteTest : public StoreTest {
 protected:
  BucketWriteTest() { Open(); }
};

TEST_F(BucketWriteTest, TakesTheNextRevisionForEachOperation) {
  EXPECT_EQ(Put("a", "1"), 1U);
  EXPECT_EQ(Put("b", "2"), 2U);
  EXPECT_EQ(Delete("a"), 3U);
  EXPECT_EQ(Purge("b"), 4U);
  EXPECT_EQ(Put("a", "5"), 5U);
  EXPECT_EQ(bucket().stats().last_revision, 5U);
}

TEST_F(BucketWriteTest, KeepsAllThatTheWriterSaid) {
  const Properties properties{.payload_format = std::uint8_t{1},
                              .content_type = "text/plain",
                              .user = {{"n", "1"}, {"n", "2"}}};
  const auto written = Apply("a/b",
                             {.value = std::string_view("\0\xFF", 2),
                              .properties = &properties,
                              .ttl = kSecond,
                              .qos = 2});
  ASSERT_TRUE(written.ok());
  EXPECT_EQ(written->time, now_);
  EXPECT_TRUE(written->is_new());
  const Entry expected{.key = "a/b",
                       .revision = 1,
                       .qos = 2,
                       .time = now_,
                       .expires = now_ + kSecond,
                       .properties = properties,
                       .value = std::string("\0\xFF", 2)};
  for (int round = 0; round < 3; ++round) {
    const auto entry = bucket().Get(*Key::Parse("a/b"));
    ASSERT_TRUE(entry.ok());
    EXPECT_EQ(*entry, expected) << "round " << round;
    round == 0 ? Crash() : Reopen();
  }
}

TEST_F(BucketWriteTest, RemembersTheReasonOfAMarker) {
  Put("a", "1");
  Do("a", {.operation = Operation::kDelete, .reason = Reason::kDisconnected});
  EXPECT_EQ(Get("a"), "2 a DEL disconnected");
  Reopen();
  EXPECT_EQ(Get("a"), "2 a DEL disconnected");
}

// --- conditions ---

TEST_F(BucketWriteTest, CreateSucceedsOnlyWhileTheKeyHasNoValue) {
  EXPECT_EQ(Do("a", {.create = true, .value = "1"}), 1U);
  const auto again = Apply("a", {.create = true, .value = "2"});
  ASSERT_EQ(CodeOf(again), "key-exists");
  EXPECT_EQ(Get("a"), "1 a PUT 1");
  Delete("a");
  EXPECT_EQ(Do("a", {.create = true, .value = "3"}), 3U);
  Purge("a");
  EXPECT_EQ(Do("a", {.create = true, .value = "5"}), 5U);
}

TEST_F(BucketWriteTest, ExpectedRevisionIsTheKeysNewest) {
  Put("a", "1");
  Put("b", "2");
  const auto stale = Apply("a", {.expected = 2, .value = "x"});
  ASSERT_EQ(CodeOf(stale), "wrong-last-revision");
  EXPECT_EQ(stale.error().revision, 1U);
  EXPECT_EQ(Do("a", {.expected = 1, .value = "3"}), 3U);
  EXPECT_EQ(CodeOf(Apply("a", {.expected = 1, .value = "x"})), "wrong-last-revision");
}

TEST_F(BucketWriteTest, ExpectedRevisionHoldsForDeletesAndPurgesToo) {
  Put("a", "1");
  for (const Operation operation : {Operation::kDelete, Operation::kPurge}) {
    const auto stale = Apply("a", {.operation = operation, .expected = 9});
    ASSERT_EQ(CodeOf(stale), "wrong-last-revision");
    EXPECT_EQ(stale.error().revision, 1U);
  }
  EXPECT_EQ(Do("a", {.operation = Operation::kDelete, .expected = 1}), 2U);
  EXPECT_EQ(Do("a", {.operation = Operation::kPurge, .expected = 2}), 3U);
}

TEST_F(BucketWriteTest, ExpectedRevisionZeroMeansThatTheKeyHasNoEntry) {
  EXPECT_EQ(Do("a", {.expected = 0, .value = "1"}), 1U);
  EXPECT_EQ(CodeOf(Apply("a", {.expected = 0, .value = "x"})), "wrong-last-revision");
  Delete("a");
  const auto marker = Apply("a", {.expected = 0, .value = "x"});
  ASSERT_EQ(CodeOf(marker), "wrong-last-revision");
  EXPECT_EQ(marker.error().revision, 2U) << "a marker is an entry";
  EXPECT_EQ(CodeOf(Apply("new", {.operation = Operation::kDelete, .expected = 0})), "ok");
}

TEST_F(BucketWriteTest, ARefusedWriteChangesNothingAndTakesNoRevision) {
  Put("a", "1");
  const auto before = bucket().stats();
  EXPECT_EQ(CodeOf(Apply("a", {.create = true, .value = "x"})), "key-exists");
  EXPECT_EQ(CodeOf(Apply("c", {.expected = 5, .value = "x"})), "wrong-last-revision");
  EXPECT_EQ(CodeOf(Apply("c", {.operation = Operation::kDelete, .expected = 5})),
            "wrong-last-revision");
  EXPECT_EQ(bucket().stats().last_revision, before.last_revision);
  EXPECT_EQ(bucket().stats().bytes, before.bytes);
  EXPECT_EQ(History(), (Lines{"1 a PUT 1"}));
  EXPECT_EQ(Put("b", "2"), 2U);
}

// --- markers ---

TEST_F(BucketWriteTest, DeletingOrPurgingAKeyWithoutEntryWritesNothing) {
  for (const Operation operation : {Operation::kDelete, Operation::kPurge}) {
    const auto written = Apply("a", {.operation = operation});
    ASSERT_TRUE(written.ok());
    EXPECT_EQ(written->revision, 0U);
    EXPECT_FALSE(written->is_new());
  }
  EXPECT_TRUE(History().empty());
  EXPECT_EQ(Put("a", "1"), 1U);
}

TEST_F(BucketWriteTest, ADeleteKeepsTheHistoryAndAPurgeDropsIt) {
  ASSERT_TRUE(Change("history=5").ok());
  Put("a", "1");
  Put("a", "2");
  Put("b", "3");
  Delete("a");
  EXPECT_EQ(History(), (Lines{"1 a PUT 1", "2 a PUT 2", "3 b PUT 3", "4 a DEL"}));
  Purge("a");
  EXPECT_EQ(History(), (Lines{"3 b PUT 3", "5 a PURGE"}));
  EXPECT_EQ(Get("a"), "5 a PURGE");
  Crash();
  EXPECT_EQ(History(), (Lines{"3 b PUT 3", "5 a PURGE"}));
}

TEST_F(BucketWriteTest, AMarkerCarriesNoValueAndNoExpiry) {
  Put("a", "1");
  Do("a", {.operation = Operation::kDelete, .value = "ignored", .ttl = kSecond});
  const auto entry = bucket().Get(*Key::Parse("a"));
  ASSERT_TRUE(entry.ok());
  EXPECT_EQ(entry->value, "");
  EXPECT_EQ(entry->expires, 0);
  const auto bytes = bucket().stats().bytes;
  EXPECT_EQ(bytes, 1U) << "the key alone";
  Reopen();
  EXPECT_EQ(bucket().stats().bytes, bytes);
}

TEST_F(BucketWriteTest, AnEmptyValueIsAValue) {
  Put("a", "");
  EXPECT_EQ(bucket().stats().keys, 1U);
  EXPECT_EQ(CodeOf(Apply("a", {.create = true})), "key-exists");
}

// --- history ---

class HistoryTest : public BucketWriteTest, public ::testing::WithParamInterface<unsigned> {};

TEST_P(HistoryTest, KeepsTheNewestEntriesOfEachKey) {
  const unsigned history = GetParam();
  CreateBucket("history=" + std::to_string(history));
  Lines expected;
  for (unsigned i = 1; i <= 70; ++i) {
    Put("a", std::to_string(i));
    if (i + history > 70) {
      expected.push_back(std::to_string(i) + " a PUT " + std::to_string(i));
    }
  }
  EXPECT_EQ(History(), expected);
  EXPECT_EQ(bucket().stats().entries, history);
  Crash();
  EXPECT_EQ(History(), expected);
}

INSTANTIATE_TEST_SUITE_P(FromLeastToMost, HistoryTest, ::testing::Values(1U, 2U, 5U, 63U, 64U));

TEST_F(BucketWriteTest, AMarkerCountsAsOneOfTheHistory) {
  CreateBucket("history=2");
  Put("a", "1");
  Delete("a");
  EXPECT_EQ(History(), (Lines{"1 a PUT 1", "2 a DEL"}));
  Delete("a");
  EXPECT_EQ(History(), (Lines{"2 a DEL", "3 a DEL"}));
}

// --- limits ---

TEST_F(BucketWriteTest, RefusesAValueLargerThanMaxValueSize) {
  CreateBucket("max_value_size=3");
  EXPECT_EQ(Put("a", "123"), 1U);
  EXPECT_EQ(CodeOf(Apply("a", {.value = "1234"})), "value-too-large");
  const Properties large{.user = {{"name", "a long value"}}};
  EXPECT_EQ(CodeOf(Apply("a", {.value = "123", .properties = &large})), "ok");
}

TEST_F(BucketWriteTest, RefusesAKeyBeyondMaxKeys) {
  CreateBucket("max_keys=2");
  Put("a", "1");
  Put("b", "1");
  EXPECT_EQ(CodeOf(Apply("c", {.value = "1"})), "bucket-full");
  EXPECT_EQ(CodeOf(Apply("a", {.value = "2"})), "ok") << "a key that has a value needs no room";
  Delete("a");
  EXPECT_EQ(CodeOf(Apply("c", {.value = "1"})), "ok") << "a deleted key is none";
  EXPECT_EQ(CodeOf(Apply("a", {.value = "1"})), "bucket-full")
      << "but it is one when it comes back";
  Reopen();
  EXPECT_EQ(CodeOf(Apply("a", {.value = "1"})), "bucket-full");
}

TEST_F(BucketWriteTest, RefusesWhatWouldExceedMaxBytesAfterAllItPushesOut) {
  CreateBucket("max_bytes=10 history=2");
  Put("a", "1234");                                                  // 5 bytes
  EXPECT_EQ(CodeOf(Apply("a", {.value = "12345"})), "bucket-full");  // 5 + 6
  EXPECT_EQ(CodeOf(Apply("a", {.value = "1234"})), "ok");            // 5 + 5
  EXPECT_EQ(CodeOf(Apply("b", {.value = ""})), "bucket-full");
  EXPECT_EQ(CodeOf(Apply("a", {.value = "4321"})), "ok") << "pushes 5 out, brings 5 in";
  EXPECT_EQ(CodeOf(Apply("a", {.value = "54321"})), "bucket-full");
  EXPECT_EQ(bucket().stats().bytes, 10U);
}

TEST_F(BucketWriteTest, CountsPropertiesInMaxBytes) {
  CreateBucket("max_bytes=10");
  const Properties properties{.content_type = "type", .user = {{"n", "v"}}};
  EXPECT_EQ(CodeOf(Apply("a", {.value = "1234", .properties = &properties})), "bucket-full");
  EXPECT_EQ(CodeOf(Apply("a", {.value = "123", .properties = &properties})), "ok");
  EXPECT_EQ(bucket().stats().bytes, 10U);
}

TEST_F(BucketWriteTest, DeletesAndPurgesPassThroughEveryLimit) {
  CreateBucket("max_bytes=4 max_keys=2 max_value_size=1 history=3");
  Put("a", "1");
  Put("b", "1");
  EXPECT_EQ(CodeOf(Apply("a", {.operation = Operation::kDelete})), "ok");
  EXPECT_EQ(bucket().stats().bytes, 5U);
  EXPECT_EQ(CodeOf(Apply("a", {.value = "1"})), "bucket-full");
  EXPECT_EQ(CodeOf(Apply("a", {.operation = Operation::kPurge})), "ok");
  EXPECT_EQ(bucket().stats().bytes, 3U);
}

TEST_F(BucketWriteTest, CheckTellsWhatApplyWouldRefuse) {
  CreateBucket("max_value_size=3");
  Put("a", "1");
  const auto check = [this](const Write& write) {
    const KeyedWrite item{*Key::Parse("a"), write};
    return bucket().Check({&item, 1});
  };
  EXPECT_EQ(CodeOf(check({.create = true, .value = "2"})), "key-exists");
  EXPECT_EQ(CodeOf(check({.expected = 9, .value = "2"})), "wrong-last-revision");
  EXPECT_EQ(CodeOf(check({.value = "1234"})), "value-too-large");
  EXPECT_EQ(CodeOf(check({.expected = 1, .value = "2"})), "ok");
  EXPECT_EQ(History(), (Lines{"1 a PUT 1"})) << "checking writes nothing";
}

// --- where the disk comes in ---

TEST_F(BucketWriteTest, AlwaysSyncHasEveryWriteOnDiskWhenItReturns) {
  options_.sync = Sync::kAlways;
  Open();
  for (int i = 0; i < 20; ++i) {
    const auto written = Apply("a", {.value = "1", .message_id = i % 2 == 0 ? "" : "same"});
    ASSERT_TRUE(written.ok());
    EXPECT_FALSE(written->not_flushed);
    EXPECT_TRUE(store_->IsDurable(written->sequence));
  }
}

TEST_F(BucketWriteTest, AWriteCanBeWaitedFor) {
  const auto written = Apply("a", {.value = "1"});
  ASSERT_TRUE(written.ok());
  EXPECT_TRUE(store_->WaitDurable(written->sequence).ok());
  EXPECT_TRUE(store_->IsDurable(written->sequence));
}

TEST_F(BucketWriteTest, GoesOnBeyondTheReservedBlockOfRevisions) {
  constexpr Revision writes = Revisions::kBlock + Revisions::kBlock / 2 + 10;
  for (Revision revision = 1; revision <= writes; ++revision) {
    ASSERT_EQ(Put("k" + std::to_string(revision % 7), std::to_string(revision)), revision);
  }
  Crash();
  EXPECT_EQ(bucket().stats().last_revision, writes);
  EXPECT_EQ(Put("a", "next"), writes + 1);
  EXPECT_EQ(bucket().stats().keys, 8U);
}

}  // namespace
}  // namespace kv::store::testing
