#include "plugin/metrics.h"

namespace kv::plugin {

void Metrics::Tick(TimePoint now) {
  // The clock may be set back: then a new interval begins.
  if (last_ != 0 && now >= last_ && now - last_ < kInterval) {
    return;
  }
  last_ = now;
  const store::StoreStats stats = store_.stats();
  Put("writes", counters_.writes);
  Put("reads", counters_.reads);
  Put("rejected", counters_.rejected);
  Put("buckets", stats.buckets);
  Put("entries", stats.entries);
  Put("bytes", stats.bytes);
  Put("flush_us", static_cast<std::uint64_t>(store_.last_flush()) / 1000);
}

void Metrics::Put(const std::string& name, std::uint64_t number) {
  const auto [known, fresh] = published_.emplace(name, number);
  if (!fresh && known->second == number) {
    return;
  }
  known->second = number;
  const std::string text = std::to_string(number);
  publisher_.Announce(
      {.topic = "$SYS/broker/kv/" + name, .payload = text, .qos = 0, .retain = true});
}

}  // namespace kv::plugin
