// What subscribers hear when an entry's time is over.
#include <string>

#include <gtest/gtest.h>

#include "tests/plugin/service_test.h"

namespace kv::plugin::testing {
namespace {

class ExpiryTest : public ServiceTest {
 protected:
  void SetUp() override {
    Declare("short", "ttl=1s history=3");
    Declare("live", "ttl=1s retained=false");
    ASSERT_NO_FATAL_FAILURE(Start());
    Settle();
  }
  // A tick, and what it published beside metrics.
  Texts Tick() {
    service_->OnTick();
    Texts changes;
    for (const auto& one : broker_.Take()) {
      if (one.topic.rfind("$SYS/", 0) != 0) {
        changes.push_back(TextOf(one));
      }
    }
    return changes;
  }
  void PutWithTtl(std::string_view topic, const std::string& ttl) {
    Handle({.topic = topic, .payload = "v", .options = {{"kv-ttl", ttl}}});
    broker_.Take();
  }
};

TEST_F(ExpiryTest, PublishesAPurgeThatClearsTheRetainedMessage) {
  Put("kv/short/a/b", "1");
  Advance(kSecond);
  EXPECT_EQ(Tick(),
            Texts{"kv/short/a/b '' qos 1 retain [" + Change("PURGE", 2) + " kv-reason=expired]"});
  EXPECT_EQ(ValueOf(Ask("$KV/short/get/a/b").at(0), "kv-status"), "key-not-found");
}

TEST_F(ExpiryTest, HappensNotANanosecondTooEarlyAndOnce) {
  Put("kv/short/k", "1");
  Advance(kSecond - 1);
  EXPECT_EQ(Tick(), Texts{});
  EXPECT_EQ(Ask("$KV/short/get/k").at(0).payload, "1");
  Advance(10 * kMillisecond);
  EXPECT_EQ(Tick().size(), 1U);
  Advance(kSecond);
  EXPECT_EQ(Tick(), Texts{});
}

TEST_F(ExpiryTest, DoesNotCountFromAnEarlierWrite) {
  Put("kv/short/k", "1");
  Advance(600 * kMillisecond);
  Put("kv/short/k", "2");
  Advance(600 * kMillisecond);
  EXPECT_EQ(Tick(), Texts{});
  Advance(400 * kMillisecond);
  EXPECT_EQ(Tick().size(), 1U);
}

TEST_F(ExpiryTest, BringsNoOlderValueBack) {
  Put("kv/short/k", "1");
  Put("kv/short/k", "2");
  Advance(kSecond);
  Tick();
  const auto history = Ask("$KV/short/history");
  ASSERT_EQ(history.size(), 2U);
  EXPECT_EQ(ValueOf(history[0], "kv-op"), "PURGE");
  EXPECT_EQ(ValueOf(history[0], "kv-reason"), "expired");
}

TEST_F(ExpiryTest, OfAWritesOwnTtlHappensUnlessTheKeyIsWrittenAgain) {
  PutWithTtl("kv/b/k", "500ms");
  PutWithTtl("kv/b/kept", "500ms");
  Put("kv/b/kept", "again");
  broker_.Take();
  Advance(500 * kMillisecond);
  EXPECT_EQ(Tick(), Texts{"kv/b/k '' qos 1 retain [" + Change("PURGE", 4) + " kv-reason=expired]"});
}

TEST_F(ExpiryTest, OfABucketWithoutRetainedMessagesIsPublishedLiveOnly) {
  Put("kv/live/k", "1");
  Advance(kSecond);
  EXPECT_EQ(Tick(), Texts{"kv/live/k '' qos 1 [" + Change("PURGE", 2) + " kv-reason=expired]"});
}

TEST_F(ExpiryTest, OfManyKeysIsSpreadOverTicksAndMissesNone) {
  // More than two slices on any machine, and no more than there are revisions for at once.
  constexpr std::size_t keys = 4000;
  for (std::size_t i = 0; i < keys; ++i) {
    Put("kv/short/k" + std::to_string(i), "v");
  }
  broker_.Take();
  Advance(kSecond);
  std::size_t ended = 0;
  std::size_t ticks = 0;
  for (; ticks < keys && ended < keys; ++ticks) {
    const std::size_t now = Tick().size();
    EXPECT_LT(now, keys) << "one tick must not hold up the broker for all of them";
    ended += now;
  }
  EXPECT_EQ(ended, keys);
  EXPECT_LT(ticks, keys / 8) << "what is left is swept at once, not when the clock has moved on";
}

TEST_F(ExpiryTest, HappensAsTheBrokerStartsWhenItWasDueMeanwhile) {
  for (std::size_t i = 0; i < 500; ++i) {
    Put("kv/short/k" + std::to_string(i), "v");
  }
  Put("kv/b/k", "1");
  Stop();
  Advance(3600 * kSecond);
  broker_.Take();
  ASSERT_NO_FATAL_FAILURE(Start());
  // A slow machine does not get all of it done before its start is over.
  ASSERT_TRUE(TickUntil([this] { return !broker_.Lines(LogLevel::kNotice, "restored").empty(); }));
  std::size_t ended = 0;
  for (const auto& one : broker_.Take()) {
    if (one.topic.rfind("kv/", 0) != 0) {
      continue;  // metrics
    }
    // No expired value is retained again, not for a moment.
    EXPECT_EQ(one.payload, one.topic == "kv/b/k" ? "1" : "") << one.topic;
    ended += ValueOf(one, "kv-reason") == "expired" ? 1U : 0U;
  }
  EXPECT_EQ(ended, 500U);
}

}  // namespace
}  // namespace kv::plugin::testing
