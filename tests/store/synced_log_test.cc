// What the synced log has on disk is what a start finds, whatever else is gone.
#include "store/synced_log.h"

#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/store/fault_env.h"
#include "tests/store/journal_fixture.h"

namespace kv::store::testing {
namespace {

namespace fs = std::filesystem;

class SyncedLogTest : public JournalTest {
 protected:
  static constexpr std::size_t kFileBytes = 2048;

  SyncedLog Open() { return SyncedLog({directory(), kFileBytes, &env_}); }

  static bool Add(SyncedLog& log, Sequence sequence) {
    return log.Add({sequence, BytesOf(sequence)});
  }
  // Adds and flushes one by one, until one has no room; the last that had.
  static Sequence FillFrom(SyncedLog& log, Sequence first) {
    Sequence next = first;
    while (Add(log, next)) {
      EXPECT_TRUE(log.Flush().ok());
      ++next;
    }
    return next - 1;
  }
  void LosePower() {
    std::mt19937_64 random(1);
    disk_->RestorePower(random);
  }

  const std::shared_ptr<FaultyDisk> disk_ = std::make_shared<FaultyDisk>();
  FaultyEnv env_{disk_};
};

TEST_F(SyncedLogTest, HasWhatWasFlushed) {
  SyncedLog log = Open();
  for (Sequence sequence = 1; sequence <= 3; ++sequence) {
    ASSERT_TRUE(Add(log, sequence));
  }
  EXPECT_TRUE(Recover(0).empty());
  ASSERT_TRUE(log.Flush().ok());
  ASSERT_TRUE(Add(log, 4));
  ASSERT_TRUE(log.Flush().ok());
  ASSERT_TRUE(Add(log, 5));
  LosePower();
  EXPECT_EQ(Recover(0), Range(1, 4));
  EXPECT_EQ(Recover(2), Range(3, 4));
}

TEST_F(SyncedLogTest, BeginsAnywhereBehindWhatIsSettled) {
  SyncedLog log = Open();
  ASSERT_TRUE(Add(log, 1) && log.Flush().ok());
  log.Settle(100);
  ASSERT_TRUE(Add(log, 101) && log.Flush().ok());
  EXPECT_EQ(Recover(100), Range(101, 101));
  EXPECT_EQ(Recover(101), Range(1, 0));
  EXPECT_TRUE(Recover(0).empty()) << "what joins on to nothing";
}

TEST_F(SyncedLogTest, TakesTurnsWithTwoFilesAndRefusesWhatNeitherHasRoomFor) {
  SyncedLog log = Open();
  Sequence settled = 0;
  Sequence last = FillFrom(log, 1);
  for (int round = 0; round < 50; ++round) {
    EXPECT_TRUE(log.IsFilling());
    EXPECT_EQ(Recover(settled), Range(settled + 1, last));
    log.Settle(settled + 2);  // less than one file has
    EXPECT_FALSE(Add(log, last + 1));
    settled = last;
    log.Settle(settled);
    EXPECT_FALSE(log.IsFilling());
    last = FillFrom(log, last + 1);
  }
  EXPECT_EQ(Files(), (std::vector<std::string>{"1.synced", "2.synced"}));
}

TEST_F(SyncedLogTest, GoesOnInTheFileThatIsSettledWhileTheOtherIsNot) {
  SyncedLog log = Open();
  Sequence last = 1;
  ASSERT_TRUE(Add(log, 1) && log.Flush().ok());
  while (!log.IsFilling()) {
    ASSERT_TRUE(Add(log, ++last) && log.Flush().ok());
  }
  log.Settle(last - 1);  // all of the first one
  EXPECT_FALSE(log.IsFilling());
  const Sequence settled = last - 1;
  last = FillFrom(log, last + 1);
  EXPECT_EQ(Recover(settled), Range(settled + 1, last));
}

TEST_F(SyncedLogTest, FlushesAtOnceWhatIsMoreThanAFile) {
  SyncedLog log = Open();
  Sequence last = 0;
  while (last < 60) {
    ASSERT_TRUE(Add(log, ++last));
  }
  ASSERT_TRUE(log.Flush().ok());
  LosePower();
  EXPECT_EQ(Recover(0), Range(1, last));
}

TEST_F(SyncedLogTest, RefusesARecordThatNoFileHasRoomFor) {
  SyncedLog log = Open();
  ASSERT_TRUE(Add(log, 1) && log.Flush().ok());
  EXPECT_FALSE(log.Add({2, std::string(kFileBytes, 'x')}));
  log.Settle(2);
  ASSERT_TRUE(Add(log, 3) && log.Flush().ok());
  EXPECT_EQ(Recover(2), Range(3, 3));
}

TEST_F(SyncedLogTest, AfterAFailureKeepsWhatItHadAndBeginsAnew) {
  for (const auto act : {FaultyDisk::Act::kWrite, FaultyDisk::Act::kSync}) {
    for (const auto& file : Files()) {
      fs::remove(directory() + "/" + file);
    }
    SyncedLog log = Open();
    ASSERT_TRUE(Add(log, 1) && log.Flush().ok());
    disk_->Break([act](FaultyDisk::Act done, const std::string& /*path*/) { return done == act; });
    ASSERT_TRUE(Add(log, 2));
    EXPECT_FALSE(log.Flush().ok());
    disk_->Heal();
    ASSERT_TRUE(Add(log, 2)) << "in the other file: the first one's is not settled";
    ASSERT_TRUE(log.Flush().ok());
    LosePower();
    EXPECT_EQ(Recover(0), Range(1, 2));
  }
}

TEST_F(SyncedLogTest, AfterAFailureThatTheDatabaseMadeGoodBeginsAnew) {
  SyncedLog log = Open();
  ASSERT_TRUE(Add(log, 1) && log.Flush().ok());
  disk_->Break([](FaultyDisk::Act act, const std::string& /*path*/) {
    return act == FaultyDisk::Act::kSync;
  });
  ASSERT_TRUE(Add(log, 2));
  EXPECT_FALSE(log.Flush().ok());
  disk_->Heal();
  log.Settle(2);
  ASSERT_TRUE(Add(log, 3) && log.Flush().ok());
  LosePower();
  EXPECT_EQ(Recover(2), Range(3, 3));
}

TEST_F(SyncedLogTest, AFileThatCouldNotBeMadeIsMadeLater) {
  for (const Nanoseconds retry_after : {Nanoseconds{0}, 3600 * kSecond}) {
    SCOPED_TRACE(retry_after);
    for (const auto& file : Files()) {
      fs::remove(directory() + "/" + file);
    }
    SyncedLog log({directory(), kFileBytes, &env_, retry_after});
    disk_->Break([](FaultyDisk::Act act, const std::string& path) {
      return act == FaultyDisk::Act::kCreate && IsSyncedLog(path);
    });
    EXPECT_FALSE(Add(log, 1));
    EXPECT_TRUE(Files().empty()) << "it must not be in its own way";
    disk_->Heal();
    EXPECT_EQ(Add(log, 1), retry_after == 0);
    EXPECT_TRUE(log.Flush().ok());
    EXPECT_EQ(Recover(0), retry_after == 0 ? Range(1, 1) : Range(1, 0));
  }
}

TEST_F(SyncedLogTest, WithoutADirectoryRefuses) {
  SyncedLog log({directory() + "/missing", kFileBytes, nullptr});
  EXPECT_FALSE(Add(log, 1));
  EXPECT_TRUE(log.Flush().ok()) << "of nothing";
}

TEST_F(SyncedLogTest, ItsFilesAreReservedAndTheOwnersAlone) {
  SyncedLog log({directory(), kFileBytes, nullptr});
  ASSERT_TRUE(Add(log, 1) && log.Flush().ok());
  struct stat info {};
  ASSERT_EQ(::stat((directory() + "/1.synced").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  EXPECT_EQ(info.st_size, static_cast<off_t>(kFileBytes));
}

// What the journal lost is in the log, and what follows it in the journal counts again.
TEST_F(SyncedLogTest, ClosesAGapOfTheJournal) {
  auto journal = Create();
  AppendUpTo(*journal, 200);
  SyncedLog log({directory(), std::size_t{1} << 20, &env_});
  for (Sequence sequence = 2; sequence <= 20; sequence += 2) {
    // Many uses: their number says nothing about its place.
    ASSERT_TRUE(Add(log, sequence) && log.Flush().ok());
    log.Settle(sequence + 1);
  }
  while (const auto record = journal->NextToSync()) {
    if (record->sequence > 21 && record->sequence <= 150) {
      ASSERT_TRUE(log.Add(*record));
    }
  }
  ASSERT_TRUE(log.Flush().ok());
  const auto segments = Files();
  ASSERT_GT(segments.size(), 6U);
  fs::remove(directory() + "/2.journal");
  fs::remove(directory() + "/3.journal");
  EXPECT_EQ(Recover(21), Range(22, 200));
}

}  // namespace
}  // namespace kv::store::testing
