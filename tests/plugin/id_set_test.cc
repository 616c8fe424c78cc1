#include "plugin/id_set.h"

#include <limits>
#include <random>
#include <set>

#include <gtest/gtest.h>

namespace kv::plugin {
namespace {

TEST(IdSetTest, HoldsWhatWasInsertedUntilItIsErased) {
  IdSet ids;
  EXPECT_TRUE(ids.empty());
  for (const std::uint64_t id : {std::uint64_t{0},
                                 std::uint64_t{63},
                                 std::uint64_t{64},
                                 std::numeric_limits<std::uint64_t>::max()}) {
    EXPECT_FALSE(ids.Erase(id)) << id;
    ids.Insert(id);
    ids.Insert(id);
    EXPECT_FALSE(ids.empty());
    EXPECT_TRUE(ids.Erase(id)) << id;
    EXPECT_FALSE(ids.Erase(id)) << id;
    EXPECT_TRUE(ids.empty());
  }
}

TEST(IdSetTest, IsWhatASetOfNumbersIs) {
  std::mt19937 random(7);
  IdSet ids;
  std::set<std::uint64_t> oracle;
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t id = random() % 300;
    if (random() % 2 == 0) {
      ids.Insert(id);
      oracle.insert(id);
    } else {
      ASSERT_EQ(ids.Erase(id), oracle.erase(id) == 1) << id;
    }
    ASSERT_EQ(ids.empty(), oracle.empty());
  }
  ids.Insert(1);
  ids.Clear();
  EXPECT_TRUE(ids.empty());
  EXPECT_FALSE(ids.Erase(1));
}

}  // namespace
}  // namespace kv::plugin
