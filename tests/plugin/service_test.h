// The whole service without a broker: on a store of its own in a fresh directory, a clock that
// stands still until a test moves it, and a FakeBroker.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "plugin/kv_service.h"
#include "tests/plugin/fake_broker.h"
#include "tests/support/broker_process.h"
#include "wire/reply.h"
#include "wire/time_text.h"

namespace kv::plugin::testing {

struct ManualClock final : Clock {
  TimePoint Now() const override { return now; }
  TimePoint now = 1'800'000'000 * kSecond;
};

// What the service's `wake` does: counts, and lets a test wait for the next one.
class Wakes {
 public:
  void Notify() {
    const std::lock_guard lock(mutex_);
    pending_ = true;
    changed_.notify_one();
  }
  // False when there was none until the deadline.
  bool Wait(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, deadline, [this] { return std::exchange(pending_, false); });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool pending_ = false;
};

class ServiceTest : public ::testing::Test {
 protected:
  ServiceTest() {
    options_.store_path = (directory_.path() / "store").string();
    // Nothing is flushed by the way: only when a test's write asks for it.
    options_.sync_interval = 3600 * kSecond;
  }

  // Begins a life of the broker; its first one, or the next after Stop().
  void Start() {
    auto started = KvService::Start(options_, broker_, clock_, [this] { wakes_.Notify(); });
    ASSERT_TRUE(started.ok()) << started.error().message;
    service_ = std::move(*started);
  }
  void Stop() { service_.reset(); }
  void Restart() {
    Stop();
    broker_.Take();
    broker_.log.clear();
    Start();
  }
  void Declare(const std::string& bucket, std::string_view fields) {
    BucketConfig config;
    const auto read = ReadFields(config, fields);
    ASSERT_TRUE(read.ok()) << read.error().message;
    options_.buckets[bucket] = config;
  }

  // A PUBLISH of the client `ann`, who speaks MQTT 5 unless said otherwise.
  Decision Handle(const wire::Incoming& incoming) {
    return service_->OnMessage({.id = "ann", .is_v5 = true}, incoming);
  }
  Decision HandleV3(const wire::Incoming& incoming) {
    return service_->OnMessage({.id = "old", .is_v5 = false}, incoming);
  }
  Decision Put(std::string_view topic, std::string_view payload) {
    return Handle({.topic = topic, .payload = payload, .qos = 1});
  }
  // A request of an MQTT 5 client, and its replies.
  std::vector<Sent> Ask(std::string_view topic, std::vector<UserProperty> options = {}) {
    broker_.Take();
    const Decision decision = Handle(
        {.topic = topic, .qos = 1, .options = std::move(options), .response_topic = "replies"});
    EXPECT_EQ(decision.verdict, Verdict::kSwallowed);
    return broker_.Take();
  }
  // A request of an MQTT 3 client, and the JSON of its one reply.
  std::string AskV3(std::string_view topic, std::string_view payload = "") {
    broker_.Take();
    const Decision decision = HandleV3({.topic = topic, .payload = payload, .qos = 1});
    EXPECT_EQ(decision.verdict, Verdict::kSwallowed);
    const auto sent = broker_.Take();
    EXPECT_EQ(sent.size(), 1U);
    return sent.empty() ? "" : sent.front().payload;
  }

  // Ticks whenever the service wants to be woken, until the condition holds.
  template <typename Condition>
  bool TickUntil(const Condition& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    for (;;) {
      service_->OnTick();
      if (condition()) {
        return true;
      }
      if (!wakes_.Wait(deadline)) {
        return false;
      }
    }
  }
  // A request whose reply comes once the disk has it, or when its job is done; what it published
  // stays in broker_.sent.
  Sent AskLater(std::string_view topic,
                std::string_view payload = "",
                std::vector<UserProperty> options = {}) {
    broker_.Take();
    const Decision decision = Handle({.topic = topic,
                                      .payload = payload,
                                      .qos = 1,
                                      .options = std::move(options),
                                      .response_topic = "replies"});
    EXPECT_EQ(decision.verdict, Verdict::kSwallowed);
    EXPECT_TRUE(TickUntil([this] { return LastReply().has_value(); })) << topic;
    return LastReply().value_or(Sent{});
  }
  // What went to subscribers since the last Take(), without the metrics.
  std::vector<std::string> Published() const {
    std::vector<std::string> texts;
    for (const auto& one : broker_.sent) {
      if (one.to.empty() && one.topic.rfind("$SYS/", 0) != 0) {
        texts.push_back(TextOf(one));
      }
    }
    return texts;
  }
  // The newest message since the last Take() that went to one client, and not to subscribers.
  std::optional<Sent> LastReply() const {
    const auto last = std::find_if(broker_.sent.rbegin(), broker_.sent.rend(), [](const Sent& one) {
      return !one.to.empty();
    });
    return last == broker_.sent.rend() ? std::nullopt : std::optional(*last);
  }
  void Advance(Nanoseconds length) { clock_.now += length; }
  // The first tick of a life publishes metrics; what is sent until now is forgotten.
  void Settle() {
    service_->OnTick();
    service_->OnTick();
    broker_.Take();
  }

  // The properties that a change carries.
  std::string Change(const std::string& op, Revision revision) const {
    return "kv-op=" + op + " kv-revision=" + std::to_string(revision) +
           " kv-time=" + wire::FormatTime(clock_.now);
  }

  const kv::testing::TemporaryDirectory directory_;
  ManualClock clock_;
  FakeBroker broker_;
  Wakes wakes_;
  PluginOptions options_;
  std::unique_ptr<KvService> service_;
};

// `denied`, `swallowed`, or `marked[ retain] [marks]`.
inline std::string TextOf(const Decision& decision) {
  switch (decision.verdict) {
    case Verdict::kUntouched: return "untouched";
    case Verdict::kDenied: return "denied";
    case Verdict::kSwallowed: return "swallowed";
    case Verdict::kMarked: break;
  }
  return std::string("marked") + (decision.retain ? " retain" : "") + " [" +
         TextOf({decision.marks.begin(), decision.marks.end()}) + "]";
}

using Texts = std::vector<std::string>;

}  // namespace kv::plugin::testing
