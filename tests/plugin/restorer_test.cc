// A restore that takes many ticks, while clients write: it never puts an older value above theirs.
#include "plugin/restorer.h"

#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/plugin/fake_broker.h"
#include "tests/plugin/persistence_bytes.h"
#include "tests/support/broker_process.h"

namespace kv::plugin::testing {
namespace {

constexpr Nanoseconds kAllOfIt = 3600 * kSecond;

class RestorerTest : public ::testing::Test {
 protected:
  RestorerTest() { Open(); }
  void SetUp() override { ASSERT_NE(store_, nullptr); }

  void Open() {
    auto opened = store::Store::Open({.path = (directory_.path() / "store").string()}, now_);
    store_ = opened ? std::move(*opened) : nullptr;
  }

  Revision Write(const std::string& bucket, const std::string& key, const std::string& value) {
    const store::Write write{.operation = value.empty() ? Operation::kDelete : Operation::kPut,
                             .value = value};
    auto found = store_->FindOrCreate(*BucketName::Parse(bucket), now_);
    EXPECT_TRUE(found.ok());
    auto written = (*found)->Apply(*Key::Parse(key), write, now_);
    EXPECT_TRUE(written.ok());
    return written->revision;
  }
  // As it is at a start.
  Restorer MakeRestorer(std::optional<BrokerSnapshot> snapshot = std::nullopt) {
    store_.reset();
    Open();
    return Restorer(*store_, topics_, publisher_, std::move(snapshot));
  }

  const kv::testing::TemporaryDirectory directory_;
  const TimePoint now_ = 1'800'000'000 * kSecond;
  const wire::Topics topics_{"kv"};
  FakeBroker broker_;
  Publisher publisher_{broker_, topics_};
  std::unique_ptr<store::Store> store_;
};

TEST_F(RestorerTest, LeavesAloneWhatWasWrittenSinceTheStart) {
  Write("b", "changed", "old");
  Write("b", "deleted", "old");
  Write("b", "kept", "old");
  Restorer restorer = MakeRestorer();
  Write("b", "changed", "new");
  Write("b", "deleted", "");
  Write("b", "added", "new");
  Write("new", "k", "new");
  ASSERT_TRUE(restorer.Step(kAllOfIt));
  const auto sent = broker_.Take();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].topic, "kv/b/kept");
  EXPECT_EQ(restorer.totals().published, 1U);
}

TEST_F(RestorerTest, ClearsNothingThatWasWrittenSinceTheStart) {
  Write("b", "deleted", "old");
  Write("b", "deleted", "");
  const std::string contents =
      FileStart() +
      MessageOf({.store_id = 1, .topic = "kv/b/deleted", .properties = RevisionProperty("1")}) +
      MessageOf({.store_id = 2, .topic = "kv/b/ghost", .properties = RevisionProperty("9")}) +
      MessageOf({.store_id = 3, .topic = "kv/new/k", .properties = RevisionProperty("9")}) +
      RetainOf(1) + RetainOf(2) + RetainOf(3);
  auto snapshot = BrokerSnapshot::Over(contents, FixedClock(0));
  ASSERT_TRUE(snapshot.ok());
  Restorer restorer = MakeRestorer(std::move(*snapshot));
  Write("b", "deleted", "new");
  Write("b", "ghost", "new");
  Write("new", "k", "new");
  ASSERT_TRUE(restorer.Step(kAllOfIt));
  EXPECT_EQ(broker_.TakeTexts(), std::vector<std::string>{});
}

TEST_F(RestorerTest, PutsRightAnOlderRevisionAndAnotherValueOfTheSame) {
  Write("a", "equal", "right");
  Write("a", "forged", "right");
  Write("z", "older", "before");
  Write("z", "older", "right");
  const std::string contents = FileStart() +
                               MessageOf({.store_id = 3,
                                          .topic = "kv/a/equal",
                                          .payload = "right",
                                          .properties = RevisionProperty("1")}) +
                               MessageOf({.store_id = 1,
                                          .topic = "kv/a/forged",
                                          .payload = "wrong",
                                          .properties = RevisionProperty("2")}) +
                               MessageOf({.store_id = 2,
                                          .topic = "kv/z/older",
                                          .payload = "before",
                                          .properties = RevisionProperty("1")}) +
                               RetainOf(1) + RetainOf(2) + RetainOf(3);
  auto snapshot = BrokerSnapshot::Over(contents, FixedClock(0));
  ASSERT_TRUE(snapshot.ok());
  Restorer restorer = MakeRestorer(std::move(*snapshot));
  ASSERT_TRUE(restorer.Step(kAllOfIt));
  const auto sent = broker_.Take();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[0].topic, "kv/a/forged");
  EXPECT_EQ(sent[0].payload, "right");
  EXPECT_EQ(sent[1].topic, "kv/z/older");
  EXPECT_EQ(sent[1].payload, "right");
  EXPECT_EQ(restorer.totals().published, 2U);
  EXPECT_EQ(restorer.totals().kept, 1U);
}

TEST_F(RestorerTest, DoesNothingWithoutTime) {
  Write("b", "k", "v");
  Restorer restorer = MakeRestorer();
  EXPECT_FALSE(restorer.Step(0));
  EXPECT_TRUE(broker_.Take().empty());
}

// A slice, and what it takes of memory, is short also where values are long.
TEST_F(RestorerTest, ReadsNotManyLongValuesAtOnce) {
  const std::string value(std::size_t{1} << 20, 'v');
  for (int i = 0; i < 8; ++i) {
    Write("b", "k" + std::to_string(i), value);
  }
  Restorer restorer = MakeRestorer();
  auto sent = broker_.Take();
  while (sent.empty()) {  // the shortest budget may be over before anything is done
    restorer.Step(1000);
    sent = broker_.Take();
  }
  EXPECT_LE(sent.size(), 2U);
}

// However the slices fall, the broker's retained messages are the store's in the end.
TEST_F(RestorerTest, InSlicesBetweenWritesEndsWithTheStoresValues) {
  std::mt19937 random(11);  // NOLINT(cert-msc51-cpp): every run tries the same
  const auto write_one = [&](unsigned round) {
    const std::string bucket = "b" + std::to_string(random() % 3);
    const std::string key = "k" + std::to_string(random() % 400);
    const std::string value = random() % 4 == 0 ? "" : "v" + std::to_string(round);
    Write(bucket, key, value);
    return topics_.DataTopicOf(bucket, key) + "=" + value;
  };
  for (unsigned i = 0; i < 2000; ++i) {
    write_one(i);
  }
  std::map<std::string, std::string> retained;
  const auto deliver = [&] {
    for (const auto& one : broker_.Take()) {
      EXPECT_TRUE(one.retain);
      retained[one.topic] = one.payload;
    }
  };
  Restorer restorer = MakeRestorer();
  unsigned slices = 0;
  while (!restorer.Step(20'000)) {
    deliver();
    const std::string change = write_one(10'000 + slices++);
    const std::size_t equals = change.find('=');
    retained[change.substr(0, equals)] = change.substr(equals + 1);
  }
  deliver();
  std::size_t values = 0;
  for (const auto& [name, bucket] : store_->buckets()) {
    for (const auto& [key, state] : bucket->index().by_key()) {
      const auto entry = bucket->ReadEntry(state->newest().revision);
      ASSERT_TRUE(entry.ok());
      EXPECT_EQ(retained[topics_.DataTopicOf(name, key)], entry->value) << name << "/" << key;
      ++values;
    }
  }
  EXPECT_GT(values, 500U);
  EXPECT_GT(slices, 0U) << "it was all done in one slice, between which nothing was written";
}

}  // namespace
}  // namespace kv::plugin::testing
