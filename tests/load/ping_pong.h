// A client that has nothing to do with buckets: how long its own messages take to come back.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "bench/histogram.h"

namespace kv::testing {

// Publishes with QoS 1 to a topic that it subscribed, every `interval`, and measures until each is
// back. One that has to wait for the one before is measured from the time when it was due, so that
// a broker that stands still counts for all that would have been sent meanwhile. Nothing if the
// broker failed.
std::optional<bench::Histogram> PingPong(std::uint16_t port,
                                         std::chrono::milliseconds interval,
                                         std::chrono::duration<double> warm_up,
                                         std::chrono::duration<double> duration);

}  // namespace kv::testing
