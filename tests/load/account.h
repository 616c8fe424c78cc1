// What all clients of a load have done and seen, in one place.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "bench/histogram.h"

namespace kv::testing {

// Of one counter in the store: how often it was raised for sure, and by requests whose connection
// was dropped before the reply.
struct Raises {
  std::uint64_t acknowledged = 0;
  std::uint64_t unknown = 0;
};

struct Account {
  std::uint64_t begun = 0;
  std::uint64_t done = 0;                          // got all that it was to get
  std::uint64_t abandoned = 0;                     // the connection was dropped before
  std::uint64_t replies = 0;                       // final ones
  std::uint64_t late_replies = 0;                  // to what the connection before had asked
  std::uint64_t entries = 0;                       // that came before these
  std::uint64_t changes = 0;                       // that watchers were told of
  std::uint64_t drops = 0;                         // connections that were reset
  std::chrono::nanoseconds longest_standstill{0};  // in which nothing at all was done
  std::chrono::steady_clock::time_point last_done = std::chrono::steady_clock::now();
  bench::Histogram latency = {};
  bench::Histogram connecting = {};
  std::map<std::string, std::uint64_t> done_by_name = {};
  std::map<std::string, std::uint64_t> statuses = {};  // of the final replies
  std::map<std::string, Raises> counters = {};         // by key

  void CountDone(const std::string& name, std::chrono::steady_clock::time_point begun_at) {
    const auto now = std::chrono::steady_clock::now();
    longest_standstill =
        std::max<std::chrono::nanoseconds>(longest_standstill, now - std::exchange(last_done, now));
    latency.Add(now - begun_at, 1);
    ++done_by_name[name];
    ++done;
  }

  // What must not be. Only the first are kept, but all are counted.
  void Fail(const std::string& what) {
    constexpr std::size_t enough = 20;
    if (++failed <= enough) {
      failures.push_back(what);
    }
  }
  std::uint64_t failed = 0;
  std::vector<std::string> failures = {};
};

}  // namespace kv::testing
