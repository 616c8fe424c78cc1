// Reading entries: single ones and pages, by prefix, filter, revision.
#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/store/store_fixture.h"

namespace kv::store::testing {
namespace {

class BucketReadTest : public StoreTest {
 protected:
  BucketReadTest() { Open(); }

  Page Page1(const PageRequest& request) {
    auto page = bucket().ReadPage(request);
    EXPECT_TRUE(page.ok());
    return page.ok() ? std::move(*page) : Page();
  }
  bool Compacted(Revision from, std::string_view prefix = {}) {
    return bucket().IsCompacted(prefix, from);
  }
};

TEST_F(BucketReadTest, GetGivesTheNewestEntryMarkersIncluded) {
  EXPECT_EQ(Get("a"), "key-not-found");
  Put("a", "1");
  Put("a", "2");
  EXPECT_EQ(Get("a"), "2 a PUT 2");
  Delete("a");
  EXPECT_EQ(Get("a"), "3 a DEL");
  EXPECT_EQ(Get("b"), "key-not-found");
}

TEST_F(BucketReadTest, GetRevisionGivesKeptEntriesOfThatKeyOnly) {
  CreateBucket("history=2");
  Put("a", "1");
  Put("b", "2");
  Put("a", "3");
  Delete("a");
  const auto get = [this](std::string_view key, Revision revision) {
    const auto entry = bucket().GetRevision(*Key::Parse(key), revision);
    return entry.ok() ? TextOf(*entry) : std::string(entry.error().token());
  };
  EXPECT_EQ(get("a", 1), "key-not-found") << "no longer kept";
  EXPECT_EQ(get("a", 2), "key-not-found") << "another key's";
  EXPECT_EQ(get("a", 3), "3 a PUT 3");
  EXPECT_EQ(get("a", 4), "4 a DEL");
  EXPECT_EQ(get("a", 5), "key-not-found");
  EXPECT_EQ(get("a", 0), "key-not-found");
}

// --- pages ---

class PageTest : public BucketReadTest {
 protected:
  PageTest() {
    CreateBucket("history=3");
    Put("a", "1");
    Put("a/x", "2");
    Put("a!", "3");
    Put("b", "4");
    Put("a/y", "5");
    Put("a", "6");
    Delete("b");
    Put("a/x/deep", "8");
  }
};

TEST_F(PageTest, HistoryIsEveryKeptEntryInRevisionOrder) {
  EXPECT_EQ(History(),
            (Lines{"1 a PUT 1",
                   "2 a/x PUT 2",
                   "3 a! PUT 3",
                   "4 b PUT 4",
                   "5 a/y PUT 5",
                   "6 a PUT 6",
                   "7 b DEL",
                   "8 a/x/deep PUT 8"}));
}

TEST_F(PageTest, NewestIsOneEntryForEachKey) {
  EXPECT_EQ(
      Newest(),
      (Lines{
          "2 a/x PUT 2", "3 a! PUT 3", "5 a/y PUT 5", "6 a PUT 6", "7 b DEL", "8 a/x/deep PUT 8"}));
}

TEST_F(PageTest, APrefixIsThatKeyAndAllBelow) {
  EXPECT_EQ(Read(bucket(), {.prefix = "a"}),
            (Lines{"1 a PUT 1", "2 a/x PUT 2", "5 a/y PUT 5", "6 a PUT 6", "8 a/x/deep PUT 8"}));
  EXPECT_EQ(Read(bucket(), {.prefix = "a/x"}), (Lines{"2 a/x PUT 2", "8 a/x/deep PUT 8"}));
  EXPECT_EQ(Read(bucket(), {.prefix = "b", .newest_only = true}), (Lines{"7 b DEL"}));
  EXPECT_TRUE(Read(bucket(), {.prefix = "missing"}).empty());
  EXPECT_TRUE(Read(bucket(), {.prefix = "zz"}).empty());
}

TEST_F(PageTest, AFilterNarrows) {
  const KeyFilter one_below = *KeyFilter::Parse("a/+");
  EXPECT_EQ(Read(bucket(), {.filter = &one_below}), (Lines{"2 a/x PUT 2", "5 a/y PUT 5"}));
  const KeyFilter deep = *KeyFilter::Parse("+/x/#");
  EXPECT_EQ(Read(bucket(), {.prefix = "a", .filter = &deep}),
            (Lines{"2 a/x PUT 2", "8 a/x/deep PUT 8"}));
}

TEST_F(PageTest, BeginsAtARevision) {
  EXPECT_EQ(Read(bucket(), {.from = 7}), (Lines{"7 b DEL", "8 a/x/deep PUT 8"}));
  EXPECT_EQ(Read(bucket(), {.prefix = "a", .from = 6}), (Lines{"6 a PUT 6", "8 a/x/deep PUT 8"}));
  EXPECT_TRUE(Read(bucket(), {.from = 9}).empty());
}

TEST_F(PageTest, CanLeaveOutMarkers) {
  EXPECT_EQ(Read(bucket(), {.from = 6, .ignore_markers = true}),
            (Lines{"6 a PUT 6", "8 a/x/deep PUT 8"}));
  EXPECT_EQ(Read(bucket(), {.prefix = "b", .newest_only = true, .ignore_markers = true}), Lines())
      << "the value below the marker is not the newest entry";
}

TEST_F(PageTest, OfAnySizeTheyAddUpToTheWhole) {
  for (const std::string_view prefix : {"", "a"}) {
    for (const bool newest : {false, true}) {
      const Lines whole = Read(bucket(), {.prefix = prefix, .newest_only = newest});
      for (std::size_t limit = 1; limit < 9; ++limit) {
        EXPECT_EQ(Read(bucket(), {.prefix = prefix, .newest_only = newest, .limit = limit}), whole);
      }
      EXPECT_EQ(Read(bucket(), {.prefix = prefix, .newest_only = newest, .max_bytes = 1}), whole);
    }
  }
}

TEST_F(PageTest, HoldsAtMostItsLimit) {
  EXPECT_EQ(Page1({.limit = 3}).entries.size(), 3U);
  EXPECT_EQ(Page1({.limit = 3}).next, 4U);
  EXPECT_EQ(Page1({.limit = 8}).entries.size(), 8U);
  EXPECT_EQ(Page1({.limit = 8}).next, 0U);
  EXPECT_EQ(Page1({.prefix = "a", .limit = 2}).next, 5U);
}

TEST_F(PageTest, EndsAfterItsBytesButHoldsAtLeastOneEntry) {
  Put("large", std::string(1000, 'x'));
  Put("small", "1");
  EXPECT_EQ(Page1({.from = 9, .max_bytes = 10}).entries.size(), 1U);
  EXPECT_EQ(Page1({.from = 9, .max_bytes = 1005}).entries.size(), 1U) << "the key counts, too";
  EXPECT_EQ(Page1({.from = 9, .max_bytes = 1006}).entries.size(), 2U);
}

TEST_F(PageTest, StayGoodWhileWritesGoOn) {
  auto page = Page1({.limit = 4});
  Put("c", "9");
  Purge("a");
  EXPECT_EQ(Read(bucket(), {.from = page.next}),
            (Lines{"5 a/y PUT 5", "7 b DEL", "8 a/x/deep PUT 8", "9 c PUT 9", "10 a PURGE"}));
}

// Entries are read many at a time, from the database and from the journal, where they are close
// together in one way and where they are not in another.
class LongPageTest : public BucketReadTest {
 protected:
  LongPageTest() {
    options_.sync_interval = 3600 * kSecond;  // what nobody waits for stays in the journal
    Open();
    CreateBucket("history=2");
  }

  void Write(std::size_t count, std::size_t keys) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::string key = "k" + std::to_string(i % keys);
      const std::string value(i * 7 % 300, 'v');
      written_.emplace_back(key, std::to_string(Put(key, value)) + " " + key + " PUT " + value);
    }
  }
  void Purge(const std::string& key) {
    std::erase_if(written_, [&](const auto& item) { return item.first == key; });
    written_.emplace_back(key, std::to_string(StoreTest::Purge(key)) + " " + key + " PURGE");
  }
  void Settle() { ASSERT_TRUE(store_->WaitSettled(store_->last_sequence()).ok()); }

  // The last two of each key.
  Lines Kept() const {
    std::map<std::string, int> seen;
    Lines lines;
    std::for_each(written_.rbegin(), written_.rend(), [&](const auto& item) {
      if (++seen[item.first] <= 2) {
        lines.insert(lines.begin(), item.second);
      }
    });
    return lines;
  }
  void ExpectPagesOfAnySize() {
    const Lines kept = Kept();
    for (const std::size_t limit : {1U, 7U, 63U, 64U, 65U, 100U, 10'000U}) {
      EXPECT_EQ(Read(bucket(), {.limit = limit}), kept) << limit;
    }
    for (const std::size_t bytes : {1U, 1000U, 20'000U}) {
      EXPECT_EQ(Read(bucket(), {.limit = 1000, .max_bytes = bytes}), kept) << bytes;
    }
  }

 private:
  std::vector<std::pair<std::string, std::string>> written_;  // key and line
};

TEST_F(LongPageTest, OfTheDatabase) {
  Write(400, 250);
  Settle();
  ExpectPagesOfAnySize();
}

TEST_F(LongPageTest, OfTheJournal) {
  Write(400, 250);
  ExpectPagesOfAnySize();
}

TEST_F(LongPageTest, PartlyOfEach) {
  Write(400, 250);
  Settle();
  Write(150, 100);
  ExpectPagesOfAnySize();
}

TEST_F(LongPageTest, OfEntriesFarApart) {
  Write(100, 100);
  Write(3000, 3);
  Write(100, 40);
  Settle();
  for (int i = 0; i < 100; i += 3) {
    Purge("k" + std::to_string(i));
  }
  ExpectPagesOfAnySize();
  Settle();
  ExpectPagesOfAnySize();
}

TEST_F(PageTest, OfALargeBucketFindWhatIsRareWithoutEndlessSearch) {
  for (int i = 0; i < 25'000; ++i) {
    Put("many/" + std::to_string(i), "");
  }
  const Revision rare = Put("rare", "x");
  const KeyFilter filter = *KeyFilter::Parse("+");
  const Page first = Page1({.filter = &filter, .from = 9});
  EXPECT_TRUE(first.entries.empty()) << "a page that found nothing ends, too";
  EXPECT_NE(first.next, 0U);
  const Lines expected{std::to_string(rare) + " rare PUT x"};
  EXPECT_EQ(Read(bucket(), {.filter = &filter, .from = 9}), expected);
  const auto many = Read(bucket(), {.prefix = "many", .limit = 500});
  EXPECT_EQ(many.size(), 25'000U) << "too many keys to go by keys";
  const KeyFilter one_level = *KeyFilter::Parse("+");
  EXPECT_EQ(Read(bucket(), {.prefix = "many", .filter = &one_level}), Lines());
  KeysPage keys = bucket().ReadKeys({.filter = &one_level});
  EXPECT_TRUE(keys.more);
  EXPECT_EQ(keys.keys, (Lines{"a", "a!"}));
  const std::string position = keys.position;
  EXPECT_EQ(KeysOf(bucket(), {.filter = &one_level, .after = position}), (Lines{"rare"}));
}

// --- compacted: a resumed watcher knows that it has a gap ---

TEST_F(BucketReadTest, NothingIsCompactedWhileEverythingIsKept) {
  EXPECT_FALSE(Compacted(0));
  EXPECT_FALSE(Compacted(1));
  Put("a", "1");
  Put("b", "2");
  EXPECT_FALSE(Compacted(0));
  EXPECT_FALSE(Compacted(1));
  EXPECT_FALSE(Compacted(3));
  Reopen();
  EXPECT_FALSE(Compacted(1));
}

TEST_F(BucketReadTest, CompactedTellsThatHistoryPushedAnEntryOut) {
  Put("a", "1");
  Put("b", "2");
  Put("a", "3");
  EXPECT_TRUE(Compacted(1));
  EXPECT_FALSE(Compacted(2));
  Crash();
  EXPECT_TRUE(Compacted(1));
  EXPECT_FALSE(Compacted(2));
}

TEST_F(BucketReadTest, CompactedTellsOfPurgesExpiriesAndForgottenMarkers) {
  CreateBucket("history=5 marker_ttl=10s");
  Put("a", "1");
  Put("a", "2");
  Purge("a");
  EXPECT_TRUE(Compacted(2));
  EXPECT_FALSE(Compacted(3));
  Do("b", {.value = "4", .ttl = kSecond});
  now_ += kSecond;
  EXPECT_EQ(Expire(), (Lines{"b@5"}));
  EXPECT_TRUE(Compacted(4));
  EXPECT_FALSE(Compacted(5));
  now_ += 10 * kSecond;
  Expire();
  EXPECT_TRUE(Compacted(5));
  EXPECT_FALSE(Compacted(6));
  Crash();
  EXPECT_TRUE(Compacted(5));
  EXPECT_FALSE(Compacted(6));
}

TEST_F(BucketReadTest, CompactedTellsOfATrim) {
  CreateBucket("history=5");
  Put("a", "1");
  Put("a", "2");
  Put("a", "3");
  EXPECT_FALSE(Compacted(1));
  ASSERT_TRUE(Change("history=1").ok());
  EXPECT_TRUE(Compacted(2));
  EXPECT_FALSE(Compacted(3));
}

TEST_F(BucketReadTest, CompactedIsOfThePrefixAlone) {
  CreateBucket("history=2");
  for (const auto* const key : {"a/x", "b", "a/x", "b", "a/x", "b", "ab", "a/y"}) {
    Put(key, "v");  // a/x loses revision 1, b revision 2
  }
  for (int life = 0; life < 3; ++life) {
    EXPECT_TRUE(Compacted(1));
    EXPECT_TRUE(Compacted(2));
    EXPECT_FALSE(Compacted(3));
    EXPECT_TRUE(Compacted(1, "a"));
    EXPECT_FALSE(Compacted(2, "a")) << "life " << life;
    EXPECT_TRUE(Compacted(2, "b"));
    EXPECT_FALSE(Compacted(1, "ab"));
    EXPECT_FALSE(Compacted(1, "a/y"));
    EXPECT_FALSE(Compacted(1, "none"));
    life == 0 ? Crash() : Reopen();
  }
}

TEST_F(BucketReadTest, CompactedOfALargePrefixIsExactNearTheEnd) {
  for (int i = 0; i < 5'000; ++i) {
    Put("many/" + std::to_string(i), "v");
  }
  Put("other", "1");
  Put("other", "2");   // 5001 is gone
  Put("many/7", "v");  // 8 is gone
  EXPECT_TRUE(Compacted(8, "many"));
  EXPECT_FALSE(Compacted(9, "many"));
  EXPECT_TRUE(Compacted(5'001));
  Crash();
  EXPECT_TRUE(Compacted(8, "many"));
  EXPECT_FALSE(Compacted(9, "many"));
}

TEST_F(BucketReadTest, CompactedTellsOfKeysOfWhichNothingIsLeft) {
  CreateBucket("marker_ttl=10s");
  Put("a", "1");
  Put("b", "2");
  Delete("a");
  now_ += 10 * kSecond;
  Expire();
  Put("a", "4");
  for (int life = 0; life < 3; ++life) {
    EXPECT_TRUE(Compacted(3, "a"));
    EXPECT_FALSE(Compacted(4, "a"));
    EXPECT_TRUE(Compacted(3, "b")) << "nobody knows whose it was";
    life == 0 ? Crash() : Reopen();
  }
}

TEST_F(BucketReadTest, CompactedTellsOfAnEarlierBucketOfTheName) {
  Put("a", "1");
  ASSERT_TRUE(store_->DropBucket(*BucketName::Parse(bucket().name())).ok());
  CreateBucket("");
  for (int life = 0; life < 2; ++life) {
    EXPECT_TRUE(Compacted(1, "a"));
    EXPECT_FALSE(Compacted(bucket().stats().last_revision + 1, "a"));
    Put("a", "again");
    Crash();
  }
}

// --- keys ---

class KeysTest : public BucketReadTest {
 protected:
  KeysTest() {
    for (const auto* const key : {"b", "a/y", "a!", "a", "a/x/deep", "a/x", "a/x!", "\xC3\xA4"}) {
      Put(key, "v");
    }
    Put("gone", "v");
    Delete("gone");
  }
};

TEST_F(KeysTest, AreInTheOrderOfTheirBytes) {
  EXPECT_EQ(KeysOf(bucket()),
            (Lines{"a", "a!", "a/x", "a/x!", "a/x/deep", "a/y", "b", "\xC3\xA4"}));
}

TEST_F(KeysTest, OfAPrefixLeaveOutWhatOnlyBeginsAlike) {
  EXPECT_EQ(KeysOf(bucket(), {.prefix = "a"}), (Lines{"a", "a/x", "a/x!", "a/x/deep", "a/y"}));
  EXPECT_EQ(KeysOf(bucket(), {.prefix = "a/x"}), (Lines{"a/x", "a/x/deep"}));
  EXPECT_EQ(KeysOf(bucket(), {.prefix = "zz"}), Lines());
}

TEST_F(KeysTest, GoOnAfterAnyKey) {
  for (const std::string_view prefix : {"", "a", "a/x"}) {
    const Lines all = KeysOf(bucket(), {.prefix = prefix});
    for (std::size_t i = 0; i < all.size(); ++i) {
      EXPECT_EQ(KeysOf(bucket(), {.prefix = prefix, .after = all[i]}),
                Lines(all.begin() + static_cast<std::ptrdiff_t>(i) + 1, all.end()))
          << prefix << " after " << all[i];
    }
  }
  EXPECT_EQ(KeysOf(bucket(), {.after = "a/b"}),
            (Lines{"a/x", "a/x!", "a/x/deep", "a/y", "b", "\xC3\xA4"}))
      << "also after a key that is not there";
  EXPECT_EQ(KeysOf(bucket(), {.prefix = "a", .after = "0"}).size(), 5U);
  EXPECT_EQ(KeysOf(bucket(), {.prefix = "a", .after = "b"}), Lines());
}

TEST_F(KeysTest, WithDeletedOnesOnRequest) {
  EXPECT_EQ(KeysOf(bucket(), {.prefix = "gone"}), Lines());
  EXPECT_EQ(KeysOf(bucket(), {.prefix = "gone", .include_deleted = true}), (Lines{"gone"}));
}

TEST_F(KeysTest, OfAFilter) {
  const KeyFilter filter = *KeyFilter::Parse("+/x/#");
  EXPECT_EQ(KeysOf(bucket(), {.filter = &filter}), (Lines{"a/x", "a/x/deep"}));
}

TEST_F(KeysTest, InPagesOfAnySizeAddUpToTheWhole) {
  const Lines whole = KeysOf(bucket());
  for (const std::size_t limit : {1U, 2U, 3U, 8U, 9U}) {
    for (const std::size_t max_bytes : {14U, 20U, 1000U}) {
      Lines together;
      KeysRequest request{.limit = limit, .max_bytes = max_bytes};
      KeysPage page;
      std::string after;
      do {
        request.after = after;
        page = bucket().ReadKeys(request);
        ASSERT_TRUE(!page.more || !page.keys.empty());
        ASSERT_LE(page.keys.size(), limit);
        together.insert(together.end(), page.keys.begin(), page.keys.end());
        after = page.position;
      } while (page.more);
      EXPECT_EQ(together, whole) << limit << " keys, " << max_bytes << " bytes";
    }
  }
}

TEST_F(KeysTest, OfAPageFitItsBytesAsJson) {
  Put("\"quoted\\\"", "v");
  const KeyFilter filter = *KeyFilter::Parse("+");
  // ["\"quoted\\\"","a"] is 20 bytes; the page counts a comma for the last one, too.
  EXPECT_EQ(bucket().ReadKeys({.filter = &filter, .max_bytes = 21}).keys,
            (Lines{"\"quoted\\\"", "a"}));
  EXPECT_EQ(bucket().ReadKeys({.filter = &filter, .max_bytes = 20}).keys, (Lines{"\"quoted\\\""}));
}

}  // namespace
}  // namespace kv::store::testing
