// The promise that revisions of a key arrive in increasing order, against writers that mix
// everything that makes the broker treat messages differently.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/kv_broker.h"
#include "tests/e2e/reasons.h"

namespace kv::testing {
namespace {

constexpr std::size_t kWriters = 4;
constexpr std::size_t kWrites = 6000;
// Messages that a writer has not released; the broker lets 20 be in flight.
constexpr std::size_t kMaxUnreleased = 12;

// KV_TEST_SEED repeats a run.
std::uint32_t Seed() {
  const char* text = std::getenv("KV_TEST_SEED");  // NOLINT(concurrency-mt-unsafe)
  return text != nullptr ? static_cast<std::uint32_t>(std::strtoul(text, nullptr, 10))
                         : std::random_device()();
}

struct Writer {
  std::unique_ptr<MqttClient> client;
  bool has_properties = false;
  std::vector<std::uint16_t> unreleased = {};
};

class WatchOrder : public KvBrokerTest {
 protected:
  void SetUp() override {
    std::cout << "KV_TEST_SEED=" << seed_ << std::endl;  // NOLINT(performance-avoid-endl)
    // What a subscriber is slow to take must not be dropped: this is about order.
    ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"bucket_b", "history=3"}},
                                         .configuration = "max_queued_messages 100000",
                                         .debug_log = false}));
    std::uint8_t qos = 0;
    for (auto& subscriber : subscribers_) {
      subscriber = std::make_unique<MqttClient>(broker().port());
      ASSERT_TRUE(subscriber->Connect()) << subscriber->error();
      ASSERT_EQ(subscriber->Subscribe("kv/b/#", qos), qos);
      ++qos;
    }
    for (std::size_t i = 0; i < kWriters; ++i) {
      const bool older = i == kWriters - 1;
      writers_.push_back({std::make_unique<MqttClient>(broker().port()), !older});
      const auto version = older ? ProtocolVersion::kMqtt311 : ProtocolVersion::kMqtt5;
      ASSERT_TRUE(writers_.back().client->Connect({.version = version}));
    }
  }

  std::size_t Below(std::size_t end) { return random_() % end; }

  // Anything that a write may carry, so that it takes every way through the plugin.
  Properties AnyProperties() {
    Properties properties;
    switch (Below(8)) {
      case 0: properties.User("kv-op", "put"); break;
      case 1: properties.ResponseTopic("answers"); break;
      case 2: properties.ResponseTopic("answers").CorrelationData("c").User("kv-op", "PUT"); break;
      case 3: properties.User("own", "x").ContentType("text/plain"); break;
      case 4: properties.User("kv-expected-revision", "1"); break;  // refused
      case 5: properties.CorrelationData("c"); break;
      default: break;
    }
    return properties;
  }

  void WriteOnce() {
    Writer& writer = writers_[Below(writers_.size())];
    const auto qos = static_cast<std::uint8_t>(Below(3));
    const bool deletes = Below(20) == 0;
    const auto id = writer.client->PublishAsync(
        "kv/b/k",
        deletes ? "" : "value " + std::to_string(random_()),
        {.qos = qos,
         .retain = Below(2) == 0,
         .properties = writer.has_properties ? AnyProperties() : Properties()});
    ASSERT_TRUE(id) << writer.client->error();
    if (qos == 1 && Below(3) == 0) {
      ASSERT_TRUE(writer.client->WaitPuback(*id)) << writer.client->error();
    } else if (qos == 2) {
      const auto received = writer.client->WaitPubrec(*id);
      ASSERT_TRUE(received) << writer.client->error();
      if (IsSuccess(received)) {
        writer.unreleased.push_back(*id);
      }
    }
    if (writer.unreleased.size() >= kMaxUnreleased || Below(4) == 0) {
      ReleaseAny(writer);
    }
  }

  void ReleaseAny(Writer& writer) {
    if (writer.unreleased.empty()) {
      return;
    }
    std::swap(writer.unreleased[Below(writer.unreleased.size())], writer.unreleased.back());
    ASSERT_TRUE(writer.client->SendPubrel(writer.unreleased.back()));
    ASSERT_TRUE(writer.client->WaitPubcomp(writer.unreleased.back())) << writer.client->error();
    writer.unreleased.pop_back();
  }

  // All of one subscriber's messages: each delivered QoS increasing, none missing or twice.
  void ExpectOrdered(std::uint8_t subscribed, const std::vector<Message>& messages) {
    SCOPED_TRACE("subscribed at QoS " + std::to_string(subscribed));
    std::map<std::uint8_t, Revision> last;
    for (const Message& message : messages) {
      const Revision revision = RevisionOf(message);
      ASSERT_GT(revision, last[message.qos]) << "at QoS " << int{message.qos};
      last[message.qos] = revision;
    }
    EXPECT_EQ(messages.size(), client().Info("b")["last_revision"]);
    EXPECT_EQ(last.size(), subscribed + 1U) << "every QoS was delivered";
  }

  const std::uint32_t seed_ = Seed();
  std::mt19937 random_{seed_};
  std::array<std::unique_ptr<MqttClient>, 3> subscribers_;
  std::vector<Writer> writers_;
};

TEST_F(WatchOrder, HoldsForEverySubscriberAtEveryQosAndTheNewestStaysRetained) {
  for (std::size_t i = 0; i < kWrites; ++i) {
    ASSERT_NO_FATAL_FAILURE(WriteOnce());
    if (i % 16 == 0) {
      for (const auto& subscriber : subscribers_) {
        ASSERT_TRUE(subscriber->IsConnected()) << subscriber->error();  // reads what is there
      }
    }
    if (i % 500 == 0) {
      // A subscriber that comes in the middle: the retained one, then only newer ones.
      MqttClient late(broker().port());
      ASSERT_TRUE(late.Connect());
      ASSERT_EQ(late.Subscribe("kv/b/k", 0), 0);
      for (int more = 0; more < 20; ++more) {
        ASSERT_NO_FATAL_FAILURE(WriteOnce());
      }
      ASSERT_TRUE(client().Ping());
      Revision last = 0;
      for (const Message& message : late.TakeMessages()) {
        ASSERT_GT(RevisionOf(message), last);
        last = RevisionOf(message);
      }
      EXPECT_GT(last, 0U);
    }
  }
  for (Writer& writer : writers_) {
    while (!writer.unreleased.empty()) {
      ASSERT_NO_FATAL_FAILURE(ReleaseAny(writer));
    }
    ASSERT_TRUE(writer.client->Ping());
  }
  std::uint8_t qos = 0;
  for (const auto& subscriber : subscribers_) {
    ExpectOrdered(qos++, subscriber->TakeMessages());
  }
  ExpectRetainedEqualsStore(broker().port(), "b");
  const auto retained = RetainedMessages(broker().port(), "kv/b/k");
  const Answer newest = client().Get("b/k");
  EXPECT_EQ(newest.revision, client().Info("b")["last_revision"]);
  // MQTT cannot retain a message without a payload, which an explicit `put` may store.
  EXPECT_EQ(retained.size(), newest.ok() && !newest.value.empty() ? 1U : 0U);
}

}  // namespace
}  // namespace kv::testing
