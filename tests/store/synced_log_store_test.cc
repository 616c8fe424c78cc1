// A store whose database lacks what the synced log has.
#include <filesystem>
#include <fstream>
#include <ios>
#include <string>

#include <gtest/gtest.h>

#include "tests/store/fault_fixture.h"

namespace kv::store::testing {
namespace {

namespace fs = std::filesystem;

class SyncedLogStoreTest : public FaultTest {
 protected:
  static constexpr int kWrites = 50;

  SyncedLogStoreTest() {
    options_.gather_bytes = std::size_t{8} << 20;
    options_.journal_segment_bytes = std::size_t{4} << 20;  // and a file of the log
    Open();
    CreateBucket("history=3");
    for (int i = 0; i < kWrites; ++i) {
      Put("k" + std::to_string(i % 20), std::string(500, 'v') + std::to_string(i));
    }
    EXPECT_TRUE(Flush().ok());
    promised_ = History();
  }

  // Of the mapped files the kernel has written the page that the note stands in, and no record.
  void LosePowerWithTheJournalsRecords() {
    Kill();
    options_.boot_id += " and another";
    for (const auto& item : fs::directory_iterator(options_.path + "/journal")) {
      if (item.path().extension() == ".journal") {
        constexpr std::uintmax_t header = 64;
        const auto bytes = item.file_size();
        fs::resize_file(item.path(), header);
        fs::resize_file(item.path(), bytes);
      }
    }
  }
  void LosePowerWithTheJournal() {
    Kill();
    options_.boot_id += " and another";
    fs::remove_all(options_.path + "/journal");
  }
  std::string LogFile() const { return options_.path + "/journal/1.synced"; }

  Lines promised_;
};

TEST_F(SyncedLogStoreTest, APowerCutLeavesWhatWasPromised) {
  const Revision last = Put("later", "lost");
  LosePowerWithTheJournalsRecords();
  Open();
  EXPECT_EQ(History(), promised_);
  EXPECT_GT(Put("k0", "new"), last) << "a client may have seen it";
  promised_ = History();
  Crash();
  EXPECT_EQ(History(), promised_);
}

TEST_F(SyncedLogStoreTest, WithoutItsLogItIsRefused) {
  LosePowerWithTheJournalsRecords();
  fs::remove(LogFile());
  const auto refused = Store::Open(options_, now_);
  ASSERT_EQ(CodeOf(refused), "storage-error");
  EXPECT_NE(refused.error().message.find("lacks writes that it had"), std::string::npos);
}

TEST_F(SyncedLogStoreTest, WithAWrongBitInItsLogItIsRefused) {
  LosePowerWithTheJournalsRecords();
  for (const std::streamoff at : {8, 30, 64, 200, 20'000}) {
    SCOPED_TRACE(at);
    std::fstream file(LogFile(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(at);
    const auto byte = static_cast<char>(file.get());
    file.seekp(at);
    file.put(static_cast<char>(byte ^ 4));
    file.flush();
    const auto refused = Store::Open(options_, now_);
    ASSERT_EQ(CodeOf(refused), "storage-error");
    file.seekp(at);
    file.put(byte);
  }
  Open();  // nothing was altered meanwhile
  EXPECT_EQ(History(), promised_);
}

// The other way round: the journal has everything when only the process dies.
TEST_F(SyncedLogStoreTest, AKilledProcessNeedsNoLog) {
  Put("later", "there");
  promised_ = History();
  Kill();
  fs::remove(LogFile());
  Open();
  EXPECT_EQ(History(), promised_);
}

// What was promised stays so, and the database has it when it is well again.
TEST_F(SyncedLogStoreTest, ADatabaseThatFailsBehindTheLogLosesNothing) {
  disk_->Break([](FaultyDisk::Act act, const std::string& path) {
    return act != FaultyDisk::Act::kRead && !IsSyncedLog(path);
  });
  Put("k0", "in the log");
  ASSERT_TRUE(Flush().ok()) << "the database was not asked";
  EXPECT_EQ(CodeOf(store_->WaitSettled(store_->last_sequence())), "storage-error");
  EXPECT_EQ(CodeOf(store_->CheckWritable()), "storage-error");
  EXPECT_TRUE(store_->IsDurable(store_->last_sequence()));
  promised_ = History();
  disk_->Heal();
  ASSERT_TRUE(AwaitRecovery());
  EXPECT_EQ(History(), promised_);
  Put("k1", "later");
  ASSERT_TRUE(Flush().ok());
  promised_ = History();
  LosePowerWithTheJournalsRecords();
  Open();
  EXPECT_EQ(History(), promised_);
}

// Whoever has to remove the journal loses writes, and no revision comes twice.
TEST_F(SyncedLogStoreTest, WithoutItsJournalItGivesOutNoRevisionAgain) {
  Revision last = 0;
  for (Revision i = 0; i < Revisions::kBlock * 5 / 4; ++i) {  // not a whole file of the log
    last = Put("k0", "v");
    if (i % 1000 == 0) {
      ASSERT_TRUE(Flush().ok());
    }
  }
  ASSERT_TRUE(Flush().ok());
  LosePowerWithTheJournal();
  Open();
  EXPECT_GT(Put("k0", "new"), last);
}

TEST_F(SyncedLogStoreTest, WithoutItsJournalItKnowsANewBucketsRevisions) {
  const auto put = [this] {
    const auto written = BucketOf("new").Apply(*Key::Parse("k"), {.value = "v"}, now_);
    return written.ok() ? written->revision : 0;
  };
  const Revision last = put();
  ASSERT_TRUE(Flush().ok());
  LosePowerWithTheJournal();
  Open();
  EXPECT_GT(put(), last);
}

TEST_F(SyncedLogStoreTest, AStartLeavesNothingOfAnEarlierLog) {
  Kill();
  ASSERT_TRUE(fs::exists(LogFile()));
  Open();
  ASSERT_TRUE(store_->Close().ok());
  Open();
  EXPECT_FALSE(fs::exists(LogFile())) << "and nobody has waited in this life";
}

}  // namespace
}  // namespace kv::store::testing
