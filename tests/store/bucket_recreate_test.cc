// Buckets of a name that was dropped: their revisions go on, and the old values stay away.
#include <string>

#include <gtest/gtest.h>

#include "tests/store/drop_fixture.h"

namespace kv::store::testing {
namespace {

class BucketRecreateTest : public BucketDropTest {};

TEST_F(BucketRecreateTest, GoesOnAboveEveryRevisionWhenCreatedAnew) {
  Fill();
  Drop();
  EXPECT_EQ(Put("new", "1"), 10U) << "7 to 9 are those of the purges";
  EXPECT_EQ(TakeBackAll(), filled_);
  EXPECT_EQ(Put("new", "2"), 11U);
}

TEST_F(BucketRecreateTest, GoesOnAboveThemAfterRestartsBeforeAndAfterTheNewCreation) {
  Fill();
  Drop();
  Reopen();
  Crash();
  EXPECT_EQ(TakeBackAll(), filled_);
  Reopen();
  EXPECT_FALSE(store_->HasLeaving());
  Crash();
  bucket();
  Crash();
  Reopen();
  EXPECT_EQ(Put("new", "1"), 10U);
}

TEST_F(BucketRecreateTest, KeysOfANewBucketOfThatNameAreNotTakenBack) {
  Fill();
  Drop();
  Put("a", "new");
  Put("b", "new");
  Delete("b");
  EXPECT_EQ(TakeBackAll(), Lines{"b/d@9"}) << "the others' revisions stay unused";
  EXPECT_EQ(History(), (Lines{"10 a PUT new", "12 b DEL"}));
  Crash();
  EXPECT_EQ(History(), (Lines{"10 a PUT new", "12 b DEL"}));
}

TEST_F(BucketRecreateTest, ANewBucketIsNotTouchedByARestartWhileTheOldOneLeaves) {
  Fill();
  Drop();
  Put("a", "new");
  Crash();
  EXPECT_EQ(History(), Lines{"10 a PUT new"});
  EXPECT_EQ(TakeBackAll(), (Lines{"b/b@7", "b/d@9"}));
  Reopen();
  EXPECT_EQ(History(), Lines{"10 a PUT new"});
  EXPECT_EQ(Put("b", "new"), 11U);
}

TEST_F(BucketRecreateTest, DroppedAgainWhileLeavingEachKeyEndsOnceWithItsHighestRevision) {
  Fill();
  Drop();
  CreateBucket("history=2");
  EXPECT_EQ(Put("a", "second"), 10U);
  EXPECT_EQ(Put("e", "second"), 11U);
  Drop();
  EXPECT_EQ(Put("new", "third"), 14U);
  for (const bool again : {false, true}) {
    EXPECT_EQ(TakeBack(4), (Lines{"b/b@7"}));
    again ? void() : Crash();
  }
  EXPECT_EQ(TakeBackAll(), (Lines{"b/d@9", "b/a@12", "b/e@13"}));
  EXPECT_EQ(Read(bucket()), Lines{"14 new PUT third"});
}

// It publishes nothing that would replace the old one's retained message.
TEST_F(BucketRecreateTest, ABucketWithoutRetainedMessagesDoesNotKeepThoseOfTheOldOne) {
  Fill();
  Drop();
  CreateBucket("retained=false");
  EXPECT_EQ(Put("a", "new"), 10U);
  EXPECT_EQ(TakeBackAll(), filled_);
  Drop();
  CreateBucket("");
  Put("a", "newer");
  EXPECT_EQ(TakeBackAll(), Lines{}) << "nothing was retained of it";
}

TEST_F(BucketRecreateTest, ItsMessageIdsAreNotThoseOfANewBucket) {
  Apply("a", {.value = "1", .message_id = "id"}).ok();
  Drop();
  const auto written = Apply("a", {.value = "2", .message_id = "id"});
  ASSERT_TRUE(written.ok());
  EXPECT_FALSE(written->duplicate);
  TakeBackAll();
  Crash();
  EXPECT_TRUE(Apply("a", {.value = "3", .message_id = "id"})->duplicate);
}

}  // namespace
}  // namespace kv::store::testing
