// Who spent how much CPU time in a measured interval: the broker, thread by thread, and the one
// that measures.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include <nlohmann/json.hpp>

namespace kv::bench {

using Json = nlohmann::ordered_json;

struct ThreadTime {
  std::string name;
  double seconds = 0;
};
using ThreadTimes = std::map<long, ThreadTime>;  // by thread id

struct CpuSample {
  double own = 0;
  double own_waiting = 0;
  double broker = 0;          // the whole process, threads that have ended included
  double broker_waiting = 0;  // the main thread: ready to run while others had its core
  ThreadTimes broker_threads;
};

// Of this process, and of the broker's unless its pid is 0.
CpuSample SampleCpu(long broker_pid);

// The main thread was what limited the rate if it was busy or waiting for its core all the time.
Json BrokerReport(const CpuSample& begin,
                  const CpuSample& end,
                  long pid,
                  std::chrono::duration<double> interval,
                  std::uint64_t messages);
Json OwnReport(const CpuSample& begin,
               const CpuSample& end,
               std::chrono::duration<double> interval);

}  // namespace kv::bench
