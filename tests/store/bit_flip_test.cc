// One bit of the database is wrong: the store does not open and says so in a line, or what it gives
// out is right. Never wrong data, never less than there was, never the end of the process.
//   KV_FLIPS  how many bits, one after the other, of each kind of file (default 12)
//   KV_SEED   to repeat a run's choices
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/store/checkpoint_fixture.h"
#include "tests/store/fault_fixture.h"
#include "tests/support/environment.h"

namespace kv::store::testing {
namespace {

namespace fs = std::filesystem;
using kv::testing::NumberFromEnvironment;

// How the process before ended.
enum class End {
  kInOrder,
  kInOrderAndRebooted,
  kKilled,
  kCopied  // by a checkpoint, and opened under another kernel
};

struct FlipCase {
  const char* name;
  const char* file;  // what the names of the files to be damaged hold
  End end;
};

class BitFlipTest : public FaultTest, public ::testing::WithParamInterface<FlipCase> {
 protected:
  BitFlipTest() : seed_(NumberFromEnvironment("KV_SEED", std::random_device()())), random_(seed_) {
    std::cout << "KV_SEED=" << seed_ << '\n';
    // So that the database's log holds more than the journal, as it does in use.
    options_.memtable_bytes = std::size_t{80} << 10;
    options_.journal_segment_bytes = std::size_t{8} << 10;
    options_.bucket_defaults = ConfigOf("history=3");
  }

  static constexpr std::uintmax_t kHalfALog = std::uintmax_t{40} << 10;

  // Of the newest one.
  std::uintmax_t LogBytes() const {
    fs::path newest;
    for (const auto& file : fs::directory_iterator(options_.path + "/db")) {
      if (file.path().extension() == ".log") {
        newest = std::max(newest, file.path());
      }
    }
    return newest.empty() ? 0 : fs::file_size(newest);
  }

  // Tables, a log that goes on behind them, and a journal that has been round.
  void Fill() {
    Open();
    for (int i = 0; i < 400; ++i) {
      const std::string key = "k" + std::to_string(random_() % 60);
      random_() % 8 == 0 ? Delete(key) : Put(key, std::string(random_() % 900, 'v'));
      if (i % 40 == 0) {
        ASSERT_TRUE(store_->WaitDurable(store_->last_sequence()).ok());
      }
    }
    ASSERT_TRUE(store_->WaitDurable(store_->last_sequence()).ok());
    // Something in the log, and no new one begun by what the end of the process writes.
    for (std::uintmax_t log = LogBytes(); log == 0 || log > kHalfALog; log = LogBytes()) {
      Put("k0", std::string(500, 'v'));
      ASSERT_TRUE(store_->WaitDurable(store_->last_sequence()).ok());
    }
    for (const std::string& line : History()) {
      const std::string rest = line.substr(line.find(' ') + 1);
      there_[rest.substr(0, rest.find(' '))][std::stoull(line)] = line;
    }
    if (GetParam().end == End::kCopied) {
      const std::string copy = copies_.path() + "/copy";
      ASSERT_TRUE(MakeCheckpoint(*store_, copy).ok());
      options_.path = copy;
      options_.boot_id = "boot 2";
    } else if (GetParam().end == End::kKilled) {
      Kill();
    } else {
      ASSERT_TRUE(store_->Close().ok());
    }
    store_.reset();
    if (GetParam().end == End::kInOrderAndRebooted) {
      options_.boot_id = "boot 2";
    }
  }

  // The file's name and the bit.
  std::string FlipABit(const std::string& store) {
    std::vector<fs::path> files;
    for (const auto& file : fs::directory_iterator(store + "/db")) {
      const bool wanted =
          file.path().filename().string().find(GetParam().file) != std::string::npos;
      if (wanted && file.file_size() > 0) {
        files.push_back(file.path());
      }
    }
    if (files.empty()) {
      ADD_FAILURE() << "no file to damage";
      return {};
    }
    const fs::path path = files.at(random_() % files.size());
    const std::uint64_t at = random_() % fs::file_size(path);
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const auto bit = static_cast<char>(1 << random_() % 8);
    const auto byte = static_cast<char>(file.get() ^ bit);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(byte);
    return path.filename().string() + " at " + std::to_string(at);
  }

  static void ExpectOneLine(const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kStorageError);
    EXPECT_EQ(error.message.find('\n'), std::string::npos) << error.message;
    EXPECT_GT(error.message.size(), 20U) << error.message;
  }

  // Every entry as it was, or an error instead.
  void ExpectNothingWrong() {
    for (const auto& [key, entries] : there_) {
      for (const auto& [revision, line] : entries) {
        const auto entry = bucket().GetRevision(*Key::Parse(key), revision);
        if (entry.ok()) {
          ASSERT_EQ(TextOf(*entry), line);
        } else {
          ASSERT_EQ(entry.error().code, ErrorCode::kStorageError) << line;
        }
      }
      ASSERT_EQ(bucket().index().Find(key)->newest().revision, entries.rbegin()->first);
    }
  }

  TempDirectory copies_;
  const std::uint32_t seed_;
  std::mt19937 random_;
  std::map<std::string, std::map<Revision, std::string>> there_;  // by key and revision, as text
};

TEST_P(BitFlipTest, IsToldOrHarmless) {
  ASSERT_NO_FATAL_FAILURE(Fill());
  const std::string whole = options_.path;
  const std::uint32_t flips = NumberFromEnvironment("KV_FLIPS", 12);
  std::uint32_t refused = 0;
  for (std::uint32_t i = 0; i < flips; ++i) {
    const TempDirectory copy;
    options_.path = copy.path() + "/store";
    fs::copy(whole, options_.path, fs::copy_options::recursive);
    SCOPED_TRACE("seed " + std::to_string(seed_) + ", " + FlipABit(options_.path));
    auto opened = Store::Open(options_, now_);
    if (!opened.ok()) {
      ExpectOneLine(opened.error());
      ++refused;
      continue;
    }
    store_ = std::move(*opened);
    ASSERT_NO_FATAL_FAILURE(ExpectNothingWrong());
    const auto written = Apply("k0", {.value = "new"});
    const bool flushed = written.ok() && store_->WaitDurable(written->sequence).ok();
    EXPECT_TRUE(flushed || CodeOf(store_->CheckWritable()) == "storage-error");
    store_.reset();
  }
  std::cout << refused << " of " << flips << " refused at start\n";
}

class ManifestTest : public FaultTest {
 protected:
  fs::path Manifest() const {
    for (const auto& item : fs::directory_iterator(options_.path + "/db")) {
      if (item.path().filename().string().starts_with("MANIFEST")) {
        return item.path();
      }
    }
    ADD_FAILURE() << "no manifest";
    return {};
  }
  void Overwrite(std::streamoff at, char byte) const {
    std::fstream file(Manifest(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(at);
    file.put(byte);
  }
  void Append(std::string_view bytes) const {
    std::ofstream(Manifest(), std::ios::binary | std::ios::app) << bytes;
  }
};

// The one damage of a manifest that RocksDB takes for the work of a power cut.
TEST_F(ManifestTest, AWrongLengthInTheManifestIsTold) {
  Open();
  Put("a", "1");
  ASSERT_TRUE(store_->Close().ok());
  store_.reset();
  constexpr std::streamoff high_byte_of_the_first_length = 5;
  Overwrite(high_byte_of_the_first_length, '\x40');
  const auto opened = Store::Open(options_, now_);
  ASSERT_EQ(CodeOf(opened), "storage-error");
  EXPECT_EQ(opened.error().message.find('\n'), std::string::npos) << opened.error().message;
}

// A process that dies while it appends to the manifest, or whose disk is full then.
TEST_F(ManifestTest, CutByAKillIsNoDamage) {
  Open();
  Put("a", "1");
  ASSERT_TRUE(store_->WaitDurable(store_->last_sequence()).ok());
  Kill();
  // Half a record more, as an append leaves it that was cut short.
  Append("\x01\x02\x03\x04\x40");
  Open();
  EXPECT_EQ(Get("a"), "1 a PUT 1");
}

TEST_F(ManifestTest, CutAfterAnEndInOrderIsTold) {
  Open();
  Put("a", "1");
  ASSERT_TRUE(store_->Close().ok());
  store_.reset();
  fs::resize_file(Manifest(), fs::file_size(Manifest()) - 3);
  EXPECT_EQ(CodeOf(Store::Open(options_, now_)), "storage-error");
  // A start that failed under this kernel excuses nothing that was altered.
  std::ofstream(options_.path + "/STARTING") << options_.boot_id;
  Overwrite(9, '\x7e');
  EXPECT_EQ(CodeOf(Store::Open(options_, now_)), "storage-error");
}

// Such a record looks as if its end were missing. With it a table would be forgotten whose writes
// the log has no more.
TEST_F(ManifestTest, ALastRecordThatIsWholeIsNotCut) {
  Open();
  Put("a", "1");
  ASSERT_TRUE(store_->WaitDurable(store_->last_sequence()).ok());
  Kill();
  // A record of "x": its check (CRC-32C of type and bytes, masked), its length with a bit too many,
  // its type.
  Append("\xdd\x1d\x51\x69\x01\x40\x01x");
  EXPECT_EQ(CodeOf(Store::Open(options_, now_)), "storage-error");
  options_.boot_id = "boot 2";
  EXPECT_EQ(CodeOf(Store::Open(options_, now_)), "storage-error");
}

// What a power cut may leave of what was not flushed.
TEST_F(ManifestTest, ZerosBehindItAfterAPowerCutAreNoDamage) {
  Open();
  Put("a", "1");
  ASSERT_TRUE(store_->WaitDurable(store_->last_sequence()).ok());
  Kill();
  Append(std::string(100, '\0'));
  options_.boot_id = "boot 2";
  Open();
  EXPECT_EQ(Get("a"), "1 a PUT 1");
}

INSTANTIATE_TEST_SUITE_P(
    OfTheDatabase,
    BitFlipTest,
    ::testing::Values(FlipCase{"Table", ".sst", End::kInOrder},
                      FlipCase{"LogAfterAnEndInOrder", ".log", End::kInOrder},
                      FlipCase{"LogAfterAReboot", ".log", End::kInOrderAndRebooted},
                      FlipCase{"LogAfterAKill", ".log", End::kKilled},
                      FlipCase{"Manifest", "MANIFEST", End::kInOrder},
                      FlipCase{"ManifestAfterAReboot", "MANIFEST", End::kInOrderAndRebooted},
                      FlipCase{"ManifestAfterAKill", "MANIFEST", End::kKilled},
                      FlipCase{"ManifestOfACopy", "MANIFEST", End::kCopied},
                      FlipCase{"Current", "CURRENT", End::kInOrder},
                      FlipCase{"Options", "OPTIONS", End::kInOrder}),
    [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace kv::store::testing
