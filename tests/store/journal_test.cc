// The journal between its producer and its consumer, in one thread.
#include "store/journal.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/store/journal_fixture.h"

namespace kv::store::testing {
namespace {

TEST_F(JournalTest, GivesRecordsInTheOrderInWhichTheyCame) {
  auto journal = Create();
  EXPECT_FALSE(journal->Next());
  AppendUpTo(*journal, 200);
  EXPECT_GT(Files().size(), 5U);
  EXPECT_EQ(Drain(*journal), Range(1, 200));
  EXPECT_FALSE(journal->Next());
  AppendUpTo(*journal, 201);
  EXPECT_EQ(Drain(*journal), Range(201, 201));
}

TEST_F(JournalTest, NumbersRecordsFromTheSequenceItIsGiven) {
  auto journal = Create(500);
  EXPECT_EQ(journal->last_sequence(), 499U);
  AppendUpTo(*journal, 501);
  EXPECT_EQ(journal->last_sequence(), 501U);
  EXPECT_EQ(Drain(*journal), Range(500, 501));
}

TEST_F(JournalTest, TakesRecordsWithoutBytesAndRecordsThatFillASegment) {
  auto journal = Create();
  ASSERT_TRUE(journal->Append("").ok());
  const std::string exact(kSegmentBytes - 64 - 16, 'x');
  ASSERT_TRUE(journal->Append(exact).ok());
  ASSERT_TRUE(journal->Append(exact).ok());
  EXPECT_EQ(journal->Next()->bytes, "");
  EXPECT_EQ(journal->Next()->bytes, exact);
  EXPECT_EQ(journal->Next()->bytes, exact);
  EXPECT_FALSE(journal->Next());
}

TEST_F(JournalTest, TakesARecordLargerThanASegment) {
  auto journal = Create();
  const std::string huge(10 * kSegmentBytes + 3, 'h');
  AppendUpTo(*journal, 1);
  ASSERT_TRUE(journal->Append(huge).ok());
  ASSERT_TRUE(journal->Append(BytesOf(3)).ok());
  ASSERT_EQ(journal->Next()->sequence, 1U);
  EXPECT_EQ(journal->Next()->bytes, huge);
  EXPECT_EQ(journal->Next()->sequence, 3U);

  std::size_t recovered = 0;
  ASSERT_TRUE(Journal::Recover(directory(), 1, [&](const JournalRecord& record) {
                recovered += record.bytes.size();
                return Status(Ok{});
              }).ok());
  EXPECT_EQ(recovered, huge.size() + BytesOf(3).size());
}

TEST_F(JournalTest, GoesBackToAnyRecordThatIsNotReleased) {
  auto journal = Create();
  AppendUpTo(*journal, 150);
  ASSERT_EQ(Drain(*journal).size(), 150U);
  for (const Sequence to : {Sequence{150}, Sequence{77}, Sequence{1}, Sequence{30}}) {
    EXPECT_TRUE(journal->Rewind(to));
    EXPECT_EQ(Drain(*journal), Range(to, 150)) << to;
  }
  EXPECT_TRUE(journal->Rewind(151)) << "nothing to go back for";
  EXPECT_FALSE(journal->Next());
  AppendUpTo(*journal, 151);
  EXPECT_EQ(Drain(*journal), Range(151, 151));
}

TEST_F(JournalTest, GoesBackAfterARelease) {
  auto journal = Create();
  AppendUpTo(*journal, 150);
  ASSERT_EQ(Drain(*journal).size(), 150U);
  journal->Release(100);
  EXPECT_TRUE(journal->Rewind(101));
  EXPECT_EQ(Drain(*journal), Range(101, 150));
  EXPECT_FALSE(journal->Rewind(1)) << "that is gone";
  EXPECT_FALSE(journal->Next()) << "and nothing has moved";
}

TEST_F(JournalTest, KeepsWhatTheConsumerHasNotReadWhateverIsReleased) {
  auto journal = Create();
  AppendUpTo(*journal, 100);
  ASSERT_EQ(journal->Next()->sequence, 1U);
  journal->Release(100);
  EXPECT_EQ(Drain(*journal), Range(2, 100));
}

TEST_F(JournalTest, UsesTheFilesOfReleasedSegmentsAgain) {
  auto journal = Create();
  for (Sequence last = 50; last <= 5000; last += 50) {
    AppendUpTo(*journal, last);
    ASSERT_EQ(Drain(*journal).size(), 50U);
    journal->Release(last);
  }
  EXPECT_LE(Files().size(), 10U) << "5000 records of about 40 bytes fill over 250 segments";
}

TEST_F(JournalTest, RemovesTheFileOfAHugeSegmentOnceItIsReleased) {
  auto journal = Create();
  ASSERT_TRUE(journal->Append(std::string(100 * kSegmentBytes, 'h')).ok());
  AppendUpTo(*journal, 2);
  ASSERT_TRUE(journal->Next());
  ASSERT_TRUE(journal->Next());
  journal->Release(2);
  journal->Reap();
  journal->TendSegments();
  for (const auto& name : Files()) {
    EXPECT_EQ(Read(name).size(), kSegmentBytes) << name;
  }
}

TEST_F(JournalTest, ARecordStaysReadableUntilItIsReleasedAndReaped) {
  auto journal = Create();
  const auto first = journal->Append(BytesOf(1));
  ASSERT_TRUE(first.ok());
  AppendUpTo(*journal, 100);
  EXPECT_EQ(first->bytes, BytesOf(1)) << "not released yet";
  ASSERT_EQ(Drain(*journal).size(), 100U);
  journal->Release(100);
  EXPECT_EQ(first->bytes, BytesOf(1)) << "released, but not reaped";
}

TEST_F(JournalTest, APreparedSpareIsTakenWithoutMakingAFile) {
  auto journal = Create();
  journal->TendSegments();
  journal->TendSegments();
  const auto files = Files();
  EXPECT_EQ(files.size(), 2U) << "one in use and one spare, not more";
  ASSERT_TRUE(journal->Append(std::string(kSegmentBytes - 200, 'x')).ok());
  ASSERT_TRUE(journal->Append(std::string(kSegmentBytes - 200, 'x')).ok());
  EXPECT_EQ(Files(), files);
}

TEST_F(JournalTest, KeepsMoreSparesWhileMuchIsInUseAndFewAtRest) {
  auto journal = Create(1, 64 * kSegmentBytes);
  while (Files().size() < 16) {
    ASSERT_TRUE(journal->Append(std::string(kSegmentBytes - 200, 'x')).ok());
  }
  journal->TendSegments();
  EXPECT_EQ(Files().size(), 20U) << "four at a time";
  journal->TendSegments();
  journal->TendSegments();
  const auto files = Files();
  EXPECT_EQ(files.size(), 24U);
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(journal->Append(std::string(kSegmentBytes - 200, 'x')).ok());
  }
  EXPECT_EQ(Files(), files) << "the producer makes none";

  const Sequence last = journal->last_sequence();
  while (journal->Next()) {}
  journal->Release(last);
  journal->Reap();
  EXPECT_EQ(Files(), files) << "the producer removes none";
  journal->TendSegments();
  EXPECT_LE(Files().size(), 3U);
  EXPECT_TRUE(journal->Append(BytesOf(last + 1)).ok());
}

TEST_F(JournalTest, RefusesARecordBeyondItsSizeUntilTheConsumerHasCaughtUp) {
  auto journal = Create(1, 8 * kSegmentBytes);
  Result<JournalRecord> refused = Error(ErrorCode::kBadRequest);
  for (int i = 0; i < 1000; ++i) {
    refused = journal->Append(BytesOf(journal->last_sequence() + 1));
    if (!refused) {
      break;
    }
  }
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  const Sequence last = journal->last_sequence();
  EXPECT_LE(Files().size(), 9U);

  EXPECT_EQ(Drain(*journal), Range(1, last));
  EXPECT_FALSE(journal->Append(BytesOf(last + 1)).ok()) << "read is not released";
  journal->Release(last);
  AppendUpTo(*journal, last + 1);
  EXPECT_EQ(Drain(*journal), Range(last + 1, last + 1));
}

TEST_F(JournalTest, TakesAtLeastOneRecordHoweverSmallItsLimit) {
  auto journal = Create(1, 1);
  AppendUpTo(*journal, 10);
  EXPECT_EQ(Drain(*journal), Range(1, 10));
}

TEST_F(JournalTest, ReportsAFileThatCannotBeMade) {
  Write(directory() + "/file", "");
  const auto journal = Journal::Create({.directory = directory() + "/file/journal"}, 1);
  ASSERT_FALSE(journal.ok());
  EXPECT_EQ(journal.error().code, ErrorCode::kStorageError);
  EXPECT_NE(journal.error().message.find("journal"), std::string::npos);
}

}  // namespace
}  // namespace kv::store::testing
