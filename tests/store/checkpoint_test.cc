// Checkpoints: copies of a store in use that are stores themselves.
#include "store/checkpoint.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/store/checkpoint_fixture.h"
#include "tests/store/store_fixture.h"

namespace kv::store::testing {
namespace {

namespace fs = std::filesystem;

class CheckpointTest : public StoreTest {
 protected:
  CheckpointTest() { Open(); }
  ~CheckpointTest() override { store_.reset(); }

  std::string Target(const std::string& name = "copy") const {
    return directory_->path() + "/" + name;
  }
  void Copy(const std::string& name = "copy") {
    const auto made = MakeCheckpoint(*store_, Target(name));
    ASSERT_TRUE(made.ok()) << made.error().message;
  }
  // From here on the test's store is the copy.
  void OpenCopy(const std::string& name = "copy") {
    const std::string path = Target(name);
    store_.reset();
    options_.path = path;
    Open();
  }
  // What is beside the store.
  std::vector<std::string> Beside() const {
    std::vector<std::string> names;
    for (const auto& item : fs::directory_iterator(directory_->path())) {
      names.push_back(item.path().filename().string());
    }
    std::erase(names, "store");
    return names;
  }
};

TEST_F(CheckpointTest, HoldsEverythingThatWasWrittenBefore) {
  CreateBucket("history=3");
  Put("a", "1");
  Put("a", "2");
  Apply("b", {.value = "3", .ephemeral = true, .message_id = "id"}).ok();
  Delete("a");
  BucketOf("other").Apply(*Key::Parse("k"), {.value = std::string(100'000, 'v')}, now_).ok();
  const Lines before = History();
  Copy();
  Put("a", "after");
  OpenCopy();
  EXPECT_EQ(History(), before);
  EXPECT_EQ(bucket().config().history, 3U);
  EXPECT_EQ(Read(BucketOf("other")).size(), 1U);
  EXPECT_TRUE(Apply("b", {.value = "x", .message_id = "id"})->duplicate);
  EXPECT_EQ(bucket().EphemeralKeys().size(), 1U);
}

TEST_F(CheckpointTest, OfAnEmptyStoreIsOne) {
  Copy();
  OpenCopy();
  EXPECT_TRUE(store_->buckets().empty());
  EXPECT_EQ(Put("a", "1"), 1U);
}

TEST_F(CheckpointTest, GoesOnAboveWhatWasWrittenAfterItWasMade) {
  Put("a", "1");
  Copy();
  const Revision seen = Put("a", "2");
  OpenCopy();
  const Revision next = Put("a", "3");
  EXPECT_GT(next, seen);
  EXPECT_EQ(next, Revisions::kBlock + 1);
}

TEST_F(CheckpointTest, SkipsRevisionsOnce) {
  Put("a", "1");
  Copy();
  EXPECT_TRUE(IsFreshCheckpoint(Target()));
  EXPECT_TRUE(fs::exists(Target() + "/CHECKPOINT"));
  OpenCopy();
  EXPECT_FALSE(IsFreshCheckpoint(Target()));
  EXPECT_FALSE(fs::exists(Target() + "/CHECKPOINT"));
  EXPECT_EQ(Put("a", "2"), Revisions::kBlock + 1);
  Crash();
  EXPECT_EQ(Put("a", "3"), Revisions::kBlock + 2);
  Reopen();
  EXPECT_EQ(Put("a", "4"), Revisions::kBlock + 3);
}

TEST_F(CheckpointTest, KilledBeforeItsFirstWriteItHasSkippedThem) {
  Put("a", "1");
  Copy();
  OpenCopy();
  Crash();
  EXPECT_GT(Put("a", "2"), Revisions::kBlock);
  EXPECT_EQ(History(), Lines{std::to_string(Revisions::kBlock + 1) + " a PUT 2"});
}

TEST_F(CheckpointTest, ItsMemoryBucketsAreEmptyAndSkipRevisionsToo) {
  CreateBucket("storage=memory");
  Put("a", "1");
  Copy();
  const Revision seen = Put("a", "2");
  OpenCopy();
  EXPECT_TRUE(History().empty());
  EXPECT_GT(Put("a", "3"), seen);
}

TEST_F(CheckpointTest, DoesNotTouchWhatIsThereAlready) {
  Put("a", "1");
  fs::create_directory(Target());
  std::ofstream(Target() + "/precious") << "x";
  const auto made = MakeCheckpoint(*store_, Target());
  EXPECT_EQ(CodeOf(made), "storage-error");
  EXPECT_NE(made.error().message.find(Target()), std::string::npos) << made.error().message;
  EXPECT_EQ(Beside(), std::vector<std::string>{"copy"});
  EXPECT_TRUE(fs::exists(Target() + "/precious"));
  EXPECT_FALSE(fs::exists(Target() + "/db"));
  Copy("another");
}

TEST_F(CheckpointTest, IsRefusedWhereNoDirectoryCanBe) {
  std::ofstream(Target("file")) << "x";
  EXPECT_EQ(CodeOf(MakeCheckpoint(*store_, Target("file/copy"))), "storage-error");
  EXPECT_EQ(CodeOf(MakeCheckpoint(*store_, Target("absent/copy"))), "storage-error");
  EXPECT_EQ(Beside(), std::vector<std::string>{"file"});
  EXPECT_TRUE(store_->CheckWritable().ok());
}

TEST_F(CheckpointTest, LeavesNothingBesideAndTheSourceAsItWas) {
  CreateBucket("history=2");
  Put("a", "1");
  Copy();
  EXPECT_EQ(Beside(), std::vector<std::string>{"copy"});
  EXPECT_FALSE(IsFreshCheckpoint(options_.path));
  EXPECT_EQ(Put("a", "2"), 2U) << "the source skips nothing";
  const Lines both{"1 a PUT 1", "2 a PUT 2"};
  EXPECT_EQ(History(), both);
  fs::remove_all(Target());
  Reopen();
  EXPECT_EQ(History(), both);
  Crash();
  EXPECT_EQ(Put("b", "3"), 3U);
}

TEST_F(CheckpointTest, ManyCanBeMadeWhileWritesGoOn) {
  CreateBucket("history=64");
  std::vector<std::future<Status>> made;
  for (int i = 0; i < 5; ++i) {
    Put("k" + std::to_string(i), "v");
    made.push_back(BeginCheckpoint(*store_, Target("copy" + std::to_string(i))));
  }
  for (auto& one : made) {
    EXPECT_EQ(CodeOf(one.get()), "ok");
  }
  Lines expected;
  for (int i = 0; i < 5; ++i) {
    const std::string number = std::to_string(i);
    expected.push_back(std::to_string(i + 1) + " k" + number + " PUT v");
    OpenCopy("copy" + number);
    const Lines found = History();
    ASSERT_GE(found.size(), expected.size()) << "it may hold more, never less";
    EXPECT_EQ(Lines(found.begin(), found.begin() + i + 1), expected);
  }
}

TEST_F(CheckpointTest, HoldsABucketThatIsLeaving) {
  CreateBucket("");
  Put("a", "1");
  ASSERT_TRUE(store_->DropBucket(Name("b")).ok());
  Copy();
  OpenCopy();
  EXPECT_EQ(store_->Find(Name("b")), nullptr);
  ASSERT_TRUE(store_->HasLeaving());
  std::vector<TakenBack> taken;
  ASSERT_TRUE(store_->TakeBack(now_, 10, taken).ok());
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].revision, 2U);
  EXPECT_EQ(Put("a", "2"), 3U);
}

TEST_F(CheckpointTest, OnePendingAtTheEndIsToldEitherWay) {
  Put("a", "1");
  auto made = BeginCheckpoint(*store_, Target());
  ASSERT_TRUE(store_->Close().ok());
  const auto status = made.get();
  EXPECT_EQ(Beside().empty(), !status.ok());
}

}  // namespace
}  // namespace kv::store::testing
