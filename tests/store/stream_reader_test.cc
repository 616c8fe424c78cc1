#include "store/stream_reader.h"

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "store/change_set.h"
#include "tests/store/temp_directory.h"

namespace kv::store::testing {
namespace {

class StreamReaderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto database = Database::Open({.path = directory_.path() + "/db"});
    ASSERT_TRUE(database.ok());
    database_ = std::move(*database);
  }

  void Write(const ChangeSet& changes) {
    WriteGroup group;
    ASSERT_TRUE(group.AddCopy(changes.bytes()).ok());
    ASSERT_TRUE(database_->Write(group).ok());
  }
  // Revisions from 1 on, of the bucket 7.
  void Fill(Revision count) {
    ChangeSet changes;
    for (Revision revision = 1; revision <= count; ++revision) {
      changes.Put(StreamKey(7, revision), ValueOf(revision));
    }
    Write(changes);
  }
  static std::string ValueOf(Revision revision) { return "value " + std::to_string(revision); }

  TempDirectory directory_;
  std::unique_ptr<Database> database_;
};

TEST_F(StreamReaderTest, ReadsEverythingInItsOrder) {
  constexpr Revision count = 10'000;  // many batches, and a part of one
  Fill(count);
  ChangeSet others;
  others.Put("a key of another kind", "x");
  others.Put(StreamKey(9, 3), std::string(3 << 20, 'x'));  // more than a batch
  Write(others);
  Revision next = 1;
  std::string last;
  const auto read = ReadStream(*database_, [&](const StreamBatch& batch) -> Status {
    for (const auto& record : batch.records()) {
      if (next <= count) {
        EXPECT_EQ(record.ref.id, 7U);
        EXPECT_EQ(record.ref.revision, next);
        EXPECT_EQ(batch.TextOf(record), ValueOf(next));
      } else {
        EXPECT_EQ(record.ref.id, 9U);
        last = batch.TextOf(record);
      }
      ++next;
    }
    return Ok{};
  });
  EXPECT_TRUE(read.ok());
  EXPECT_EQ(next, count + 2);
  EXPECT_EQ(last, std::string(3 << 20, 'x'));
}

TEST_F(StreamReaderTest, OfNothingThereIsNothing) {
  EXPECT_TRUE(ReadStream(*database_, [](const StreamBatch& batch) -> Status {
                EXPECT_TRUE(batch.records().empty());
                return Ok{};
              }).ok());
}

TEST_F(StreamReaderTest, EndsAtOnceWithTheErrorOfWhoTakes) {
  Fill(20'000);
  for (const int at : {0, 1, 5}) {
    int taken = 0;
    const auto read = ReadStream(*database_, [&](const StreamBatch& /*batch*/) -> Status {
      if (taken++ == at) {
        return Error(ErrorCode::kStorageError, "enough");
      }
      return Ok{};
    });
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().message, "enough");
    EXPECT_EQ(taken, at + 1) << "it was asked again";
  }
}

TEST_F(StreamReaderTest, WhatWhoTakesThrowsIsThrown) {
  Fill(20'000);
  const auto throwing = [&] {
    static_cast<void>(ReadStream(
        *database_, [](const StreamBatch& /*batch*/) -> Status { throw std::range_error("x"); }));
  };
  EXPECT_THROW(throwing(), std::range_error);
}

TEST_F(StreamReaderTest, ADamagedKeyIsAnError) {
  Fill(3000);
  ChangeSet changes;
  changes.Put(std::string(1, kStreamTag) + "\xff", "x");  // behind all others
  Write(changes);
  std::size_t seen = 0;
  const auto read = ReadStream(*database_, [&](const StreamBatch& batch) -> Status {
    seen += batch.records().size();
    return Ok{};
  });
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, ErrorCode::kStorageError);
  EXPECT_EQ(seen, 3000U);
}

}  // namespace
}  // namespace kv::store::testing
