// A network that can fail: passes on what comes to its port to another one, until it is told not
// to.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "tests/support/broker_process.h"

namespace kv::testing {

class Proxy {
 public:
  explicit Proxy(std::uint16_t target);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  std::uint16_t port() const { return port_.number(); }
  // Connections end, and each new one at once.
  void Cut() { is_cut_ = true; }
  void Restore() { is_cut_ = false; }

 private:
  struct Pair {
    int client;
    int server;
  };

  void Run();
  void Accept();
  // False: one of the two is closed.
  static bool PassOn(int from, int to);

  ReservedPort port_;
  const std::uint16_t target_;
  int listener_ = -1;
  std::vector<Pair> pairs_;
  std::atomic<bool> is_cut_{false};
  std::atomic<bool> stopped_{false};
  std::thread thread_;
};

}  // namespace kv::testing
