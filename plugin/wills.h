// Wills: brokers of the 2.0 series hand a will to its subscribers without showing it to plugins.
// What a subscriber of all buckets gets and what this plugin did not send, is a will: it is stored
// like any write, and published anew as what it has become. The broker's thread only, except
// where it says otherwise. Source: broker-facts.md, "What never reaches MOSQ_EVT_MESSAGE";
// docs/adr/0008.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "kv/clock.h"
#include "loopback/loopback.h"
#include "plugin/counters.h"
#include "plugin/writer.h"
#include "wire/topics.h"

namespace kv::plugin {

class Wills {
 public:
  // `wake`: called on any thread.
  Wills(const store::Store& store,
        const wire::Topics& topics,
        Writer& writer,
        Publisher& publisher,
        BrokerPort& port,
        Counters& counters,
        std::function<void()> wake);

  // Any thread.
  void Arrive(loopback::Arrived&& message);
  // Any thread: how the loopback fares. Logged at the next Step.
  void Report(bool connected, const std::string& line);

  // Stores what has arrived, at most `limit` of it. True if there is more.
  bool Step(TimePoint now, std::size_t limit);

 private:
  static constexpr std::size_t kMaxWaiting = 100'000;

  Status Store(const loopback::Arrived& will, TimePoint now);
  void Mend(const loopback::Arrived& will);

  const store::Store& store_;
  const wire::Topics& topics_;
  Writer& writer_;
  Publisher& publisher_;
  BrokerPort& port_;
  Counters& counters_;
  const std::function<void()> wake_;

  std::mutex mutex_;
  std::deque<loopback::Arrived> waiting_;
  std::size_t lost_ = 0;
  std::vector<std::pair<LogLevel, std::string>> lines_;
};

}  // namespace kv::plugin
