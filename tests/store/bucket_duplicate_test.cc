// Message ids: a write that comes again gets its first result.
#include <string>

#include <gtest/gtest.h>

#include "tests/store/store_fixture.h"

namespace kv::store::testing {
namespace {

class BucketDuplicateTest : public StoreTest {
 protected:
  BucketDuplicateTest() { Open(); }

  // "revision", with " again" for a duplicate; or the error's code.
  std::string PutWithId(std::string_view key, std::string_view value, std::string_view id) {
    return Text(Apply(key, {.value = value, .message_id = id}));
  }
  std::string DeleteWithId(std::string_view key, std::string_view id) {
    return Text(Apply(key, {.operation = Operation::kDelete, .message_id = id}));
  }

 private:
  static std::string Text(const Result<Written>& written) {
    if (!written) {
      return std::string(written.error().token());
    }
    return std::to_string(written->revision) + (written->duplicate ? " again" : "");
  }
};

TEST_F(BucketDuplicateTest, TheSameIdWritesOnceAndGetsTheFirstResultAgain) {
  const TimePoint first = now_;
  EXPECT_EQ(PutWithId("a", "1", "id"), "1");
  now_ += kSecond;
  EXPECT_EQ(PutWithId("a", "other", "id"), "1 again");
  EXPECT_EQ(PutWithId("another key", "other", "id"), "1 again");
  EXPECT_EQ(Apply("a", {.value = "x", .message_id = "id"})->time, first);
  EXPECT_FALSE(Apply("a", {.value = "x", .message_id = "id"})->is_new());
  EXPECT_EQ(History(), (Lines{"1 a PUT 1"}));
  EXPECT_EQ(PutWithId("a", "2", "id2"), "2");
}

TEST_F(BucketDuplicateTest, AnIdIsOfOneBucket) {
  EXPECT_EQ(PutWithId("a", "1", "id"), "1");
  const auto other =
      BucketOf("other").Apply(*Key::Parse("a"), {.value = "1", .message_id = "id"}, now_);
  ASSERT_TRUE(other.ok());
  EXPECT_FALSE(other->duplicate);
}

TEST_F(BucketDuplicateTest, WithoutIdEveryWriteCounts) {
  EXPECT_EQ(PutWithId("a", "1", ""), "1");
  EXPECT_EQ(PutWithId("a", "1", ""), "2");
}

TEST_F(BucketDuplicateTest, ARepeatedConditionIsNotCheckedAgain) {
  const Write create{.create = true, .value = "1", .message_id = "create"};
  EXPECT_EQ(Apply("a", create)->revision, 1U);
  const auto again = Apply("a", create);
  ASSERT_TRUE(again.ok()) << "the key exists now, by this very write";
  EXPECT_TRUE(again->duplicate);
  const Write update{.expected = 1, .value = "2", .message_id = "update"};
  EXPECT_EQ(Apply("a", update)->revision, 2U);
  EXPECT_TRUE(Apply("a", update)->duplicate);
}

TEST_F(BucketDuplicateTest, ARefusedWriteLeavesItsIdFree) {
  Put("a", "1");
  EXPECT_EQ(CodeOf(Apply("a", {.create = true, .value = "x", .message_id = "id"})), "key-exists");
  EXPECT_EQ(CodeOf(Apply("a", {.expected = 9, .value = "x", .message_id = "id"})),
            "wrong-last-revision");
  EXPECT_EQ(PutWithId("a", "2", "id"), "2");
  EXPECT_EQ(PutWithId("a", "2", "id"), "2 again");
}

TEST_F(BucketDuplicateTest, TheDeleteOfAMissingKeyIsRememberedToo) {
  EXPECT_EQ(DeleteWithId("a", "id"), "0");
  Put("a", "1");
  EXPECT_EQ(DeleteWithId("a", "id"), "0 again") << "it must not delete what came later";
  EXPECT_EQ(Get("a"), "1 a PUT 1");
}

TEST_F(BucketDuplicateTest, IsRememberedAfterARestartAndAfterACrash) {
  EXPECT_EQ(PutWithId("a", "1", "put"), "1");
  EXPECT_EQ(DeleteWithId("missing", "delete"), "0");
  EXPECT_EQ(DeleteWithId("a", "delete a"), "2");
  for (int round = 0; round < 2; ++round) {
    round == 0 ? Crash() : Reopen();
    EXPECT_EQ(PutWithId("a", "x", "put"), "1 again");
    EXPECT_EQ(DeleteWithId("a", "delete"), "0 again");
    EXPECT_EQ(DeleteWithId("a", "delete a"), "2 again");
    EXPECT_EQ(Get("a"), "2 a DEL");
  }
}

TEST_F(BucketDuplicateTest, IsForgottenAfterTheWindow) {
  EXPECT_EQ(PutWithId("a", "1", "old"), "1");
  now_ += options_.duplicate_window / 2;
  EXPECT_EQ(PutWithId("a", "2", "young"), "2");
  now_ += options_.duplicate_window / 2 + 1;
  store_->PruneDuplicates(now_);
  EXPECT_EQ(PutWithId("a", "3", "young"), "2 again");
  EXPECT_EQ(PutWithId("a", "3", "old"), "3");
  EXPECT_EQ(PutWithId("a", "3", "old"), "3 again");
  Crash();
  EXPECT_EQ(PutWithId("a", "3", "young"), "2 again");
  EXPECT_EQ(PutWithId("a", "3", "old"), "3 again");
}

TEST_F(BucketDuplicateTest, AFloodOfIdsPushesOutTheOldestAndIsForgottenInSlices) {
  constexpr std::size_t enough =
      Duplicates::kMaxBytes / 512 + 1;  // of the longest ids, each kept twice
  const auto id_of = [](std::size_t number) {
    const std::string digits = std::to_string(number);
    return digits + std::string(256 - digits.size(), 'x');
  };
  EXPECT_EQ(PutWithId("a", "1", "first"), "1");
  for (std::size_t i = 0; i < enough; ++i) {
    ASSERT_EQ(PutWithId("a", "v", id_of(i)), std::to_string(i + 2));
  }
  EXPECT_EQ(PutWithId("a", "v", id_of(enough - 1)), std::to_string(enough + 1) + " again");
  EXPECT_EQ(PutWithId("a", "2", "first"), std::to_string(enough + 2)) << "it left early";
  Crash();
  EXPECT_EQ(PutWithId("a", "v", "first"), std::to_string(enough + 2) + " again");
  EXPECT_EQ(PutWithId("a", "v", id_of(0)), std::to_string(enough + 3)) << "on disk, too";

  now_ += options_.duplicate_window + 1;
  std::size_t slices = 1;
  while (store_->PruneDuplicates(now_, 1000) == Progress::kMore) {
    ++slices;
  }
  EXPECT_GT(slices, 10U);
  EXPECT_LT(slices, enough / 1000 + 2);
  EXPECT_EQ(PutWithId("a", "v", "first"), std::to_string(enough + 4));
}

TEST_F(BucketDuplicateTest, IsForgottenWhenTheWindowPassesBetweenTwoLives) {
  EXPECT_EQ(PutWithId("a", "1", "old"), "1");
  now_ += options_.duplicate_window + 1;
  Reopen();
  EXPECT_EQ(PutWithId("a", "2", "old"), "2");
  // The clock went back: what was forgotten once stays forgotten.
  now_ -= options_.duplicate_window;
  Reopen();
  EXPECT_EQ(PutWithId("a", "x", "old"), "2 again");
}

TEST_F(BucketDuplicateTest, MayBeAnyBytes) {
  const std::string id("\0\xFF/id", 5);
  EXPECT_EQ(PutWithId("a", "1", id), "1");
  Reopen();
  EXPECT_EQ(PutWithId("a", "1", id), "1 again");
  EXPECT_EQ(PutWithId("a", "1", id.substr(0, 4)), "2");
}

TEST_F(BucketDuplicateTest, KeepsTheNewestRevisionKnownWhenItsEntryIsGone) {
  CreateBucket("marker_ttl=1s");
  EXPECT_EQ(PutWithId("a", "1", "put"), "1");
  EXPECT_EQ(DeleteWithId("a", "delete"), "2");
  now_ += 2 * kSecond;
  Expire();
  EXPECT_TRUE(History().empty());
  Crash();
  EXPECT_EQ(PutWithId("a", "3", "new"), "3");
}

}  // namespace
}  // namespace kv::store::testing
