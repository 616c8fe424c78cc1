// Publishes to a broker as fast as it acknowledges, from one thread, with as little work of its own
// as possible: packets are encoded once and patched, and acknowledgements are read in batches. The
// broker, not this, has to be what limits the rate.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/histogram.h"
#include "tests/support/mqtt_packet.h"

namespace kv::bench {

struct LoadOptions {
  std::uint16_t port = 1883;  // of 127.0.0.1
  testing::ProtocolVersion version = testing::ProtocolVersion::kMqtt311;
  unsigned connections = 8;
  unsigned window = 8;  // unacknowledged publishes per connection
  // Acknowledgements that wake a connection; at most `window`. More than 1 costs this side less CPU
  // time, but needs a broker with `set_tcp_nodelay true`: otherwise it holds back the second small
  // packet until our kernel confirms the first, which takes 40 ms when nobody reads.
  unsigned wake_after = 1;
  std::uint8_t qos = 1;
  bool retain = false;
  // Version 5 only: each publish has a Response Topic, and is complete when the reply is there too.
  bool replies = false;
  std::size_t value_size = 128;
  unsigned keys = 10'000;
  std::string topic_prefix = "kv/bench/";
  std::chrono::duration<double> warm_up{1};
  std::chrono::duration<double> duration{5};
  std::uint64_t count = 0;  // end after so many, not after `duration`, unless 0
  std::uint64_t seed = 1;   // of the choice of keys and of the values' bytes
  // Called as the measured interval begins and ends, for what else is to be measured in it.
  std::function<void()> on_begin = [] {
  };
  std::function<void()> on_end = [] {
  };
};

// Of the measured interval.
struct LoadResult {
  std::chrono::duration<double> elapsed{0};
  std::uint64_t messages = 0;  // acknowledged (and replied to)
  std::uint64_t rejected = 0;  // of these: with a failure reason code, or another kv-status than ok
  std::uint64_t replies = 0;
  Histogram latency = {};  // from sending to the last acknowledgement
};

class LoadGenerator {
 public:
  explicit LoadGenerator(LoadOptions options);
  ~LoadGenerator();
  LoadGenerator(const LoadGenerator&) = delete;
  LoadGenerator& operator=(const LoadGenerator&) = delete;

  // Nothing if it could not connect, lost a connection, or nothing was acknowledged for 10 s;
  // error() says which.
  std::optional<LoadResult> Run();
  const std::string& error() const { return error_; }

 private:
  using TimePoint = std::chrono::steady_clock::time_point;
  class Connection;
  class PublishTemplate;

  bool ConnectAll();
  bool RunUntil(TimePoint end, std::uint64_t count);
  bool HandleReady(std::chrono::milliseconds timeout);
  bool Serve(Connection& connection);
  void Finish();

  LoadOptions options_;
  int epoll_ = -1;
  bool refill_ = true;
  std::string error_;
  LoadResult meter_;
  std::unique_ptr<PublishTemplate> template_;
  std::vector<std::unique_ptr<Connection>> connections_;
};

}  // namespace kv::bench
