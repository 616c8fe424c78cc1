// One stream out of live changes and pages of the history.
#include "client/change_order.h"

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace kv::client::testing {
namespace {

Entry Change(Revision revision, const std::string& key) {
  return {.key = key, .revision = revision};
}

std::vector<Revision> RevisionsOf(const ChangeOrder::Entries& entries) {
  std::vector<Revision> revisions;
  for (const Entry& entry : entries) {
    revisions.push_back(entry.revision);
  }
  return revisions;
}

using Revisions = std::vector<Revision>;

TEST(ChangeOrderTest, LiveChangesOfAWholeBucketPassInOrder) {
  ChangeOrder order(/*sees_all=*/true);
  EXPECT_EQ(RevisionsOf(order.Live(Change(1, "a"))), Revisions{1});
  EXPECT_EQ(RevisionsOf(order.Live(Change(2, "a"))), Revisions{2});
  EXPECT_EQ(order.settled(), 2U);
  EXPECT_FALSE(order.has_hole());
}

TEST(ChangeOrderTest, ChangeThatOvertookWaitsForTheOthers) {
  ChangeOrder order(/*sees_all=*/true);
  EXPECT_EQ(RevisionsOf(order.Live(Change(3, "c"))), Revisions{});
  EXPECT_TRUE(order.has_hole());
  EXPECT_EQ(RevisionsOf(order.Live(Change(1, "a"))), Revisions{1});
  EXPECT_EQ(RevisionsOf(order.Live(Change(2, "b"))), (Revisions{2, 3}));
  EXPECT_FALSE(order.has_hole());
}

TEST(ChangeOrderTest, NothingComesTwice) {
  ChangeOrder order(/*sees_all=*/true);
  order.Live(Change(1, "a"));
  EXPECT_EQ(RevisionsOf(order.Live(Change(1, "a"))), Revisions{});
  order.Live(Change(3, "c"));
  order.Live(Change(3, "c"));
  EXPECT_EQ(RevisionsOf(order.Live(Change(2, "b"))), (Revisions{2, 3}));
}

TEST(ChangeOrderTest, HoleIsFilledByTheHistory) {
  ChangeOrder order(/*sees_all=*/true);
  order.Live(Change(1, "a"));
  order.Live(Change(4, "d"));
  order.BeginCatchUp();
  EXPECT_EQ(RevisionsOf(order.Live(Change(5, "e"))), Revisions{});
  EXPECT_EQ(RevisionsOf(order.Page({Change(2, "b"), Change(4, "d")})), (Revisions{2, 4}));
  EXPECT_TRUE(order.missed_some());
  EXPECT_EQ(RevisionsOf(order.EndCatchUp(4)), Revisions{5});
  EXPECT_EQ(order.settled(), 5U);
}

TEST(ChangeOrderTest, WhatIsNoLongerKeptIsDeliveredIfItCameLive) {
  ChangeOrder order(/*sees_all=*/true);
  order.BeginCatchUp();
  order.Live(Change(1, "a"));
  order.Live(Change(2, "a"));
  EXPECT_EQ(RevisionsOf(order.Page({Change(2, "a")})), (Revisions{1, 2}));
  EXPECT_FALSE(order.missed_some());
}

TEST(ChangeOrderTest, RevisionsThatNobodyHasAreSkippedByACatchUp) {
  ChangeOrder order(/*sees_all=*/true);
  order.StartFrom(10);
  order.Live(Change(4096, "a"));
  ASSERT_TRUE(order.has_hole());
  order.BeginCatchUp();
  EXPECT_EQ(RevisionsOf(order.EndCatchUp(4096)), Revisions{4096});
  EXPECT_FALSE(order.has_hole());
  EXPECT_EQ(RevisionsOf(order.Live(Change(4097, "a"))), Revisions{4097});
}

TEST(ChangeOrderTest, FilteredWatchTakesRevisionsAsTheyCome) {
  ChangeOrder order(/*sees_all=*/false);
  EXPECT_EQ(RevisionsOf(order.Live(Change(7, "a"))), Revisions{7});
  EXPECT_EQ(RevisionsOf(order.Live(Change(5, "b"))), Revisions{5});
  EXPECT_FALSE(order.has_hole());
}

TEST(ChangeOrderTest, FilteredWatchDropsWhatIsStaleOfItsKey) {
  ChangeOrder order(/*sees_all=*/false);
  order.Live(Change(7, "a"));
  EXPECT_EQ(RevisionsOf(order.Live(Change(6, "a"))), Revisions{});
  EXPECT_EQ(RevisionsOf(order.Live(Change(7, "a"))), Revisions{});
}

TEST(ChangeOrderTest, FilteredWatchFindsByTheHistoryWhatWasDropped) {
  ChangeOrder order(/*sees_all=*/false);
  order.Live(Change(7, "a"));
  order.BeginCatchUp();
  EXPECT_EQ(RevisionsOf(order.Page({Change(5, "b"), Change(7, "a")})), Revisions{5});
  EXPECT_TRUE(order.missed_some());
  order.EndCatchUp(20);
  EXPECT_EQ(order.settled(), 20U);
  order.BeginCatchUp();
  EXPECT_EQ(RevisionsOf(order.Live(Change(21, "a"))), Revisions{});
  EXPECT_EQ(RevisionsOf(order.Page({Change(21, "a")})), Revisions{21});
  EXPECT_FALSE(order.missed_some());
}

TEST(ChangeOrderTest, ChangesWaitUntilWhatWasBeforeThemIsRead) {
  ChangeOrder order(/*sees_all=*/false);
  order.BeginCatchUp();
  order.Live(Change(9, "a"));
  EXPECT_EQ(RevisionsOf(order.Page({Change(2, "b")})), Revisions{2});
  EXPECT_EQ(RevisionsOf(order.Through(8)), Revisions{});
  EXPECT_EQ(RevisionsOf(order.EndCatchUp(8)), Revisions{9});
}

TEST(ChangeOrderTest, ManyUnsettledKeysAskForACatchUp) {
  ChangeOrder order(/*sees_all=*/false);
  Revision revision = 0;
  while (!order.is_overdue() && revision < 100'000) {
    ++revision;
    order.Live(Change(revision, std::to_string(revision)));
  }
  ASSERT_TRUE(order.is_overdue());
  order.BeginCatchUp();
  order.EndCatchUp(revision);
  EXPECT_FALSE(order.is_overdue());
}

TEST(ChangeOrderTest, StartsAnewWhereTheStoreWasPutBackTo) {
  ChangeOrder order(/*sees_all=*/true);
  order.StartFrom(100);
  order.Live(Change(102, "a"));
  order.BeginCatchUp();
  order.StartAnew();
  EXPECT_EQ(RevisionsOf(order.Page({Change(40, "a")})), Revisions{40});
  order.EndCatchUp(40);
  EXPECT_EQ(RevisionsOf(order.Live(Change(41, "a"))), Revisions{41});
  EXPECT_FALSE(order.has_hole()) << "what waited was of the former store";
}

TEST(ChangeOrderTest, KnowsTheNewestThatItDelivered) {
  ChangeOrder order(/*sees_all=*/false);
  order.StartFrom(3);
  EXPECT_EQ(order.newest(), 3U);
  order.Live(Change(9, "a"));
  order.Live(Change(7, "b"));
  EXPECT_EQ(order.newest(), 9U);
  order.BeginCatchUp();
  order.Live(Change(12, "a"));
  EXPECT_EQ(order.newest(), 9U) << "it waits";
  order.EndCatchUp(20);
  EXPECT_EQ(order.newest(), 20U);
  order.StartAnew();
  EXPECT_EQ(order.newest(), 0U);
}

// Whatever is dropped and whatever overtakes: after a catch-up the watch of a bucket that keeps
// everything has seen every change once, in order.
TEST(ChangeOrderTest, RandomLossesAreMadeGood) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    ChangeOrder order(/*sees_all=*/seed % 2 == 0);
    std::vector<Entry> history;
    Revisions delivered;
    const auto take = [&delivered](const ChangeOrder::Entries& entries) {
      for (const Entry& entry : entries) {
        delivered.push_back(entry.revision);
      }
    };
    for (Revision revision = 1; revision <= 300; ++revision) {
      history.push_back(Change(revision, std::to_string(revision)));
      if (random() % 4 != 0) {
        take(order.Live(history.back()));
      }
      if (random() % 20 == 0) {
        order.BeginCatchUp();
        const std::size_t from = order.settled();
        take(order.Page({history.begin() + static_cast<std::ptrdiff_t>(from), history.end()}));
        take(order.EndCatchUp(revision));
      }
    }
    order.BeginCatchUp();
    take(order.Page(
        {history.begin() + static_cast<std::ptrdiff_t>(order.settled()), history.end()}));
    take(order.EndCatchUp(300));
    const bool sees_all = seed % 2 == 0;
    ASSERT_TRUE(!sees_all || std::is_sorted(delivered.begin(), delivered.end()));
    std::sort(delivered.begin(), delivered.end());
    Revisions all(300);
    std::generate(all.begin(), all.end(), [next = Revision{0}]() mutable { return ++next; });
    ASSERT_EQ(delivered, all) << "seed " << seed;
  }
}

}  // namespace
}  // namespace kv::client::testing
