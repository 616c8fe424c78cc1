// Dropped buckets: gone at once, and taken back bit by bit.
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/store/drop_fixture.h"

namespace kv::store::testing {
namespace {

TEST_F(BucketDropTest, IsGoneAtOnceAndItsNameIsFree) {
  Fill();
  const std::uint64_t version = store_->catalog_version();
  Drop();
  EXPECT_NE(store_->catalog_version(), version);
  EXPECT_EQ(store_->Find(Name("b")), nullptr);
  EXPECT_EQ(store_->stats().buckets, 0U);
  EXPECT_EQ(store_->stats().entries, 0U);
  EXPECT_TRUE(store_->buckets().empty());
  EXPECT_EQ(CodeOf(store_->DropBucket(Name("b"))), "bucket-not-found");
  CreateBucket("history=9");
  EXPECT_EQ(bucket().config().history, 9U);
  EXPECT_TRUE(History().empty());
}

TEST_F(BucketDropTest, EveryCatalogChangeIsTold) {
  std::uint64_t version = store_->catalog_version();
  const auto changed = [&] {
    return std::exchange(version, store_->catalog_version()) != version;
  };
  CreateBucket("history=2");
  EXPECT_TRUE(changed());
  Put("a", "1");
  EXPECT_FALSE(changed());
  EXPECT_TRUE(store_->UpdateBucket(bucket(), ConfigOf("history=3"), now_).ok());
  EXPECT_TRUE(changed());
  EXPECT_EQ(CodeOf(store_->UpdateBucket(bucket(), ConfigOf("storage=memory"), now_)),
            "not-supported");
  EXPECT_FALSE(changed());
  Drop();
  EXPECT_TRUE(changed());
}

TEST_F(BucketDropTest, TakesEachValueBackOnceWithTheNextRevisionWhateverTheSlices) {
  for (const std::size_t limit : {1U, 2U, 3U, 100U}) {
    SCOPED_TRACE(limit);
    CreateBucket("history=2");
    const Revision before = bucket().stats().last_revision;
    Put("a", "1");
    Put("b", "2");
    Put("a", "3");
    Delete("b");
    Drop();
    EXPECT_TRUE(store_->HasLeaving());
    EXPECT_EQ(TakeBackAll(limit), Lines{"b/a@" + std::to_string(before + 5)});
    EXPECT_EQ(TakeBack(limit), Lines{}) << "there is nothing left";
  }
}

TEST_F(BucketDropTest, EndedHalfWayItIsTakenBackAgainWithTheSameRevisions) {
  Fill();
  Drop();
  EXPECT_EQ(TakeBack(3), (Lines{"b/b@7", "b/a@8"}));
  Reopen();
  EXPECT_TRUE(store_->HasLeaving());
  EXPECT_EQ(store_->Find(Name("b")), nullptr);
  EXPECT_EQ(TakeBack(3), (Lines{"b/b@7", "b/a@8"}));
  Crash();
  EXPECT_EQ(TakeBackAll(), filled_);
}

TEST_F(BucketDropTest, KilledRightAfterTheDropItIsGone) {
  Fill();
  ASSERT_TRUE(store_->DropBucket(Name("b")).ok());
  Crash();
  EXPECT_EQ(store_->Find(Name("b")), nullptr);
  EXPECT_EQ(TakeBackAll(), filled_);
}

// A watcher that saw what the second one wrote must not get a purge of the first one after it.
TEST_F(BucketDropTest, OthersLeaveAndStayUnharmed) {
  Fill();
  BucketOf("other").Apply(*Key::Parse("a"), {.value = "1"}, now_).ok();
  BucketOf("stays").Apply(*Key::Parse("a"), {.value = "2"}, now_).ok();
  Drop();
  Drop("other");
  Lines expected = filled_;
  expected.emplace_back("other/a@2");
  EXPECT_EQ(TakeBackAll(), expected);
  Crash();
  EXPECT_EQ(Read(BucketOf("stays")), Lines{"1 a PUT 2"});
}

TEST_F(BucketDropTest, NothingOfTheStreamAndTheIdsStaysOnDisk) {
  Fill();
  Apply("a", {.value = "x", .message_id = "id"}).ok();
  EXPECT_EQ(TagsOnDisk(), "abcdefhs");
  Drop();
  TakeBack(2);
  EXPECT_EQ(TagsOnDisk(), "abcdefgs");
  TakeBackAll();
  EXPECT_EQ(TagsOnDisk(), "abcdf");
}

TEST_F(BucketDropTest, MakesRoomForAnotherAtOnce) {
  options_.max_buckets = 1;
  Reopen();
  Fill();
  EXPECT_EQ(CodeOf(store_->FindOrCreate(Name("other"), now_)), "too-many-buckets");
  Drop();
  EXPECT_EQ(CodeOf(store_->FindOrCreate(Name("other"), now_)), "ok");
  EXPECT_EQ(CodeOf(store_->FindOrCreate(Name("b"), now_)), "too-many-buckets");
}

TEST_F(BucketDropTest, SaysThatItsValuesWereNotRetained) {
  retained_ = false;
  CreateBucket("retained=false");
  Put("a", "1");
  Put("b", "2");
  Drop();
  EXPECT_EQ(TakeBack(1), Lines{"b/a@3"});
  Crash();
  EXPECT_EQ(TakeBackAll(), (Lines{"b/a@3", "b/b@4"}));
}

TEST_F(BucketDropTest, InMemoryItIsTakenBackWhileTheBrokerLives) {
  for (const bool killed : {false, true}) {
    CreateBucket("storage=memory");
    const Revision before = bucket().stats().last_revision;
    Put("a", "1");
    Put("b", "2");
    Drop();
    EXPECT_EQ(TakeBack(1), Lines{"b/a@" + std::to_string(before + 3)});
    killed ? Crash() : Reopen();
    EXPECT_EQ(TakeBackAll(), Lines{});
    EXPECT_EQ(Put("c", "3"), before + 5);
    Drop();
    TakeBackAll();
  }
}

TEST_F(BucketDropTest, AnEmptyOneLeavesToo) {
  bucket();
  Drop();
  EXPECT_EQ(TakeBackAll(), Lines{});
  Reopen();
  EXPECT_EQ(Put("a", "1"), 1U);
}

}  // namespace
}  // namespace kv::store::testing
