// Which change of a group puts an entry: as a map knows it.
#include "store/stream_puts.h"

#include <map>
#include <random>
#include <utility>

#include <gtest/gtest.h>

namespace kv::store::testing {
namespace {

TEST(StreamPutsTest, FindNothingThatWasNotNoted) {
  StreamPuts puts;
  EXPECT_EQ(puts.Take(1, 1), std::nullopt);
  puts.Note(1, 1, 0);
  EXPECT_EQ(puts.Take(1, 2), std::nullopt);
  EXPECT_EQ(puts.Take(2, 1), std::nullopt);
  EXPECT_EQ(puts.Take(1, 1), 0U);
  EXPECT_EQ(puts.Take(1, 1), std::nullopt) << "it is taken";
}

TEST(StreamPutsTest, KnowNothingOnceCleared) {
  StreamPuts puts;
  puts.Note(1, 1, 7);
  puts.Clear();
  EXPECT_EQ(puts.Take(1, 1), std::nullopt);
  puts.Note(1, 2, 8);
  EXPECT_EQ(puts.Take(1, 1), std::nullopt);
  EXPECT_EQ(puts.Take(1, 2), 8U);
}

// Of buckets whose revisions ascend, with gaps.
TEST(StreamPutsTest, AreThoseOfAMap) {
  std::mt19937_64 random(3);
  StreamPuts puts;
  std::map<std::pair<BucketId, Revision>, std::size_t> expected;
  std::map<BucketId, Revision> last;
  for (std::size_t i = 0; i < 50'000; ++i) {
    const auto id = static_cast<BucketId>(1 + random() % 3);
    if (random() % 2 == 0) {
      last[id] += random() % 50 == 0 ? random() % 1000 + 1 : 1;
      puts.Note(id, last[id], i);
      expected[{id, last[id]}] = i;
    } else {
      const Revision revision = last[id] - random() % (last[id] / 2 + 1);
      const auto known = expected.extract({id, revision});
      ASSERT_EQ(puts.Take(id, revision),
                known.empty() ? std::nullopt : std::optional<std::size_t>(known.mapped()));
    }
  }
}

}  // namespace
}  // namespace kv::store::testing
