// A PUBLISH as this room sees it, whoever received it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kv/entry.h"

namespace kv::wire {

// Views live as long as the call that they are handed to.
struct Incoming {
  std::string_view topic;
  std::string_view payload;
  std::uint8_t qos = 0;
  bool is_v5 = false;
  Properties own;                     // what readers get: never a kv- property
  std::vector<UserProperty> options;  // the kv- properties
  std::optional<std::string> response_topic;
  std::optional<std::string> correlation_data;

  // False: its properties can go on to subscribers as they are.
  bool carries_protocol() const { return !options.empty() || response_topic || correlation_data; }
};

// True for names that belong to the protocol.
bool IsReserved(std::string_view property_name);

// A topic that can be published to: not empty, without wildcards.
bool IsPublishable(std::string_view topic);

}  // namespace kv::wire
