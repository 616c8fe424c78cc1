// Forgetting old markers, and knowing which keys are ephemeral.
#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/store/store_fixture.h"

namespace kv::store::testing {
namespace {

class ForgetMarkersTest : public StoreTest {
 protected:
  ForgetMarkersTest() { Open(); }

  // How many keys it forgot, in slices of `limit` entries.
  std::size_t Forget(TimePoint before, std::size_t limit = 1000, Revision end = ~Revision{0}) {
    std::size_t keys = 0;
    Revision next = 0;
    do {
      const Revision from = next;
      const auto forgotten = bucket().ForgetMarkers(before, end, limit, next);
      EXPECT_TRUE(forgotten.ok());
      EXPECT_TRUE(next == 0 || next > from) << "it must get on";
      keys += forgotten.ok() ? *forgotten : 0;
    } while (next != 0);
    return keys;
  }
};

TEST_F(ForgetMarkersTest, ForgetsDeletesAndPurgesWithTheirHistory) {
  CreateBucket("history=5");
  Put("value", "1");
  Put("deleted", "2");
  Put("deleted", "3");
  Delete("deleted");
  Put("purged", "5");
  Purge("purged");
  Put("revived", "7");
  Delete("revived");
  Put("revived", "9");
  EXPECT_EQ(Forget(now_), 2U);
  const Lines left{"1 value PUT 1", "7 revived PUT 7", "8 revived DEL", "9 revived PUT 9"};
  EXPECT_EQ(History(), left);
  EXPECT_EQ(Get("deleted"), "key-not-found");
  EXPECT_EQ(bucket().stats().entries, 4U);
  EXPECT_EQ(Forget(now_), 0U);
  Crash();
  EXPECT_EQ(History(), left);
}

TEST_F(ForgetMarkersTest, LeavesTheYoungerOnes) {
  Put("old", "1");
  Put("young", "2");
  Delete("old");
  const TimePoint then = now_;
  now_ += 1;
  Delete("young");
  EXPECT_EQ(Forget(then - 1), 0U);
  EXPECT_EQ(Forget(then), 1U);
  EXPECT_EQ(History(), Lines{"4 young DEL"});
  EXPECT_EQ(Forget(now_), 1U);
}

TEST_F(ForgetMarkersTest, LeavesThoseBeyondTheEnd) {
  Put("a", "1");
  Put("b", "2");
  Delete("a");
  Delete("b");
  EXPECT_EQ(Forget(now_, 1000, 3), 1U);
  EXPECT_EQ(History(), Lines{"4 b DEL"});
  EXPECT_EQ(Forget(now_, 1000, 2), 0U);
  EXPECT_EQ(Forget(now_, 1000, 4), 1U);
}

TEST_F(ForgetMarkersTest, ForgetsTheSameWhateverTheSlices) {
  CreateBucket("history=3");
  for (const std::size_t limit : {1U, 2U, 7U}) {
    for (int i = 0; i < 20; ++i) {
      const std::string key = "k" + std::to_string(i);
      Put(key, "1");
      Put(key, "2");
      i % 3 == 0 ? Delete(key) : 0;
    }
    EXPECT_EQ(Forget(now_, limit), 7U) << limit;
    EXPECT_EQ(KeysOf(bucket(), {.include_deleted = true}).size(), 13U);
  }
}

TEST_F(ForgetMarkersTest, WritesBetweenTwoSlicesAreSafe) {
  for (const auto* key : {"a", "b", "c", "d"}) {
    Put(key, "1");
    Delete(key);
  }
  Revision next = 0;
  const Revision end = bucket().stats().last_revision;
  EXPECT_EQ(*bucket().ForgetMarkers(now_, end, 2, next), 2U);
  Put("a", "new");
  Put("c", "new");
  std::size_t keys = 0;
  while (next != 0) {
    keys += *bucket().ForgetMarkers(now_, end, 1, next);
  }
  EXPECT_EQ(keys, 1U) << "d alone: c has a value again";
  EXPECT_EQ(History(), (Lines{"9 a PUT new", "10 c PUT new"}));
}

TEST_F(ForgetMarkersTest, NoRevisionIsGivenOutAgain) {
  Put("a", "1");
  Delete("a");
  EXPECT_EQ(Forget(now_), 1U);
  EXPECT_TRUE(History().empty());
  Crash();
  EXPECT_EQ(bucket().stats().last_revision, 2U);
  Reopen();
  EXPECT_EQ(Put("a", "3"), 3U);
  EXPECT_TRUE(bucket().IsCompacted({}, 1));
}

TEST_F(ForgetMarkersTest, InMemoryToo) {
  CreateBucket("storage=memory history=2");
  Put("a", "1");
  Delete("a");
  Put("b", "3");
  EXPECT_EQ(Forget(now_), 1U);
  EXPECT_EQ(History(), Lines{"3 b PUT 3"});
  Reopen();
  EXPECT_EQ(Put("a", "4"), 4U);
}

class EphemeralKeysTest : public StoreTest {
 protected:
  EphemeralKeysTest() { Open(); }

  Revision PutEphemeral(std::string_view key) { return Do(key, {.value = "e", .ephemeral = true}); }
  // "key@revision", in order.
  Lines Ephemeral() {
    Lines lines;
    for (const auto& [key, revision, message_id] : bucket().EphemeralKeys()) {
      lines.push_back(key + "@" + std::to_string(revision));
    }
    std::sort(lines.begin(), lines.end());
    return lines;
  }
};

TEST_F(EphemeralKeysTest, AreThoseWhoseNewestEntryIsEphemeralInEveryLife) {
  CreateBucket("history=3");
  PutEphemeral("stays");
  PutEphemeral("overwritten");
  Put("overwritten", "not ephemeral");
  PutEphemeral("deleted");
  Delete("deleted");
  PutEphemeral("purged");
  Purge("purged");
  Put("later", "not ephemeral");
  PutEphemeral("later");
  PutEphemeral("stays");
  Put("plain", "1");
  for (int life = 0; life < 3; ++life) {
    EXPECT_EQ(Ephemeral(), (Lines{"later@9", "stays@10"}));
    EXPECT_TRUE(bucket().Get(*Key::Parse("stays"))->ephemeral);
    EXPECT_FALSE(bucket().Get(*Key::Parse("plain"))->ephemeral);
    life == 0 ? Crash() : Reopen();
  }
}

TEST_F(EphemeralKeysTest, EndWithAnExpiry) {
  Do("a", {.value = "e", .ttl = kSecond, .ephemeral = true});
  now_ += kSecond;
  EXPECT_EQ(Expire(), Lines{"a@2"});
  EXPECT_EQ(Ephemeral(), Lines{});
  Reopen();
  EXPECT_EQ(Ephemeral(), Lines{});
}

TEST_F(EphemeralKeysTest, AMarkerIsNeverEphemeral) {
  PutEphemeral("a");
  Do("a", {.operation = Operation::kDelete, .ephemeral = true});
  EXPECT_EQ(Ephemeral(), Lines{});
  EXPECT_FALSE(bucket().Get(*Key::Parse("a"))->ephemeral);
}

TEST_F(EphemeralKeysTest, InMemoryTheyEndWithTheProcess) {
  CreateBucket("storage=memory");
  PutEphemeral("a");
  EXPECT_EQ(Ephemeral(), Lines{"a@1"});
  Reopen();
  EXPECT_EQ(Ephemeral(), Lines{});
}

TEST_F(EphemeralKeysTest, TheAuthorIsKeptOnlyWithAudit) {
  const Author author{"c1", "ann"};
  CreateBucket("history=2");
  Do("a", {.value = "1", .author = &author});
  EXPECT_FALSE(bucket().Get(*Key::Parse("a"))->author);
  ASSERT_TRUE(Change("history=2 audit=true").ok());
  Do("a", {.value = "2", .author = &author});
  Do("b", {.value = "3"});
  for (int life = 0; life < 2; ++life) {
    EXPECT_FALSE(bucket().GetRevision(*Key::Parse("a"), 1)->author);
    EXPECT_EQ(bucket().Get(*Key::Parse("a"))->author, author);
    EXPECT_FALSE(bucket().Get(*Key::Parse("b"))->author);
    Crash();
  }
}

}  // namespace
}  // namespace kv::store::testing
