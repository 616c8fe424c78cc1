#include "store/entry_cache.h"

#include <map>
#include <random>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace kv::store::testing {
namespace {

constexpr std::size_t kSets = 4096;
constexpr std::size_t kBytes = kSets * 2 * EntryCache::kMostBytes;

std::string Found(EntryCache& cache, BucketId id, Revision revision) {
  const std::string* record = cache.Find(id, revision);
  return record == nullptr ? "-" : *record;
}

TEST(EntryCacheTest, FindsWhatWasAddedAndNothingElse) {
  EntryCache cache(kBytes);
  EXPECT_EQ(Found(cache, 1, 1), "-");
  cache.Add(1, 1, "a");
  cache.Add(2, 1, "b");
  cache.Add(1, 2, "");
  EXPECT_EQ(Found(cache, 1, 1), "a");
  EXPECT_EQ(Found(cache, 2, 1), "b");
  EXPECT_EQ(Found(cache, 1, 2), "");
  EXPECT_EQ(Found(cache, 2, 2), "-");
  EXPECT_EQ(Found(cache, 1, 1 + kSets), "-") << "another one of the same set";
}

TEST(EntryCacheTest, WhatWasNotAskedForLongerMakesRoom) {
  EntryCache cache(kBytes);
  const auto revision = [](Revision n) {
    return 5 + n * kSets;
  };  // of one set
  cache.Add(1, revision(0), "zero");
  cache.Add(1, revision(1), "one");
  EXPECT_EQ(Found(cache, 1, revision(0)), "zero");
  cache.Add(1, revision(2), "two");
  EXPECT_EQ(Found(cache, 1, revision(0)), "zero");
  EXPECT_EQ(Found(cache, 1, revision(1)), "-");
  EXPECT_EQ(Found(cache, 1, revision(2)), "two");
}

TEST(EntryCacheTest, LongRecordsAreNotKept) {
  EntryCache cache(kBytes);
  cache.Add(1, 1, std::string(EntryCache::kMostBytes, 'x'));
  cache.Add(1, 2, std::string(EntryCache::kMostBytes + 1, 'x'));
  EXPECT_EQ(Found(cache, 1, 1), std::string(EntryCache::kMostBytes, 'x'));
  EXPECT_EQ(Found(cache, 1, 2), "-");
}

TEST(EntryCacheTest, TakesNoMoreThanItMay) {
  EXPECT_EQ(EntryCache(kBytes).set_count(), kSets);
  EntryCache none(EntryCache::kMostBytes);
  none.Add(1, 1, "x");
  EXPECT_EQ(Found(none, 1, 1), "-");
}

TEST(EntryCacheTest, IsNeverWrong) {
  EntryCache cache(kBytes);
  std::mt19937_64 random(7);
  std::size_t found = 0;
  for (int i = 0; i < 200'000; ++i) {
    const auto id = static_cast<BucketId>(1 + random() % 5);
    const Revision revision = 1 + random() % 4'000;
    const std::string record = std::to_string(id) + "/" + std::to_string(revision);
    const std::string* cached = cache.Find(id, revision);
    if (cached == nullptr) {
      cache.Add(id, revision, record);
    } else {
      ++found;
      ASSERT_EQ(*cached, record);
    }
  }
  EXPECT_GT(found, 20'000U);
}

}  // namespace
}  // namespace kv::store::testing
