// HashIndex against a map.
#include "store/hash_index.h"

#include <deque>
#include <map>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "store/key_index.h"

namespace kv::store::testing {
namespace {

class HashIndexTest : public ::testing::Test {
 protected:
  KeyState* NewState(const std::string& key) {
    states_.emplace_back().key = key;
    return &states_.back();
  }
  KeyState* Find(std::uint64_t hash, const std::string& key) const {
    return index_.Find(hash, [&key](const KeyState& state) { return state.key == key; });
  }

  std::deque<KeyState> states_;
  HashIndex index_;
};

TEST_F(HashIndexTest, AnEmptyOneFindsNothing) {
  EXPECT_EQ(Find(0, "a"), nullptr);
  EXPECT_EQ(Find(~0ULL, "a"), nullptr);
}

TEST_F(HashIndexTest, KeysOfTheSameHashAreToldApart) {
  KeyState* const a = NewState("a");
  KeyState* const b = NewState("b");
  index_.Insert(7, a);
  index_.Insert(7, b);
  EXPECT_EQ(Find(7, "a"), a);
  EXPECT_EQ(Find(7, "b"), b);
  EXPECT_EQ(Find(7, "c"), nullptr);
  index_.Erase(7, a);
  EXPECT_EQ(Find(7, "a"), nullptr);
  EXPECT_EQ(Find(7, "b"), b);
}

// Hashes as they come, and ones that crowd: many of the same first bits, of the same last bits, and
// the same ones, so that tables split in vain and probes wrap around.
TEST_F(HashIndexTest, DoesWhatAMapDoes) {
  std::mt19937_64 random(20);
  for (const std::uint64_t mask : {~0ULL, 0x0FULL, 0xFFULL << 56, 0xF0000000000000FFULL}) {
    std::map<std::string, std::pair<std::uint64_t, KeyState*>> oracle;
    index_.Clear();
    for (int step = 0; step < 20'000; ++step) {
      const std::string key = std::to_string(random() % 3'000);
      const auto known = oracle.find(key);
      if (known == oracle.end()) {
        const std::uint64_t hash = random() & mask;
        const auto added = oracle.emplace(key, std::pair(hash, NewState(key))).first;
        index_.Insert(hash, added->second.second);
      } else if (random() % 3 == 0) {
        index_.Erase(known->second.first, known->second.second);
        ASSERT_EQ(Find(known->second.first, key), nullptr);
        oracle.erase(known);
      } else {
        ASSERT_EQ(Find(known->second.first, key), known->second.second);
      }
    }
    for (const auto& [key, entry] : oracle) {
      ASSERT_EQ(Find(entry.first, key), entry.second) << key;
    }
  }
}

}  // namespace
}  // namespace kv::store::testing
