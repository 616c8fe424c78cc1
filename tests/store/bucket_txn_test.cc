// Several writes at once: all of them or none, each with a revision of its own.
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/store/store_fixture.h"

namespace kv::store::testing {
namespace {

using Item = std::pair<std::string_view, Write>;

const Write kDelete{.operation = Operation::kDelete};
const Write kPurge{.operation = Operation::kPurge};

class BucketTxnTest : public StoreTest {
 protected:
  BucketTxnTest() { Open(); }

  // The revisions, "again" for a duplicate, or the error's code; then what was remembered.
  std::string Set(const std::vector<Item>& items,
                  std::string_view id = {},
                  const std::string& result = {}) {
    std::vector<KeyedWrite> writes;
    writes.reserve(items.size());
    for (const auto& [key, write] : items) {
      writes.push_back({*Key::Parse(key), write});
    }
    RevisionList revisions;
    const auto written = bucket().ApplyAll(writes,
                                           {.message_id = id,
                                            .result =
                                                [&](const RevisionList&) {
                                                  return result;
                                                }},
                                           now_,
                                           revisions);
    if (!written) {
      return std::string(written.error().token());
    }
    std::string text = written->duplicate ? "again" : "";
    for (const Revision revision : revisions) {
      text += (text.empty() ? "" : " ") + std::to_string(revision);
    }
    last_ = *written;
    return text + (written->result.empty() ? "" : " " + written->result);
  }

  Written last_;
};

TEST_F(BucketTxnTest, TakesConsecutiveRevisionsInOrder) {
  Put("z", "0");
  EXPECT_EQ(Set({{"b", {.value = "1"}}, {"a", {.value = "2"}}, {"z", kDelete}}), "2 3 4");
  EXPECT_EQ(last_.revision, 4U);
  EXPECT_TRUE(last_.is_new());
  EXPECT_EQ(History(), (Lines{"2 b PUT 1", "3 a PUT 2", "4 z DEL"}));
  EXPECT_EQ(Put("c", "3"), 5U);
}

TEST_F(BucketTxnTest, OneRefusedWriteLeavesNoTrace) {
  CreateBucket("history=3 max_value_size=5 max_keys=3");
  Put("a", "1");
  const BucketStats before = bucket().stats();
  const std::vector<std::pair<Item, std::string>> refused{
      {{"a", {.create = true, .value = "x"}}, "key-exists"},
      {{"a", {.expected = 7, .value = "x"}}, "wrong-last-revision"},
      {{"a", {.operation = Operation::kDelete, .expected = 7}}, "wrong-last-revision"},
      {{"c", {.expected = 1, .value = "x"}}, "wrong-last-revision"},
      {{"a", {.value = "too long"}}, "value-too-large"},
  };
  for (const auto& [item, code] : refused) {
    EXPECT_EQ(Set({{"b", {.value = "2"}}, item}, "id"), code);
    EXPECT_EQ(Set({item, {"b", {.value = "2"}}}, "id"), code);
    EXPECT_FALSE(bucket().FindDuplicate("id"));
  }
  EXPECT_EQ(bucket().stats().bytes, before.bytes);
  EXPECT_EQ(bucket().stats().last_revision, 1U);
  EXPECT_EQ(History(), Lines{"1 a PUT 1"});
  Crash();
  EXPECT_EQ(History(), Lines{"1 a PUT 1"});
  EXPECT_FALSE(bucket().FindDuplicate("id"));
  EXPECT_EQ(Set({{"b", {.value = "2"}}}, "id"), "2") << "the id is still free";
}

TEST_F(BucketTxnTest, ConditionsSeeWhatWasThereBeforeTheSet) {
  EXPECT_EQ(Set({{"a", {.create = true, .value = "1"}}, {"b", {.expected = 0, .value = "2"}}}),
            "1 2");
  EXPECT_EQ(Set({{"a", {.operation = Operation::kDelete, .expected = 1}},
                 {"b", {.expected = 2, .value = "3"}}}),
            "3 4");
}

TEST_F(BucketTxnTest, CheckSaysWhatTheSetWouldAndChangesNothing) {
  CreateBucket("max_keys=1");
  const Key key = *Key::Parse("a");
  const std::vector<KeyedWrite> two{{key, {.value = "1"}}, {*Key::Parse("b"), {.value = "2"}}};
  EXPECT_EQ(CodeOf(bucket().Check(two)), "bucket-full");
  EXPECT_EQ(CodeOf(bucket().Check({two.data(), 1})), "ok");
  EXPECT_TRUE(History().empty());
}

TEST_F(BucketTxnTest, KeysAreCountedAlongTheSet) {
  CreateBucket("max_keys=2");
  EXPECT_EQ(Set({{"a", {.value = "1"}}, {"b", {.value = "2"}}, {"c", {.value = "3"}}}),
            "bucket-full");
  EXPECT_EQ(Set({{"a", {.value = "1"}}, {"b", {.value = "2"}}}), "1 2");
  EXPECT_EQ(Set({{"c", {.value = "3"}}, {"a", kDelete}}), "bucket-full");
  EXPECT_EQ(Set({{"a", kDelete}, {"c", {.value = "3"}}}), "3 4");
  EXPECT_EQ(Set({{"a", kPurge}, {"d", {.value = "4"}}}), "bucket-full")
      << "it has no value to give";
  EXPECT_EQ(Set({{"b", kPurge}, {"a", {.value = "4"}}, {"c", {.value = "5"}}}), "5 6 7");
  EXPECT_EQ(bucket().stats().keys, 2U);
}

TEST_F(BucketTxnTest, BytesAreCountedAlongTheSet) {
  CreateBucket("max_bytes=20");
  const std::string seven(6, 'v');  // with its key of one byte
  EXPECT_EQ(Set({{"a", {.value = seven}}, {"b", {.value = seven}}, {"c", {.value = seven}}}),
            "bucket-full");
  EXPECT_EQ(Set({{"a", {.value = seven}}, {"b", {.value = seven}}}), "1 2");
  EXPECT_EQ(Set({{"c", {.value = seven}}, {"a", kDelete}}), "bucket-full");
  // The marker keeps the byte of its key: 1 + 7 + 7.
  EXPECT_EQ(Set({{"a", kDelete}, {"c", {.value = seven}}}), "3 4");
  EXPECT_EQ(bucket().stats().bytes, 15U);
  EXPECT_EQ(Set({{"b", {.value = ""}}, {"c", {.value = std::string(17, 'v')}}}), "5 6");
  EXPECT_EQ(bucket().stats().bytes, 20U);
  EXPECT_EQ(Set({{"b", {.value = "x"}}, {"a", {.value = ""}}}), "bucket-full");
}

TEST_F(BucketTxnTest, BytesOfAHistoryAreFreedOnlyWhenItsEntriesGo) {
  CreateBucket("max_bytes=20 history=2");
  EXPECT_EQ(Put("a", std::string(9, 'v')), 1U);
  EXPECT_EQ(Set({{"a", kDelete}, {"b", {.value = std::string(9, 'v')}}}), "bucket-full");
  EXPECT_EQ(Set({{"a", kPurge}, {"b", {.value = std::string(9, 'v')}}}), "2 3");
}

TEST_F(BucketTxnTest, DeletesOfAbsentKeysGetRevisionZero) {
  EXPECT_EQ(Set({{"x", kDelete}, {"a", {.value = "1"}}, {"y", kPurge}, {"b", {.value = "2"}}}),
            "0 1 0 2");
  EXPECT_EQ(History(), (Lines{"1 a PUT 1", "2 b PUT 2"}));
  EXPECT_EQ(Set({{"x", kDelete}, {"y", kPurge}}), "0 0");
  EXPECT_FALSE(last_.is_new());
}

TEST_F(BucketTxnTest, AnEmptySetIsFineAndItsIdIsRemembered) {
  EXPECT_EQ(Set({}), "");
  EXPECT_EQ(Set({}, "id", "result"), " result");
  for (int life = 0; life < 3; ++life) {
    EXPECT_EQ(Set({{"a", {.value = "1"}}}, "id", "other"), "again result");
    EXPECT_EQ(last_.revision, 0U);
    life == 0 ? Crash() : Reopen();
  }
  EXPECT_TRUE(History().empty());
}

TEST_F(BucketTxnTest, ADuplicateGetsTheFirstResultInEveryLife) {
  const TimePoint first = now_;
  const std::string result("\0any\xFF bytes", 11);
  EXPECT_EQ(Set({{"a", {.value = "1"}}, {"b", {.value = "2"}}}, "id", result), "1 2 " + result);
  now_ += kSecond;
  for (int life = 0; life < 3; ++life) {
    EXPECT_EQ(Set({{"a", {.value = "x"}}}, "id", "other"), "again " + result);
    EXPECT_EQ(last_.revision, 2U);
    EXPECT_EQ(last_.time, first);
    EXPECT_EQ(bucket().FindDuplicate("id")->result, result);
    life == 0 ? Crash() : Reopen();
  }
  EXPECT_EQ(History(), (Lines{"1 a PUT 1", "2 b PUT 2"}));
}

TEST_F(BucketTxnTest, WhatIsRememberedMayKnowTheRevisions) {
  const std::vector<KeyedWrite> writes{{*Key::Parse("a"), {.value = "1"}},
                                       {*Key::Parse("x"), kDelete},
                                       {*Key::Parse("b"), {.value = "2"}}};
  Put("k", "0");
  RevisionList revisions;
  const auto text = [](const RevisionList& list) {
    return ::testing::PrintToString(std::vector<Revision>(list.begin(), list.end()));
  };
  const auto written =
      bucket().ApplyAll(writes, {.message_id = "id", .result = text}, now_, revisions);
  ASSERT_TRUE(written.ok());
  EXPECT_EQ(written->result, "{ 2, 0, 3 }");
  EXPECT_EQ(bucket().FindDuplicate("id")->result, "{ 2, 0, 3 }");
}

TEST_F(BucketTxnTest, RememberTellsTheSameInEveryLifeAndTakesNoRevision) {
  const auto remembered = bucket().Remember("id", "7", now_);
  ASSERT_TRUE(remembered.ok());
  EXPECT_FALSE(remembered->is_new() || remembered->duplicate);
  ASSERT_TRUE(bucket().Remember("", "nothing", now_).ok());
  for (int life = 0; life < 3; ++life) {
    ASSERT_TRUE(bucket().FindDuplicate("id"));
    EXPECT_EQ(bucket().FindDuplicate("id")->result, "7");
    EXPECT_FALSE(bucket().FindDuplicate(""));
    life == 0 ? Crash() : Reopen();
  }
  now_ += options_.duplicate_window + 1;
  store_->PruneDuplicates(now_);
  EXPECT_FALSE(bucket().FindDuplicate("id"));
  EXPECT_EQ(Put("a", "1"), 1U);
}

TEST_F(BucketTxnTest, IsThereWholeAfterACrashAndAfterAnEndInOrder) {
  Lines expected;
  for (int round = 0; round < 4; ++round) {
    std::vector<std::string> keys;
    std::vector<Item> items;
    keys.reserve(100);
    items.reserve(100);
    for (int i = 0; i < 100; ++i) {
      keys.push_back("k" + std::to_string(round * 100 + i));
    }
    for (const auto& key : keys) {
      items.emplace_back(key, Write{.value = "v"});
      expected.push_back(std::to_string(expected.size() + 1) + " " + key + " PUT v");
    }
    Set(items);
    round % 2 == 0 ? Crash() : Reopen();
    ASSERT_EQ(History(), expected);
  }
}

TEST_F(BucketTxnTest, TheMostAtOnceIsOneSet) {
  std::vector<std::string> keys;
  std::vector<Item> items;
  keys.reserve(kMaxWritesAtOnce);
  items.reserve(kMaxWritesAtOnce);
  for (std::size_t i = 0; i < kMaxWritesAtOnce; ++i) {
    keys.push_back("k" + std::to_string(i));
  }
  for (const auto& key : keys) {
    items.emplace_back(key, Write{.value = "v"});
  }
  for (std::size_t round = 1; round <= 20; ++round) {  // beyond the revisions of a block
    Set(items);
    ASSERT_EQ(last_.revision, round * kMaxWritesAtOnce);
  }
  Crash();
  EXPECT_EQ(bucket().stats().keys, kMaxWritesAtOnce);
  EXPECT_EQ(bucket().stats().last_revision, 20 * kMaxWritesAtOnce);
}

TEST_F(BucketTxnTest, InMemoryItIsTheSameUntilTheEnd) {
  CreateBucket("storage=memory max_keys=2");
  EXPECT_EQ(Set({{"a", {.value = "1"}}, {"x", kDelete}, {"b", {.value = "2"}}}, "id", "r"),
            "1 0 2 r");
  EXPECT_EQ(Set({{"a", {.value = "3"}}, {"c", {.value = "4"}}}, "refused"), "bucket-full");
  EXPECT_FALSE(bucket().FindDuplicate("refused"));
  EXPECT_EQ(Set({}, "id"), "again r");
  EXPECT_EQ(Set({{"a", kDelete}, {"c", {.value = "4"}}}), "3 4");
  EXPECT_EQ(History(), (Lines{"2 b PUT 2", "3 a DEL", "4 c PUT 4"}));
  Reopen();
  EXPECT_TRUE(History().empty());
  EXPECT_FALSE(bucket().FindDuplicate("id"));
  EXPECT_EQ(Set({{"a", {.value = "5"}}, {"b", {.value = "6"}}}), "5 6");
}

}  // namespace
}  // namespace kv::store::testing
