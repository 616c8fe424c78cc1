// What was read ahead, however far, is what the walk goes on from.
#include "plugin/snapshot_reader.h"

#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/plugin/persistence_bytes.h"
#include "tests/store/temp_directory.h"

namespace kv::plugin::testing {
namespace {

using store::testing::TempDirectory;

constexpr std::uint64_t kMessages = 20'000;

class SnapshotReaderTest : public ::testing::Test {
 protected:
  std::string Path() const { return directory_.path() + "/mosquitto.db"; }
  void Fill() {
    std::ofstream file(Path(), std::ios::binary);
    file << FileStart();
    for (std::uint64_t id = 1; id <= kMessages; ++id) {
      file << MessageOf({.store_id = id, .topic = "kv/b/" + std::to_string(id)});
    }
    for (std::uint64_t id = 1; id <= kMessages; ++id) {
      file << RetainOf(id);
    }
  }

  const TempDirectory directory_;
};

TEST_F(SnapshotReaderTest, TheWalkGoesOnFromWhereverItCame) {
  Fill();
  // Taken at once, and after ever more of it may have been read.
  for (int round = 0; round < 50; ++round) {
    SnapshotReader reader(Path());
    for (int i = 0; i < round; ++i) {
      static_cast<void>(std::ifstream(Path()).get());
    }
    auto snapshot = reader.Take();
    ASSERT_TRUE(snapshot.ok()) << snapshot.error().message;
    ASSERT_TRUE(snapshot->has_value());
    EXPECT_EQ(Walk(**snapshot).size(), kMessages);
    EXPECT_FALSE((*snapshot)->damaged());
  }
}

TEST_F(SnapshotReaderTest, EndsWithoutHavingBeenAsked) {
  Fill();
  const SnapshotReader reader(Path());
}

TEST_F(SnapshotReaderTest, WithoutAFileThereIsNone) {
  SnapshotReader reader(Path());
  const auto snapshot = reader.Take();
  ASSERT_TRUE(snapshot.ok()) << snapshot.error().message;
  EXPECT_FALSE(snapshot->has_value());
}

TEST_F(SnapshotReaderTest, SaysWhatIsWrongWithTheFile) {
  SnapshotReader reader(directory_.path());
  const auto snapshot = reader.Take();
  ASSERT_FALSE(snapshot.ok());
  EXPECT_NE(snapshot.error().message.find("not a regular file"), std::string::npos);
}

}  // namespace
}  // namespace kv::plugin::testing
