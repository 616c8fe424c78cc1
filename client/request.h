// Request: what is sent on the request plane, and what comes back.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "client/connection.h"
#include "kv/entry.h"

namespace kv::client {

// How a request that was sent is treated when the connection is lost before its reply.
enum class Repeat : std::uint8_t {
  kAlways,      // sent again: it changes nothing, or the same once more
  kSameWrite,   // sent again with the same message id: it is done once
  kFreshWrite,  // sent again with another one: what was done ended with the connection
  kNever,       // ends as `disconnected`: whether it was done is not known
};

struct Request {
  std::string topic;
  std::string payload = {};
  Properties properties = {};
  Repeat repeat = Repeat::kAlways;
  bool has_many_replies = false;  // entries, and an `end`
  // The reply comes after all changes that were before it: at QoS 1, as they do.
  bool in_order = false;
  std::chrono::milliseconds timeout{};

  void Add(std::string_view name, std::string value) {
    properties.user.push_back({std::string(name), std::move(value)});
  }
};

struct Reply {
  Arrival last;                  // the only one, or the `end`
  std::vector<Arrival> entries;  // that came before it
};

}  // namespace kv::client
