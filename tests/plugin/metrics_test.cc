// What stands under $SYS/broker/kv/.
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "tests/plugin/service_test.h"

namespace kv::plugin::testing {
namespace {

class MetricsTest : public ServiceTest {
 protected:
  // A tick, and the metrics that it published: name to number.
  std::map<std::string, std::string> Tick() {
    broker_.Take();
    service_->OnTick();
    std::map<std::string, std::string> published;
    for (const auto& one : broker_.Take()) {
      const std::string prefix = "$SYS/broker/kv/";
      if (one.topic.rfind(prefix, 0) == 0) {
        EXPECT_TRUE(one.retain) << one.topic;
        EXPECT_EQ(one.qos, 0) << one.topic;
        EXPECT_TRUE(one.to.empty()) << one.topic;
        published[one.topic.substr(prefix.size())] = one.payload;
      }
    }
    return published;
  }
};

TEST_F(MetricsTest, ArePublishedRetainedAtTheFirstTick) {
  ASSERT_NO_FATAL_FAILURE(Start());
  auto published = Tick();
  EXPECT_EQ(published.erase("flush_us"), 1U);
  EXPECT_EQ(published,
            (std::map<std::string, std::string>{{"buckets", "0"},
                                                {"bytes", "0"},
                                                {"entries", "0"},
                                                {"reads", "0"},
                                                {"rejected", "0"},
                                                {"writes", "0"}}));
}

TEST_F(MetricsTest, ShowThatWhatNobodyWouldHearIsNotRead) {
  ASSERT_NO_FATAL_FAILURE(Start());
  Put("kv/b/k", "1");
  Tick();
  for (const std::string topic : {"$KV/b/get/k", "$KV/b/history", "$KV/b/keys", "$KV/buckets"}) {
    EXPECT_EQ(Handle({.topic = topic}).verdict, Verdict::kSwallowed);
  }
  EXPECT_TRUE(broker_.Take().empty());
  EXPECT_EQ(Handle({.topic = "$KV/b/put/k", .payload = "2"}).verdict, Verdict::kSwallowed);
  Advance(Metrics::kInterval);
  const auto published = Tick();
  EXPECT_EQ(published.count("reads"), 0U) << "it has not changed";
  EXPECT_EQ(published.at("writes"), "2") << "a write is one, heard or not";
  EXPECT_EQ(Ask("$KV/b/get/k").at(0).payload, "2");
}

TEST_F(MetricsTest, CountWhatHappened) {
  ASSERT_NO_FATAL_FAILURE(Start());
  Tick();
  Put("kv/b/k", "1234");
  Put("kv/b/l", "1");
  Put("kv/c/k", "1");
  Put("kv/c/k", "");
  Put("kv/c", "no key");  // rejected
  Ask("$KV/b/get/k");
  Ask("$KV/b/keys");
  Ask("$KV/b/get/absent");  // rejected
  Advance(Metrics::kInterval);
  auto published = Tick();
  published.erase("flush_us");
  EXPECT_EQ(published,
            (std::map<std::string, std::string>{{"buckets", "2"},
                                                {"bytes", "8"},  // k1234 l1 and the marker's k
                                                {"entries", "3"},
                                                {"reads", "2"},
                                                {"rejected", "2"},
                                                {"writes", "4"}}));
}

TEST_F(MetricsTest, ArePublishedOnceIn10SecondsAndOnlyIfTheyChanged) {
  ASSERT_NO_FATAL_FAILURE(Start());
  Tick();
  Ask("$KV/buckets");
  Advance(Metrics::kInterval - 1);
  EXPECT_TRUE(Tick().empty());
  Advance(10 * kMillisecond);
  EXPECT_EQ(Tick(), (std::map<std::string, std::string>{{"reads", "1"}}));
  Advance(Metrics::kInterval);
  EXPECT_TRUE(Tick().empty());
}

TEST_F(MetricsTest, GoOnWhenTheClockIsSetBack) {
  ASSERT_NO_FATAL_FAILURE(Start());
  Tick();
  Ask("$KV/buckets");
  Advance(-3600 * kSecond);
  EXPECT_EQ(Tick(), (std::map<std::string, std::string>{{"reads", "1"}}));
}

}  // namespace
}  // namespace kv::plugin::testing
