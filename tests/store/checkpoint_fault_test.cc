// Checkpoints, and what else waits for the committer, on a disk that fails.
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/store/checkpoint_fixture.h"
#include "tests/store/fault_fixture.h"

namespace kv::store::testing {
namespace {

using Act = FaultyDisk::Act;

class CheckpointFaultTest : public FaultTest {
 protected:
  CheckpointFaultTest() {
    Open();
    Put("a", "1");
    EXPECT_TRUE(Flush().ok());
  }
  std::string Target() const { return directory_->path() + "/copy"; }
  bool IsClean() const {
    return !std::filesystem::exists(Target()) && !std::filesystem::exists(Target() + ".partial");
  }
};

TEST_F(CheckpointFaultTest, WhicheverActFailsItLeavesNothingOrIsWhole) {
  int failed = 0;
  for (std::uint64_t nth = 1; nth <= 12; ++nth) {
    SCOPED_TRACE(nth);
    Put("a", std::to_string(nth));
    disk_->Break(
        [](Act, const std::string& path) {
          return path.find("/copy.partial/") != std::string::npos;
        },
        nth);
    const auto made = MakeCheckpoint(*store_, Target());
    disk_->Heal();
    EXPECT_TRUE(made.ok() || CodeOf(made) == "storage-error");
    failed += made.ok() ? 0 : 1;
    EXPECT_EQ(IsClean(), !made.ok());
    std::filesystem::remove_all(Target());
  }
  EXPECT_GT(failed, 2);
  EXPECT_TRUE(store_->CheckWritable().ok()) << "the store's own disk was well all the time";
  EXPECT_EQ(Put("b", "2"), 14U);
  EXPECT_EQ(CodeOf(MakeCheckpoint(*store_, Target())), "ok");
}

TEST_F(CheckpointFaultTest, WhenTheStoreItselfFailsItIsAnErrorAndLeavesNothing) {
  disk_->Break([](Act, const std::string&) { return true; });
  Put("a", "2");
  EXPECT_EQ(CodeOf(MakeCheckpoint(*store_, Target())), "storage-error");
  EXPECT_TRUE(IsClean());
  ASSERT_TRUE(disk_->AwaitFailures(2));
  disk_->Heal();
  ASSERT_TRUE(AwaitRecovery());
  EXPECT_EQ(CodeOf(MakeCheckpoint(*store_, Target())), "ok");
}

TEST_F(CheckpointFaultTest, WhileTheStoreIsFailedItIsRefusedAndDoesNotHinderTheRecovery) {
  disk_->Break([](Act, const std::string&) { return true; });
  Put("a", "2");
  EXPECT_EQ(CodeOf(Flush()), "storage-error");
  for (int i = 0; i < 5; ++i) {
    const auto made = MakeCheckpoint(*store_, Target());
    EXPECT_EQ(CodeOf(made), "storage-error");
    EXPECT_NE(made.error().message.find("a fault was injected"), std::string::npos);
  }
  EXPECT_TRUE(IsClean());
  disk_->Heal();
  ASSERT_TRUE(AwaitRecovery());
  EXPECT_EQ(CodeOf(MakeCheckpoint(*store_, Target())), "ok");
}

TEST_F(CheckpointFaultTest, AFailedStoreTakesNothingBackUntilItIsWell) {
  Put("b", "2");
  const auto dropped = store_->DropBucket(Name("b"));
  ASSERT_TRUE(dropped.ok());
  ASSERT_TRUE(store_->WaitDurable(*dropped).ok());
  bucket();
  disk_->Break([](Act, const std::string&) { return true; });
  Put("c", "3");
  EXPECT_EQ(CodeOf(Flush()), "storage-error");
  EXPECT_FALSE(store_->HasLeaving());
  std::vector<TakenBack> taken;
  EXPECT_TRUE(store_->TakeBack(now_, 10, taken).ok());
  EXPECT_TRUE(taken.empty());
  EXPECT_EQ(CodeOf(store_->DropBucket(Name("b"))), "storage-error");
  EXPECT_NE(store_->Find(Name("b")), nullptr);
  disk_->Heal();
  ASSERT_TRUE(AwaitRecovery());
  EXPECT_TRUE(store_->HasLeaving());
  ASSERT_TRUE(store_->TakeBack(now_, 10, taken).ok());
  EXPECT_EQ(taken.size(), 2U);
}

TEST_F(CheckpointFaultTest, ADropThatIsNotOnDiskYetIsToldToNobody) {
  disk_->Break([](Act act, const std::string& path) { return act == Act::kSync && IsWal(path); });
  ASSERT_TRUE(store_->DropBucket(Name("b")).ok());
  EXPECT_FALSE(store_->HasLeaving());
  disk_->Heal();
  ASSERT_TRUE(Await([this] { return store_->HasLeaving(); }));
}

TEST_F(CheckpointFaultTest, SeveralWritesAreRefusedAsOne) {
  disk_->Break([](Act, const std::string&) { return true; });
  Put("a", "2");
  EXPECT_EQ(CodeOf(Flush()), "storage-error");
  const std::vector<KeyedWrite> writes{{*Key::Parse("x"), {.value = "1"}},
                                       {*Key::Parse("y"), {.value = "2"}}};
  RevisionList revisions;
  EXPECT_EQ(CodeOf(bucket().ApplyAll(writes, {.message_id = "id", .result = {}}, now_, revisions)),
            "storage-error");
  EXPECT_EQ(CodeOf(bucket().Remember("id", "x", now_)), "storage-error");
  EXPECT_FALSE(bucket().FindDuplicate("id"));
  EXPECT_EQ(History(), Lines{"2 a PUT 2"});
}

}  // namespace
}  // namespace kv::store::testing
