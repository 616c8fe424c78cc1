// Puts to a NATS key/value bucket, as kv-load puts to a broker: one thread, connections that each
// keep a window of requests in flight, a put being complete when JetStream's acknowledgement is
// there.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/histogram.h"

namespace kv::bench {

struct NatsOptions {
  std::uint16_t port = 4222;  // of 127.0.0.1
  std::string bucket = "bench";
  unsigned history = 10;
  unsigned connections = 8;
  unsigned window = 8;      // per connection
  unsigned wake_after = 1;  // acknowledgements that wake a connection
  std::size_t value_size = 128;
  unsigned keys = 10'000;
  unsigned fill = 0;  // puts of every key before anything is measured
  std::chrono::duration<double> warm_up{1};
  std::chrono::duration<double> duration{5};
  std::uint64_t seed = 1;
  std::function<void()> on_begin = [] {
  };
  std::function<void()> on_end = [] {
  };
};

// Of the measured interval.
struct NatsResult {
  std::chrono::duration<double> elapsed{0};
  std::uint64_t messages = 0;
  std::uint64_t rejected = 0;
  Histogram latency = {};
};

class NatsGenerator {
 public:
  // This and Run() throw std::system_error or std::runtime_error.
  explicit NatsGenerator(NatsOptions options);
  ~NatsGenerator();
  NatsGenerator(const NatsGenerator&) = delete;
  NatsGenerator& operator=(const NatsGenerator&) = delete;

  NatsResult Run();

 private:
  class Connection;

  void CreateBucket();
  // Keys in turn until every one was put so often, or at random until a time.
  void Fill();
  void RunUntil(std::chrono::steady_clock::time_point end, std::uint64_t messages);
  std::string NextPut(const std::string& inbox, std::size_t slot);

  NatsOptions options_;
  NatsResult meter_;
  int epoll_;
  std::uint64_t random_;
  std::string values_;
  bool filling_ = false;
  std::uint64_t turn_ = 0;  // of the keys, while filling
  std::vector<std::unique_ptr<Connection>> connections_;
};

}  // namespace kv::bench
