// What the plugin has done since it was loaded.
#pragma once

#include <cstdint>

namespace kv::plugin {

struct Counters {
  std::uint64_t writes = 0;    // accepted
  std::uint64_t reads = 0;     // requests answered
  std::uint64_t rejected = 0;  // writes and requests
};

}  // namespace kv::plugin
