// Groups of changes: what is left of them is what the database would have ended with.
#include "store/write_group.h"

#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rocksdb/write_batch.h>

#include "store/change_set.h"

namespace kv::store::testing {
namespace {

using Lines = std::vector<std::string>;

class Recorder final : public rocksdb::WriteBatch::Handler {
 public:
  rocksdb::Status PutCF(std::uint32_t,
                        const rocksdb::Slice& key,
                        const rocksdb::Slice& value) override {
    return Add("put", key, value);
  }
  rocksdb::Status DeleteCF(std::uint32_t, const rocksdb::Slice& key) override {
    return Add("delete", key, {});
  }
  rocksdb::Status SingleDeleteCF(std::uint32_t, const rocksdb::Slice& key) override {
    return Add("single-delete", key, {});
  }
  rocksdb::Status DeleteRangeCF(std::uint32_t,
                                const rocksdb::Slice& from,
                                const rocksdb::Slice& to) override {
    return Add("range", from, to);
  }

  Lines lines;

 private:
  rocksdb::Status Add(const char* what, const rocksdb::Slice& first, const rocksdb::Slice& second) {
    const auto ref = ParseStreamKey({first.data(), first.size()});
    lines.push_back(
        std::string(what) + " " +
        (ref ? std::to_string(ref->id) + "@" + std::to_string(ref->revision) : first.ToString()) +
        " " + second.ToString());
    return rocksdb::Status::OK();
  }
};

Lines Written(WriteGroup& group) {
  Recorder recorder;
  const auto batch = group.Build();
  EXPECT_TRUE(batch.ok() && (*batch)->Iterate(&recorder).ok());
  return recorder.lines;
}

Status Put(WriteGroup& group, BucketId id, Revision revision, const std::string& value) {
  ChangeSet changes;
  changes.Put(StreamKey(id, revision), value);
  return group.AddCopy(changes.bytes());
}
Status Remove(WriteGroup& group, BucketId id, Revision revision) {
  ChangeSet changes;
  changes.SingleDelete(StreamKey(id, revision));
  return group.AddCopy(changes.bytes());
}

TEST(WriteGroup, WritesSingleDeletesByTheirKeysAndTheRestInItsOrder) {
  WriteGroup group;
  ChangeSet changes;
  changes.Put("x", "1");
  changes.Delete("y");
  changes.DeleteRange("f", "g");
  ASSERT_TRUE(group.AddCopy(changes.bytes()).ok());
  ASSERT_TRUE(Remove(group, 1, 7).ok());
  ASSERT_TRUE(Put(group, 1, 8, "v").ok());
  ASSERT_TRUE(Remove(group, 1, 6).ok());
  group.SetApplied(5);
  const Lines lines = Written(group);
  ASSERT_EQ(lines.size(), 7U);
  EXPECT_EQ(Lines(lines.begin(), lines.end() - 1),
            (Lines{"single-delete 1@6 ",
                   "single-delete 1@7 ",
                   "put x 1",
                   "delete y ",
                   "range f g",
                   "put 1@8 v"}));
  EXPECT_EQ(lines.back().substr(0, 5), "put a");
  EXPECT_EQ(Written(group), lines) << "it can be built again";
}

TEST(WriteGroup, LeavesOutWhatItTakesAwayAgain) {
  WriteGroup group;
  ASSERT_TRUE(Put(group, 1, 1, "a").ok());
  ASSERT_TRUE(Put(group, 2, 1, "of another bucket").ok());
  ASSERT_TRUE(Put(group, 1, 2, "b").ok());
  ASSERT_TRUE(Remove(group, 1, 1).ok());
  EXPECT_EQ(Written(group), (Lines{"put 2@1 of another bucket", "put 1@2 b"}));
}

TEST(WriteGroup, ForgetsWhatWasInItBefore) {
  WriteGroup group;
  ASSERT_TRUE(Put(group, 1, 1, "a").ok());
  group.SetApplied(1);
  group.Clear();
  EXPECT_EQ(group.bytes(), 0U);
  EXPECT_TRUE(Written(group).empty());
  ASSERT_TRUE(Remove(group, 1, 1).ok());
  EXPECT_EQ(Written(group), (Lines{"single-delete 1@1 "})) << "that one is in the database";
  group.ReleaseMemory();
  EXPECT_TRUE(Written(group).empty());
}

TEST(WriteGroup, RefusesWhatIsNoChangeSet) {
  WriteGroup group;
  EXPECT_FALSE(group.AddCopy("\x09x").ok());
}

// Of thousands of random writes, in groups of random sizes.
TEST(WriteGroup, EndsAsIfEachChangeHadBeenWritten) {
  std::mt19937_64 random(1);
  std::map<std::string, std::string> expected;
  std::map<std::string, std::string> written;
  WriteGroup group;
  Revision next = 1;
  std::vector<Revision> kept;
  for (int i = 0; i < 5000; ++i) {
    const bool takes_away = !kept.empty() && random() % 2 == 0;
    if (takes_away) {
      const std::size_t at = random() % kept.size();
      ASSERT_TRUE(Remove(group, 1, kept[at]).ok());
      expected.erase("1@" + std::to_string(kept[at]));
      kept.erase(kept.begin() + static_cast<std::ptrdiff_t>(at));
    } else {
      const std::string value = std::to_string(random() % 1000);
      ASSERT_TRUE(Put(group, 1, next, value).ok());
      expected["1@" + std::to_string(next)] = value;
      kept.push_back(next++);
    }
    if (random() % 50 != 0) {
      continue;
    }
    for (const std::string& line : Written(group)) {
      const std::size_t key = line.find(' ') + 1;
      const std::size_t value = line.find(' ', key) + 1;
      const std::string name = line.substr(key, value - key - 1);
      if (line.starts_with("put")) {
        ASSERT_EQ(written.count(name), 0U) << "RocksDB's single deletes need that";
        written[name] = line.substr(value);
      } else {
        ASSERT_EQ(written.erase(name), 1U) << "none of what was left out";
      }
    }
    group.Clear();
    ASSERT_EQ(written, expected);
  }
}

}  // namespace
}  // namespace kv::store::testing
