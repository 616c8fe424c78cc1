// What a load generator sends, and for how long.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

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
  // Each connection subscribes to a topic of its own and publishes there; a publish is complete
  // when it has come back (version 5 only).
  bool echo = false;
  std::size_t value_size = 128;
  unsigned keys = 10'000;
  bool each_key = false;  // the keys in turn, in a scattered order; else at random
  unsigned buckets = 0;   // more than 0: the keys are spread over <topic_prefix><number>/
  std::string topic_prefix = "kv/bench/";
  std::vector<std::pair<std::string, std::string>> properties = {};  // of users, version 5 only
  double rate = 0;  // publishes per second of all connections; 0: as many as are acknowledged
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

}  // namespace kv::bench
