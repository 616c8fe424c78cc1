// What slow_sync.cc, preloaded into a broker, shares with the test: a file that both map.
#pragma once

#include <atomic>
#include <cstdint>

namespace kv::testing {

// The environment variable that names the file.
inline constexpr const char* kSlowSyncFile = "KV_SLOW_SYNC_FILE";

// All zero: a disk as it is.
struct SlowSyncControl {
  std::atomic<std::uint64_t> flushes;   // fsync and fdatasync that have ended
  std::atomic<std::uint64_t> delay_us;  // how much longer each takes
  std::atomic<int> error;               // not 0: they fail with this errno
  std::atomic<int> held;                // not 0: they wait until it is 0 again
  std::atomic<int> waiting;             // how many do
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

}  // namespace kv::testing
