// Loopback: a client of the broker that the plugin itself runs in, to see what the broker shows to
// subscribers and not to plugins. A thread of its own connects, subscribes, and connects again
// when it has to, until it is destroyed.
//
// A room of its own because of Paho, whose headers nothing else here may see.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "kv/entry.h"

namespace kv::loopback {

// A message as it arrived. `own` holds every user property, those of the protocol as well.
struct Arrived {
  std::string topic;
  std::string payload;
  std::uint8_t qos = 0;
  bool retain = false;  // as it was published
  Properties own;
};

struct Options {
  std::string client_id;
  std::uint16_t port = 1883;  // on 127.0.0.1, without TLS
  std::string username;       // empty: none
  std::string password;
  std::string filter;  // what to subscribe to, at QoS 1
};

class Loopback {
 public:
  // Called on the loopback's thread.
  struct Handlers {
    std::function<void(Arrived&&)> on_message;
    // A line for a sysadmin: each time that it connects, or cannot for another reason than before.
    std::function<void(bool connected, const std::string& line)> on_state;
  };

  Loopback(Options options, Handlers handlers);
  Loopback(const Loopback&) = delete;
  Loopback& operator=(const Loopback&) = delete;
  ~Loopback();

 private:
  void Run();
  // Until the connection ends; returns why.
  std::string Serve();
  bool Pause(int attempts);  // false: to be stopped
  bool stopping() const { return stop_.load(); }

  const Options options_;
  const Handlers handlers_;
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool served_ = false;  // since the last connection it got as far as a subscription
  std::thread thread_;
};

}  // namespace kv::loopback
