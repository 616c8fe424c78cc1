// Publishes to a broker as fast as it acknowledges, from one thread, with as little work of its own
// as possible: packets are encoded once and patched, and acknowledgements are read in batches. The
// broker, not this, has to be what limits the rate.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/histogram.h"
#include "bench/load_options.h"
#include "bench/publish_template.h"

namespace kv::bench {

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

  bool ConnectAll();
  bool RunUntil(TimePoint end, std::uint64_t count);
  bool HandleReady(std::chrono::nanoseconds timeout);
  bool SendWhatIsDue();
  std::chrono::nanoseconds UntilNextIsDue() const;
  bool Serve(Connection& connection);
  void Finish();

  LoadOptions options_;
  int epoll_ = -1;
  bool refill_ = true;
  TimePoint start_ = {};
  std::uint64_t sent_ = 0;       // at a rate
  std::size_t next_sender_ = 0;  // at a rate: whose turn it is
  std::string error_;
  LoadResult meter_;
  std::unique_ptr<PublishTemplate> template_;
  std::vector<std::unique_ptr<Connection>> connections_;
};

}  // namespace kv::bench
