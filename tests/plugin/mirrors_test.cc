// What comes over bridges between two brokers that both have the plugin: here the second one is
// made of the messages that it would send.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/plugin/service_test.h"
#include "wire/time_text.h"

namespace kv::plugin::testing {
namespace {

class MirrorsTest : public ServiceTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(Start());
    Settle();
  }

  // A change as a broker publishes it, brought by a bridge. What the service published then.
  Texts Bring(const std::string& payload,
              Revision revision,
              TimePoint time,
              const std::string& origin = {},
              const std::string& op = "PUT") {
    std::vector<UserProperty> options = MarksOf(op, revision, time);
    if (!origin.empty()) {
      options.push_back({"kv-origin", origin});
    }
    EXPECT_EQ(Handle({.topic = "kv/b/k", .payload = payload, .qos = 1, .options = options}).verdict,
              Verdict::kSwallowed);
    return broker_.TakeTexts();
  }

  static std::vector<UserProperty> MarksOf(const std::string& op,
                                           Revision revision,
                                           TimePoint time) {
    return {{"kv-op", op},
            {"kv-revision", std::to_string(revision)},
            {"kv-time", wire::FormatTime(time)}};
  }
  // kv-origin of a change of this broker's that another one took over.
  static std::string Returned(Revision revision, TimePoint time) {
    return std::to_string(revision) + " " + wire::FormatTime(time) + " other";
  }
  // Of the last change that this broker published.
  std::string LastOrigin() const {
    return broker_.sent.empty() ? "" : ValueOf(broker_.sent.back(), "kv-origin").value_or("");
  }
  std::string Value() { return Ask("$KV/b/get/k").at(0).payload; }
  Revision Last() {
    const auto json = AskV3("$KV/b/info");
    const auto at = json.find("\"last_revision\":") + 16;
    return std::stoull(json.substr(at));
  }
};

TEST_F(MirrorsTest, NewsAreWrittenAndHandedOnWithTheirOrigin) {
  Handle(
      {.topic = "kv/b/k", .payload = "v", .qos = 1, .options = MarksOf("PUT", 9, clock_.now - 5)});
  EXPECT_EQ(LastOrigin().rfind("9 " + wire::FormatTime(clock_.now - 5) + " ", 0), 0U)
      << LastOrigin();
  EXPECT_EQ(Last(), 1U);
}

TEST_F(MirrorsTest, AMirrorKeepsEveryChangeDeletesAndValuesThatComeAgain) {
  EXPECT_EQ(Bring("on", 4, clock_.now + 1).size(), 1U);
  Advance(10);
  EXPECT_EQ(Bring("on", 5, clock_.now + 1).size(), 1U) << "the same value, written again";
  EXPECT_EQ(Bring("", 6, clock_.now + 1, {}, "DEL").size(), 1U);
  EXPECT_EQ(Bring("", 7, clock_.now + 1, {}, "PURGE").size(), 1U);
  EXPECT_EQ(Bring("on", 8, clock_.now + 1).size(), 1U);
  EXPECT_EQ(Last(), 5U);
}

TEST_F(MirrorsTest, WhatARetainedMessageSaidBeforeIsNoNewsWhenTheBridgeConnectsAgain) {
  const TimePoint written_there = clock_.now - 5;
  EXPECT_EQ(Bring("on", 4, written_there).size(), 1U);
  EXPECT_EQ(Bring("on", 4, written_there), Texts{});
  EXPECT_EQ(Last(), 1U);
  EXPECT_EQ(Bring("off", 3, written_there - 1).size(), 1U)
      << "clocks differ: another value is news";
}

TEST_F(MirrorsTest, WhatThisBrokerWroteItselfIsNotWrittenAgainWhenItComesBack) {
  Put("kv/b/k", "1");
  const TimePoint first = clock_.now;
  Advance(1000);
  Put("kv/b/k", "2");
  Advance(1000);
  // Both were under way: the older one comes back when there is a newer one.
  EXPECT_EQ(Bring("1", 51, clock_.now, Returned(1, first)), Texts{});
  EXPECT_EQ(Bring("2", 52, clock_.now, Returned(2, first + 1000)), Texts{});
  EXPECT_EQ(Last(), 2U);
  EXPECT_EQ(Value(), "2");
}

TEST_F(MirrorsTest, WhatCameByHereIsNotWrittenASecondTime) {
  Handle({.topic = "kv/b/k", .payload = "v", .qos = 1, .options = MarksOf("PUT", 9, clock_.now)});
  const std::string handed_on = LastOrigin();
  ASSERT_FALSE(handed_on.empty());
  Put("kv/b/k", "newer");
  broker_.Take();
  EXPECT_EQ(Bring("v", 30, clock_.now, handed_on + " third"), Texts{}) << "a ring of three";
  EXPECT_EQ(Value(), "newer");
}

TEST_F(MirrorsTest, ANewestEntryIsRecognizedAfterARestart) {
  Put("kv/b/k", "1");
  const TimePoint written = clock_.now;
  ASSERT_NO_FATAL_FAILURE(Restart());
  Settle();
  EXPECT_EQ(Bring("1", 51, written + 10, Returned(1, written)), Texts{});
}

TEST_F(MirrorsTest, AnotherBrokersRevisionIsNotTakenForOnesOwn) {
  Put("kv/b/k", "1");
  const TimePoint written = clock_.now;
  Put("kv/b/k", "2");
  EXPECT_EQ(Bring("x", 51, written + 10, Returned(1, written + 1)).size(), 1U);
  EXPECT_EQ(Bring("y", 52, written + 10, Returned(2, written + 1)).size(), 1U);
  EXPECT_EQ(Value(), "y");
}

TEST_F(MirrorsTest, AClientMayWriteBackWhatItReceived) {
  Put("kv/b/k", "1");
  const TimePoint first = clock_.now;
  EXPECT_EQ(Bring("1", 1, first), Texts{"kv/b/k '1' qos 1 retain [" + Change("PUT", 2) + "]"})
      << "as it is now";
  Advance(10);
  Put("kv/b/k", "2");
  broker_.Take();
  EXPECT_EQ(Bring("1", 1, first), Texts{"kv/b/k '1' qos 1 retain [" + Change("PUT", 4) + "]"})
      << "to restore what was before";
  EXPECT_EQ(Value(), "1");
}

// While much is written to another bucket; whatever names they have.
TEST_F(MirrorsTest, ChangesComeHomeOfManyBuckets) {
  constexpr int buckets = 50;
  const auto topic = [](int bucket) {
    return "kv/b" + std::to_string(bucket) + "/k";
  };
  std::vector<TimePoint> times;
  for (int i = 0; i < buckets; ++i) {
    times.push_back(clock_.now);
    Put(topic(i), "1");
    Put(topic(i), "2");
    Advance(kSecond);
  }
  for (int i = 0; i < 16'000; ++i) {
    Put("kv/other/k", "v");
  }
  broker_.Take();
  for (int i = 0; i < buckets; ++i) {
    auto options = MarksOf("PUT", 7, times[static_cast<std::size_t>(i)] + 1);
    options.push_back({"kv-origin", Returned(1, times[static_cast<std::size_t>(i)])});
    Handle({.topic = topic(i), .payload = "1", .qos = 1, .options = options});
    EXPECT_EQ(broker_.TakeTexts(), Texts()) << i;
  }
}

TEST_F(MirrorsTest, ABridgeOfMqtt3BringsNoMoreThanQos1IntoTheBroker) {
  const Client bridge{.id = "local.host.x", .is_v5 = false, .is_bridge = true};
  service_->OnMessage(bridge, {.topic = "kv/b/k", .payload = "v", .qos = 2});
  EXPECT_EQ(broker_.TakeTexts(), Texts{"kv/b/k 'v' qos 1 retain [" + Change("PUT", 1) + "]"});
}

}  // namespace
}  // namespace kv::plugin::testing
