// The database's files are open where they are used, and nowhere else; and no number of an open
// file ever means another file than the one that it was meant to be.
#include "store/two_sided_files.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include "store/change_set.h"
#include "store/database.h"
#include "store/store_files.h"
#include "tests/store/temp_directory.h"
#include "tests/support/open_files.h"

namespace kv::store::testing {
namespace {

namespace fs = std::filesystem;
using kv::testing::OpenFilesOf;

class TwoSidedFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (HasStoreFiles()) {
      GTEST_SKIP() << "here no thread may have a table of its own";
    }
    // Every write begins a table.
    auto database = Database::Open({.path = path_, .cache_bytes = 0, .memtable_bytes = 1});
    ASSERT_TRUE(database.ok());
    database_ = std::move(*database);
  }

  void Write(Revision revision) {
    ChangeSet changes;
    changes.Put(StreamKey(1, 1), ValueOf(1));  // in every table, so that they must be merged
    changes.Put(StreamKey(1, revision), ValueOf(revision));
    WriteGroup group;
    ASSERT_TRUE(group.AddCopy(changes.bytes()).ok());
    const auto written = database_->Write(group);
    ASSERT_TRUE(written.ok()) << written.error().message;
  }
  static std::string ValueOf(Revision revision) {
    return std::string(2000, 'v') + std::to_string(revision);
  }

  std::size_t Tables() const {
    return static_cast<std::size_t>(
        std::count_if(fs::directory_iterator(path_), {}, [](const fs::directory_entry& entry) {
          return entry.path().extension() == ".sst";
        }));
  }
  // Until the condition holds, which RocksDB's threads bring about.
  template <typename Condition>
  static bool Await(const Condition& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) {
        return false;
      }
      std::this_thread::yield();
    }
    return true;
  }

  // Of the database, among what the thread has open.
  std::size_t CountOpen(::pid_t thread, const std::string& end) const {
    const auto files = OpenFilesOf(::getpid(), thread);
    return static_cast<std::size_t>(
        std::count_if(files.begin(), files.end(), [&](const std::string& file) {
          return file.starts_with(path_) && file.ends_with(end);
        }));
  }
  std::size_t CountOpenHere(const std::string& end) const { return CountOpen(::gettid(), end); }
  std::size_t CountOpenThere(const std::string& end) const {
    return CountOpen(WithStoreFiles([] { return ::gettid(); }), end);
  }

  void ReadFromTheFirstTable() {
    Write(1);
    ASSERT_TRUE(Await([this] {
      static_cast<void>(database_->Get(StreamKey(1, 1)));  // from the table, when that is in use
      return CountOpenHere(".sst") == 1;
    }));
  }
  void ExpectAllThere(Revision newest) const {
    for (Revision i = 1; i <= newest; ++i) {
      ASSERT_EQ(*database_->Get(StreamKey(1, i)), ValueOf(i));
    }
  }

  TempDirectory directory_;
  std::string path_ = directory_.path() + "/db";
  std::unique_ptr<Database> database_;
};

TEST_F(TwoSidedFilesTest, WhoReadsHasTheTablesAndNothingElse) {
  EXPECT_EQ(CountOpenHere(""), 0U);
  EXPECT_GE(CountOpenThere(".log"), 1U);
  ReadFromTheFirstTable();
  EXPECT_EQ(CountOpenHere(""), 1U);
  database_.reset();
  EXPECT_EQ(CountOpenHere(""), 0U);
  EXPECT_EQ(CountOpenThere(""), 0U);
}

TEST_F(TwoSidedFilesTest, WhatIsMergedAwayIsLeftToWhoHasReadIt) {
  Revision revision = 1;
  ReadFromTheFirstTable();
  ASSERT_TRUE(Await([&] {
    Write(++revision);
    return CountOpenHere(".sst (deleted)") == 1;
  }));
  CloseLeftFiles();
  EXPECT_EQ(CountOpenHere(""), 0U);
  ExpectAllThere(revision);
}

TEST_F(TwoSidedFilesTest, WhatEndsWithAWalkIsClosedOnBothSides) {
  Revision revision = 1;
  ReadFromTheFirstTable();
  const auto walked =
      database_->Scan(StreamKey(1, 1), [&](std::string_view, std::string_view) -> Status {
        while (revision < 200) {  // it is merged into others meanwhile
          Write(++revision);
        }
        EXPECT_EQ(CountOpenHere(".sst"), 1U) << "it was not kept for who reads it";
        return Ok{};
      });
  EXPECT_TRUE(walked.ok());
  EXPECT_TRUE(Await([&] {
    Write(++revision);
    CloseLeftFiles();
    return CountOpenHere("") == 0 && CountOpenThere("(deleted)") == 0;
  }));
  ExpectAllThere(revision);
}

// Both sides open and close all the time, so that each number means one file here and another
// there.
TEST_F(TwoSidedFilesTest, NoFileIsTakenForAnother) {
  std::atomic<bool> stop{false};
  std::atomic<Revision> written{0};
  std::thread writer([&] {
    for (Revision revision = 1; !stop; ++revision) {
      Write(revision);
      written = revision;
    }
  });
  std::string text = "0123456789abcdef";
  for (int round = 0; round < 400 || written < 400; ++round) {
    std::array<std::array<int, 2>, 4> pipes{};
    for (auto& ends : pipes) {
      ASSERT_EQ(::pipe(ends.data()), 0);
      ASSERT_EQ(::write(ends[1], text.data(), text.size()), static_cast<::ssize_t>(text.size()));
    }
    const Revision newest = written;
    for (const Revision revision : {newest, (newest + 1) / 2, std::min<Revision>(newest, 1)}) {
      const auto read = database_->Get(StreamKey(1, revision));
      ASSERT_TRUE(read.ok()) << read.error().message;
      ASSERT_EQ(read->has_value(), revision > 0);
      ASSERT_TRUE(revision == 0 || **read == ValueOf(revision));
    }
    if (round % 20 == 0) {
      Revision next = 0;
      const auto scanned = database_->Scan(std::string(1, kStreamTag),
                                           [&](std::string_view, std::string_view value) -> Status {
                                             EXPECT_EQ(value, ValueOf(++next));
                                             return Ok{};
                                           });
      ASSERT_TRUE(scanned.ok()) << scanned.error().message;
      ASSERT_GE(next, newest);
      CloseLeftFiles();
    }
    for (auto& ends : pipes) {
      std::string got(text.size(), '\0');
      ASSERT_EQ(::read(ends[0], got.data(), got.size()), static_cast<::ssize_t>(got.size()));
      ASSERT_EQ(got, text);
      ASSERT_EQ(::close(ends[0]), 0);
      ASSERT_EQ(::close(ends[1]), 0);
    }
  }
  stop = true;
  writer.join();
}

TEST_F(TwoSidedFilesTest, WritingOnTheOtherSideIsAnErrorAndClosesNothingThere) {
  const auto env = TwoSided(rocksdb::Env::Default());
  std::unique_ptr<rocksdb::FSWritableFile> file;
  const std::string path = directory_.path() + "/file";
  ASSERT_TRUE(WithStoreFiles([&] {
                return env->GetFileSystem()->NewWritableFile(path, {}, &file, nullptr);
              }).ok());
  const rocksdb::IOOptions options;
  EXPECT_FALSE(file->Append("x", options, nullptr).ok());
  EXPECT_FALSE(file->Sync(options, nullptr).ok());
  EXPECT_FALSE(file->Close(options, nullptr).ok());
  EXPECT_TRUE(WithStoreFiles([&] { return file->Append("x", options, nullptr); }).ok());
  file.reset();
  const auto is_there = [&] {
    const auto files = WithStoreFiles([] { return kv::testing::OpenFilesOfThisThread(); });
    return std::count(files.begin(), files.end(), path) == 1;
  };
  EXPECT_TRUE(is_there());
  CloseLeftFiles();
  EXPECT_TRUE(is_there()) << "closed by a thread that does not have it";
  WithStoreFiles([] {
    CloseLeftFiles();
    return true;
  });
  EXPECT_FALSE(is_there());
  EXPECT_EQ(fs::file_size(path), 1U);
}

}  // namespace
}  // namespace kv::store::testing
