// RunLoad: publishes to random keys as fast as the broker acknowledges, from one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kv/result.h"
#include "mosquitto_kv/client.h"

namespace kv::cli {

struct LoadShape {
  std::string topic_prefix;  // a key's number follows
  bool retain = false;
  unsigned connections = 8;
  unsigned window = 8;  // unacknowledged publishes of each connection
  unsigned keys = 1'000;
  std::size_t value_size = 128;
  std::chrono::duration<double> duration{2};
};

struct LoadResult {
  std::chrono::duration<double> elapsed{0};
  // From sending to acknowledgement, of every message, in no order.
  std::vector<std::chrono::nanoseconds> latencies;

  double Rate() const { return static_cast<double>(latencies.size()) / elapsed.count(); }
  // Sorts them. Of none: 0.
  std::chrono::nanoseconds Quantile(double quantile);
  void Add(LoadResult other);
};

// `stop`: asked now and then; true ends it early. Errors: disconnected, not-authorized, timeout
// (nothing was acknowledged for ten seconds).
Result<LoadResult> RunLoad(const ClientOptions& options,
                           const LoadShape& shape,
                           const std::function<bool()>& stop);

// Removes the retained messages that a load has left. Errors: as above.
Status ClearRetained(const ClientOptions& options, const LoadShape& shape);

}  // namespace kv::cli
