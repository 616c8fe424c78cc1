// Which directories a store takes for its own.
#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "tests/store/store_fixture.h"

namespace kv::store::testing {
namespace {

namespace fs = std::filesystem;

class StoreDirectoryTest : public StoreTest {
 protected:
  // The sentence of the refusal; empty if the store was opened.
  std::string Refusal() {
    const auto opened = Store::Open(options_, now_);
    EXPECT_TRUE(opened.ok() || opened.error().code == ErrorCode::kStorageError);
    return opened.ok() ? "" : opened.error().message;
  }
  void WriteFile(const std::string& name, const std::string& text) {
    fs::create_directories(fs::path(options_.path + "/" + name).parent_path());
    std::ofstream(options_.path + "/" + name) << text;
  }
  std::string ReadFile(const std::string& name) {
    std::ifstream file(options_.path + "/" + name);
    return {std::istreambuf_iterator<char>(file), {}};
  }
};

TEST_F(StoreDirectoryTest, IsMadeWithAMarkThatTellsTheFormat) {
  EXPECT_EQ(Refusal(), "");
  EXPECT_EQ(ReadFile("FORMAT"), "mosquitto-kv store, format 1\n");
  struct stat info {};
  ASSERT_EQ(::stat(options_.path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
  EXPECT_EQ(Refusal(), "") << "and taken again";
}

TEST_F(StoreDirectoryTest, MayBeAnEmptyOneThatIsThere) {
  fs::create_directory(options_.path);
  fs::create_directory(options_.path + "/lost+found");
  EXPECT_EQ(Refusal(), "");
}

TEST_F(StoreDirectoryTest, MayBeOneWhoseMarkingWasCutShort) {
  WriteFile("FORMAT.new", "mosq");
  EXPECT_EQ(Refusal(), "");
  EXPECT_EQ(ReadFile("FORMAT"), "mosquitto-kv store, format 1\n");
}

TEST_F(StoreDirectoryTest, OfSomeoneElseIsLeftUntouched) {
  WriteFile("precious", "data");
  const std::string refusal = Refusal();
  EXPECT_NE(refusal.find(options_.path), std::string::npos) << refusal;
  EXPECT_NE(refusal.find("not a mosquitto-kv store"), std::string::npos) << refusal;
  EXPECT_EQ(std::distance(fs::directory_iterator(options_.path), fs::directory_iterator()), 1);
}

TEST_F(StoreDirectoryTest, OfANewerFormatIsRefused) {
  WriteFile("FORMAT", "mosquitto-kv store, format 2\n");
  const std::string refusal = Refusal();
  EXPECT_NE(refusal.find("format '2'"), std::string::npos) << refusal;
  EXPECT_NE(refusal.find("reads format 1"), std::string::npos) << refusal;
  EXPECT_FALSE(fs::exists(options_.path + "/db"));
}

TEST_F(StoreDirectoryTest, WithADamagedMarkIsRefused) {
  for (const auto* const mark : {"",
                                 "\n",
                                 "mosquitto-kv store, format ",
                                 "mosquitto-kv store, format x\n",
                                 "another program\n"}) {
    WriteFile("FORMAT", mark);
    EXPECT_NE(Refusal(), "") << mark;
  }
}

TEST_F(StoreDirectoryTest, MustBeADirectory) {
  std::ofstream(options_.path) << "a file";
  EXPECT_NE(Refusal().find("not a directory"), std::string::npos);
}

TEST_F(StoreDirectoryTest, MustHaveAParent) {
  options_.path += "/deeper";
  EXPECT_NE(Refusal().find("cannot be made"), std::string::npos);
}

TEST_F(StoreDirectoryTest, IsOneStoresAtATime) {
  Open();
  Put("a", "1");
  EXPECT_NE(Refusal(), "");
  EXPECT_EQ(Put("a", "2"), 2U) << "the first one goes on undisturbed";
  Crash();
  EXPECT_EQ(Get("a"), "2 a PUT 2");
}

TEST_F(StoreDirectoryTest, EverythingInItIsForItsOwnerAlone) {
  // Also where whoever made the directory lets others in.
  std::filesystem::create_directory(options_.path);
  std::filesystem::permissions(options_.path, std::filesystem::perms(0755));
  Open();
  for (int i = 0; i < 1000; ++i) {
    Put("k" + std::to_string(i), std::string(200, 'v'));  // several segments of the journal
  }
  ASSERT_TRUE(store_->WaitDurable(store_->last_sequence()).ok());
  std::size_t seen = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(options_.path)) {
    const auto others = std::filesystem::perms::group_all | std::filesystem::perms::others_all;
    EXPECT_EQ(file.status().permissions() & others, std::filesystem::perms::none) << file.path();
    ++seen;
  }
  EXPECT_GT(seen, 6U);
}

TEST_F(StoreDirectoryTest, TakesLittleOfTheDiskWhileLittleIsInIt) {
  options_.journal_segment_bytes = StoreOptions().journal_segment_bytes;
  Open();
  Put("a", "1");
  ASSERT_TRUE(store_->WaitDurable(store_->last_sequence()).ok());
  std::uint64_t allocated = 0;  // bytes, also those behind a file's end
  for (const auto& file : fs::recursive_directory_iterator(options_.path)) {
    struct stat info {};
    ASSERT_EQ(::stat(file.path().c_str(), &info), 0);
    allocated += static_cast<std::uint64_t>(info.st_blocks) * 512;
  }
  EXPECT_LT(allocated, 24U << 20U);
}

TEST_F(StoreDirectoryTest, IsFreeAgainWhenItsStoreIsClosed) {
  Open();
  ASSERT_TRUE(store_->Close().ok());
  EXPECT_EQ(Refusal(), "");
}

TEST_F(StoreDirectoryTest, WithADamagedDatabaseIsRefusedWithASentence) {
  Open();
  Put("a", "1");
  store_.reset();
  WriteFile("db/CURRENT", "nonsense");
  EXPECT_NE(Refusal().find("cannot open the database"), std::string::npos);
}

}  // namespace
}  // namespace kv::store::testing
