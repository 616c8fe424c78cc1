// What a journal's files tell after the process that wrote them is gone.
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "store/journal.h"
#include "store/segment.h"
#include "tests/store/journal_fixture.h"

namespace kv::store::testing {
namespace {

namespace fs = std::filesystem;

// Files are shared with their mapping: what recovery sees while the journal is still open is what
// it would see had the process been killed.
class JournalRecoveryTest : public JournalTest {
 protected:
  bool IsWhole(Sequence after) const {
    const auto recovered = Journal::Recover(
        directory(), after, [](const JournalRecord& /*record*/) { return Status(Ok{}); });
    EXPECT_TRUE(recovered.ok());
    return recovered.ok() && recovered->is_whole;
  }
  static Sequence DurableIn(const std::string& directory) {
    const auto recovered = Journal::Recover(
        directory, 0, [](const JournalRecord& /*record*/) { return Status(Ok{}); });
    return recovered.ok() ? recovered->durable : 0;
  }
};

TEST_F(JournalRecoveryTest, FindsEveryRecordOfAKilledProcess) {
  auto journal = Create();
  AppendUpTo(*journal, 200);
  EXPECT_EQ(Recover(0), Range(1, 200));
  EXPECT_EQ(Recover(120), Range(121, 200));
  EXPECT_TRUE(Recover(200).empty());
  EXPECT_TRUE(Recover(1000).empty());
}

TEST_F(JournalRecoveryTest, FindsNothingInAnEmptyOrMissingDirectory) {
  EXPECT_TRUE(Recover(0).empty());
  EXPECT_TRUE(Recover(directory() + "/missing", 0).empty());
}

TEST_F(JournalRecoveryTest, DoesNotLookAtReleasedSegmentsAgain) {
  auto journal = Create();
  AppendUpTo(*journal, 200);
  ASSERT_EQ(Drain(*journal).size(), 200U);
  journal->Release(150);
  const auto recovered = Recover(150);
  EXPECT_EQ(recovered, Range(151, 200));
}

TEST_F(JournalRecoveryTest, NeverTakesForARecordWhatAnEarlierUseLeftBehind) {
  auto journal = Create();
  for (Sequence last = 1; last <= 3000; last += 1 + last % 40) {
    AppendUpTo(*journal, last);
    Drain(*journal);
    journal->Release(last / 2);
    ASSERT_EQ(Recover(last / 2), Range(last / 2 + 1, last));
  }
}

// The same sequence, but written under another segment's number: only the check tells them apart.
TEST_F(JournalRecoveryTest, TakesNoRecordThatWasWrittenUnderAnotherSegmentsNumber) {
  auto journal = Create();
  ASSERT_TRUE(journal->Append(BytesOf(1)).ok());
  const std::string of_first = Read("1.journal");
  journal.reset();
  auto other = Create();
  // Finds no room in the first segment, so that the second one begins with sequence 1, too.
  ASSERT_TRUE(other->Append(std::string(2 * kSegmentBytes, 'h')).ok());
  const std::string of_second = Read("2.journal");
  other.reset();

  const TempDirectory mixed;
  Write(mixed.path() + "/1.journal", of_first);
  EXPECT_EQ(Recover(mixed.path(), 0), Range(1, 1));
  Write(mixed.path() + "/1.journal",
        of_second.substr(0, Segment::kHeaderBytes) + of_first.substr(Segment::kHeaderBytes));
  EXPECT_TRUE(Recover(mixed.path(), 0).empty());
}

// Where each of the records 1.. ends in a segment that begins with record 1.
std::vector<std::size_t> Ends(const std::vector<std::string>& records) {
  std::vector<std::size_t> ends;
  std::size_t at = Segment::kHeaderBytes;
  for (const auto& bytes : records) {
    ends.push_back(at + Segment::kRecordHeaderBytes + bytes.size());
    at += Segment::kRecordHeaderBytes + (bytes.size() + 7) / 8 * 8;
  }
  return ends;
}

class TornJournalTest : public JournalTest {
 protected:
  static constexpr Sequence kRecords = 8;

  TornJournalTest() {
    auto journal = Create();
    AppendUpTo(*journal, kRecords);
    bytes_ = Read("1.journal");
    std::vector<std::string> records;
    for (const Sequence sequence : Range(1, kRecords)) {
      records.push_back(BytesOf(sequence));
    }
    ends_ = Ends(records);
  }

  Sequence WholeRecordsIn(std::size_t length) const {
    Sequence whole = 0;
    while (whole < kRecords && ends_[whole] <= length) {
      ++whole;
    }
    return whole;
  }

  std::vector<Sequence> RecoverFrom(const std::string& bytes) {
    Write(torn_.path() + "/1.journal", bytes);
    return Recover(torn_.path(), 0);
  }

  std::string bytes_;
  std::vector<std::size_t> ends_;

 private:
  TempDirectory torn_;
};

TEST_F(TornJournalTest, CutAtAnyByteGivesTheWholeRecordsBefore) {
  ASSERT_LE(ends_.back(), kSegmentBytes);
  for (std::size_t length = 0; length <= ends_.back(); ++length) {
    ASSERT_EQ(RecoverFrom(bytes_.substr(0, length)), Range(1, WholeRecordsIn(length))) << length;
  }
}

// What a process leaves that is killed within Append: the page beyond is as it was.
TEST_F(TornJournalTest, UnwrittenFromAnyByteOnGivesTheWholeRecordsBefore) {
  for (const char filler : {'\0', '\xFF'}) {
    for (std::size_t length = Segment::kHeaderBytes; length < ends_.back(); ++length) {
      const std::string torn =
          bytes_.substr(0, length) + std::string(bytes_.size() - length, filler);
      const Sequence whole = WholeRecordsIn(length);
      const auto recovered = RecoverFrom(torn);
      // Filler may happen to be what stood there: the end of a record that ends in it.
      ASSERT_GE(recovered.size(), whole) << length;
      ASSERT_LE(recovered.size(), whole + 1) << length;
      ASSERT_TRUE(recovered.size() == whole ||
                  torn.substr(0, ends_[whole]) == bytes_.substr(0, ends_[whole]))
          << length;
    }
  }
}

TEST_F(TornJournalTest, AnyFlippedBitEndsItBeforeTheRecordThatHasIt) {
  for (std::size_t at = Segment::kHeaderBytes; at < ends_.back(); ++at) {
    std::string flipped = bytes_;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << (at % 8)));
    const Sequence whole = WholeRecordsIn(at);
    const bool padding = whole > 0 && at < (ends_[whole - 1] + 7) / 8 * 8;
    ASSERT_EQ(RecoverFrom(flipped), Range(1, padding ? kRecords : whole)) << at;
  }
}

TEST_F(TornJournalTest, AnyFlippedBitInTheHeaderMakesTheSegmentNone) {
  const std::size_t checked = 40;  // what follows is padding
  for (std::size_t at = 0; at < checked; ++at) {
    std::string flipped = bytes_;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << (at % 8)));
    ASSERT_TRUE(RecoverFrom(flipped).empty()) << at;
  }
}

TEST_F(JournalRecoveryTest, TellsWhatTheDatabaseHadOnDisk) {
  auto journal = Create();
  AppendUpTo(*journal, 200);
  ASSERT_EQ(Drain(*journal).size(), 200U);
  EXPECT_EQ(DurableIn(directory()), 0U);
  for (const Sequence sequence : {Sequence{3}, Sequence{100}, Sequence{200}}) {
    journal->Release(sequence);
    journal->NoteDurable(sequence);
    EXPECT_EQ(DurableIn(directory()), sequence);
  }
}

TEST_F(JournalRecoveryTest, BelievesNoDamagedNoteOfIt) {
  auto journal = Create();
  AppendUpTo(*journal, 3);
  ASSERT_EQ(Drain(*journal).size(), 3U);
  journal->NoteDurable(3);
  const std::string bytes = Read("1.journal");
  constexpr std::size_t begin = 40;
  constexpr std::size_t end = begin + 16;
  for (std::size_t at = begin; at < end; ++at) {
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << (at % 8)));
    Write(directory() + "/1.journal", flipped);
    EXPECT_EQ(DurableIn(directory()), 0U) << at;
    EXPECT_EQ(Recover(0), Range(1, 3)) << at;
  }
}

TEST_F(JournalRecoveryTest, EndsAtASegmentThatIsMissing) {
  auto journal = Create();
  AppendUpTo(*journal, 200);
  const auto files = Files();
  EXPECT_TRUE(IsWhole(0));
  fs::remove(directory() + "/" + files[2]);
  EXPECT_FALSE(IsWhole(0));
  const auto recovered = Recover(0);
  ASSERT_FALSE(recovered.empty());
  EXPECT_LT(recovered.back(), 200U);
  EXPECT_EQ(recovered, Range(1, recovered.back()));
  // Who has the records of the missing segment already gets all that follows.
  const Sequence later = recovered.back() + 60;
  EXPECT_EQ(Recover(later), Range(later + 1, 200));
  EXPECT_TRUE(IsWhole(later));
}

TEST_F(JournalRecoveryTest, PassesOnTheErrorOfTheReplayAndStops) {
  auto journal = Create();
  AppendUpTo(*journal, 10);
  Sequence seen = 0;
  auto recovered = Journal::Recover(directory(), 0, [&](const JournalRecord& record) -> Status {
    seen = record.sequence;
    return seen == 4 ? Status(Error(ErrorCode::kStorageError, "no more")) : Status(Ok{});
  });
  ASSERT_FALSE(recovered.ok());
  EXPECT_EQ(recovered.error().message, "no more");
  EXPECT_EQ(seen, 4U);
}

TEST_F(JournalRecoveryTest, IgnoresFilesThatAreNotItsOwn) {
  auto journal = Create();
  AppendUpTo(*journal, 3);
  Write(directory() + "/README", "hello");
  Write(directory() + "/0.journal", "");
  Write(directory() + "/99.journal", std::string(500, 'x'));
  EXPECT_EQ(Recover(0), Range(1, 3));
}

TEST_F(JournalRecoveryTest, CreateBeginsAnewWithoutWhatWasThere) {
  auto journal = Create();
  AppendUpTo(*journal, 200);
  journal.reset();
  journal = Create(201);
  EXPECT_EQ(Files().size(), 1U);
  EXPECT_TRUE(Recover(0).empty());
  AppendUpTo(*journal, 202);
  EXPECT_EQ(Recover(200), Range(201, 202));
}

}  // namespace
}  // namespace kv::store::testing
