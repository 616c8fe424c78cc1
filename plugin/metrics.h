// Metrics: retained under $SYS/broker/kv/, as the broker's own are. Source: protocol.md, Promise 4.
#pragma once

#include <map>
#include <string>

#include "kv/clock.h"
#include "plugin/counters.h"
#include "plugin/publisher.h"
#include "store/store.h"

namespace kv::plugin {

class Metrics {
 public:
  static constexpr Nanoseconds kInterval = 10 * kSecond;

  Metrics(const store::Store& store, const Counters& counters, Publisher& publisher)
      : store_(store), counters_(counters), publisher_(publisher) {}

  // Publishes what changed, once an interval.
  void Tick(TimePoint now);

 private:
  void Put(const std::string& name, std::uint64_t number);

  const store::Store& store_;
  const Counters& counters_;
  Publisher& publisher_;
  TimePoint last_ = 0;
  std::map<std::string, std::uint64_t> published_;
};

}  // namespace kv::plugin
