// RevisionMap against a map.
#include "store/revision_map.h"

#include <map>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "store/key_index.h"

namespace kv::store::testing {
namespace {

using Pairs = std::vector<std::pair<Revision, KeyState*>>;

Pairs From(const RevisionMap& map, Revision from, std::size_t limit = ~std::size_t{0}) {
  Pairs pairs;
  map.ForEachFrom(from, [&](Revision revision, KeyState& holder) {
    pairs.emplace_back(revision, &holder);
    return pairs.size() < limit;
  });
  return pairs;
}

TEST(RevisionMapTest, AnEmptyOneHasNothing) {
  const RevisionMap map;
  EXPECT_EQ(map.size(), 0U);
  EXPECT_EQ(map.Find(0), nullptr);
  EXPECT_EQ(From(map, 0), Pairs());
}

TEST(RevisionMapTest, AVisitEndsWhenItIsToldTo) {
  RevisionMap map;
  KeyState state;
  for (const Revision revision : {Revision{1}, Revision{2}, Revision{500}}) {
    map.Append(revision, &state);
  }
  EXPECT_EQ(From(map, 0, 2), (Pairs{{1, &state}, {2, &state}}));
  EXPECT_EQ(From(map, 3, 2), (Pairs{{500, &state}}));
}

// Most are erased soon, some stay for long, and now and then a good many revisions are skipped.
TEST(RevisionMapTest, DoesWhatAMapDoes) {
  std::mt19937_64 random(21);
  for (const std::size_t kept : {1U, 30U, 1'000U}) {
    RevisionMap map;
    std::map<Revision, KeyState*> oracle;
    std::vector<KeyState> states(7);
    Revision last = 0;
    for (int step = 0; step < 30'000; ++step) {
      last += random() % 500 == 0 ? random() % 5'000 : 1;
      KeyState* const holder = &states[random() % states.size()];
      if (oracle.emplace(last, holder).second) {
        map.Append(last, holder);
      }
      while (oracle.size() > kept) {
        auto gone = oracle.lower_bound(random() % (last + 1));
        gone = gone == oracle.end() ? oracle.begin() : gone;
        map.Erase(gone->first);
        ASSERT_EQ(map.Find(gone->first), nullptr);
        oracle.erase(gone);
      }
      ASSERT_EQ(map.size(), oracle.size());
      const Revision asked = random() % (last + 2);
      const auto found = oracle.find(asked);
      ASSERT_EQ(map.Find(asked), found == oracle.end() ? nullptr : found->second);
      if (step % 100 == 0) {
        ASSERT_EQ(From(map, asked), Pairs(oracle.lower_bound(asked), oracle.end()));
      }
    }
    map.Clear();
    EXPECT_EQ(From(map, 0), Pairs());
  }
}

}  // namespace
}  // namespace kv::store::testing
