#include "bench/cpu_sample.h"

#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <system_error>
#include <utility>

namespace kv::bench {
namespace {

// The name and the user and system time in a /proc stat file. The name stands in parentheses and
// may hold any character, so the fields are counted from the last one.
std::optional<ThreadTime> ReadStat(const std::filesystem::path& path) {
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const std::size_t open = text.find('(');
  const std::size_t close = text.rfind(')');
  if (open == std::string::npos || close == std::string::npos) {
    return std::nullopt;  // it has just ended
  }
  std::istringstream fields(text.substr(close + 1));
  constexpr int fields_before_times = 11;  // state (3) to cmajflt (13); see proc(5)
  std::string skipped;
  for (int i = 0; i < fields_before_times; ++i) {
    fields >> skipped;
  }
  double user = 0;
  double system = 0;
  fields >> user >> system;
  const auto ticks_per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
  return ThreadTime{text.substr(open + 1, close - open - 1), (user + system) / ticks_per_second};
}

// 0 where the kernel does not count it.
double ReadWaitingSeconds(const std::filesystem::path& path) {
  std::ifstream file(path);
  double running = 0;
  double waiting = 0;
  file >> running >> waiting;
  return waiting / 1e9;
}

double OwnCpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// The time of a thread within the interval; one that was not there at its beginning began at 0.
double Spent(const ThreadTimes& first, const ThreadTimes& last, long thread) {
  const auto after = last.find(thread);
  const auto before = first.find(thread);
  return (after == last.end() ? 0 : after->second.seconds) -
         (before == first.end() ? 0 : before->second.seconds);
}

}  // namespace

CpuSample SampleCpu(long broker_pid) {
  CpuSample sample;
  sample.own = OwnCpuSeconds();
  sample.own_waiting = ReadWaitingSeconds("/proc/self/schedstat");
  if (broker_pid == 0) {
    return sample;
  }
  const std::filesystem::path process = "/proc/" + std::to_string(broker_pid);
  sample.broker = ReadStat(process / "stat").value_or(ThreadTime{}).seconds;
  // Of a process, this is the main thread's alone.
  sample.broker_waiting = ReadWaitingSeconds(process / "schedstat");
  std::error_code gone;
  for (const auto& task : std::filesystem::directory_iterator(process / "task", gone)) {
    if (auto time = ReadStat(task.path() / "stat")) {
      sample.broker_threads[std::stol(task.path().filename())] = std::move(*time);
    }
  }
  return sample;
}

Json BrokerReport(const CpuSample& begin,
                  const CpuSample& end,
                  long pid,
                  std::chrono::duration<double> interval,
                  std::uint64_t messages) {
  const double elapsed = interval.count();
  const double all = end.broker - begin.broker;
  const double main = Spent(begin.broker_threads, end.broker_threads, pid);
  const double per_second = main > 0 ? static_cast<double>(messages) / main : 0;
  Json others = Json::object();
  for (const auto& [id, thread] : end.broker_threads) {
    const double spent = Spent(begin.broker_threads, end.broker_threads, id);
    if (id != pid && spent > 0) {
      others[thread.name + "/" + std::to_string(id)] = spent;
    }
  }
  return {{"cpu_seconds", all},
          {"main_thread_cpu_seconds", main},
          {"main_thread_utilisation", main / elapsed},
          {"main_thread_waiting", (end.broker_waiting - begin.broker_waiting) / elapsed},
          {"messages_per_main_thread_cpu_second", per_second},
          {"other_threads_cpu_seconds", std::max(0.0, all - main)},
          {"other_threads", std::move(others)}};
}

Json OwnReport(const CpuSample& begin,
               const CpuSample& end,
               std::chrono::duration<double> interval) {
  const double spent = end.own - begin.own;
  return {{"load_cpu_seconds", spent},
          {"load_utilisation", spent / interval.count()},
          {"load_waiting", (end.own_waiting - begin.own_waiting) / interval.count()}};
}

}  // namespace kv::bench
