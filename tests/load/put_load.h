// Puts at a given rate over a few connections, by a thread of its own.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/load/connection.h"

namespace kv::testing {

struct PutLoadOptions {
  std::uint16_t port = 0;
  double rate = 5'000;  // a second, all connections together
  unsigned connections = 8;
  unsigned keys = 10'000;
  unsigned value_size = 128;
  unsigned reply_percent = 10;  // have a Response Topic
};

class PutLoad {
 public:
  explicit PutLoad(PutLoadOptions options);
  ~PutLoad();  // ends it
  PutLoad(const PutLoad&) = delete;
  PutLoad& operator=(const PutLoad&) = delete;

  // Until now. What is behind its time is not made up for by more than the connections allow.
  std::uint64_t acknowledged() const { return acknowledged_; }
  std::uint64_t replies() const { return replies_; }
  bool has_failed() const { return failed_; }

 private:
  class Publisher;

  void Run();
  void SendDue();
  PublishPacket NextPut();

  PutLoadOptions options_;
  int epoll_;
  std::mt19937_64 random_{1};
  std::vector<std::unique_ptr<Publisher>> publishers_;
  std::chrono::steady_clock::time_point start_ = {};
  std::uint64_t sent_ = 0;
  std::atomic<std::uint64_t> acknowledged_ = 0;
  std::atomic<std::uint64_t> replies_ = 0;
  std::atomic<bool> failed_ = false;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace kv::testing
