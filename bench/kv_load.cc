// kv-load: publishes as fast as a broker acknowledges and prints, as JSON, the rate, the latency,
// and who spent how much CPU time in the measured interval.
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "bench/load_generator.h"

#include <CLI/CLI.hpp>

namespace kv::bench {
namespace {

using Json = nlohmann::ordered_json;
using Seconds = std::chrono::duration<double>;

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

// The time of a thread within the interval; one that was not there at its beginning began at 0.
double Spent(const ThreadTimes& begin, const ThreadTimes& end, long thread) {
  const auto after = end.find(thread);
  const auto before = begin.find(thread);
  return (after == end.end() ? 0 : after->second.seconds) -
         (before == begin.end() ? 0 : before->second.seconds);
}

// The main thread was what limited the rate if it was busy or waiting for its core all the time.
Json BrokerReport(const CpuSample& begin,
                  const CpuSample& end,
                  long pid,
                  const LoadResult& result) {
  const double elapsed = result.elapsed.count();
  const double all = end.broker - begin.broker;
  const double main = Spent(begin.broker_threads, end.broker_threads, pid);
  const double per_second = main > 0 ? static_cast<double>(result.messages) / main : 0;
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

Json OptionsReport(const LoadOptions& options) {
  return {{"protocol", static_cast<int>(options.version)},
          {"connections", options.connections},
          {"window_per_connection", options.window},
          {"wake_after", options.wake_after},
          {"qos", options.qos},
          {"retain", options.retain},
          {"replies", options.replies},
          {"value_size", options.value_size},
          {"keys", options.keys},
          {"topic_prefix", options.topic_prefix},
          {"warm_up_seconds", options.warm_up.count()},
          {"seed", options.seed}};
}

Json ResultReport(const LoadOptions& options,
                  const LoadResult& result,
                  const CpuSample& begin,
                  const CpuSample& end) {
  const double elapsed = result.elapsed.count();
  const double own_cpu = end.own - begin.own;
  const auto microseconds = [](std::chrono::nanoseconds time) {
    return std::chrono::duration<double, std::micro>(time).count();
  };
  return {{"options", OptionsReport(options)},
          {"seconds", elapsed},
          {"messages", result.messages},
          {"messages_per_second", static_cast<double>(result.messages) / elapsed},
          {"rejected", result.rejected},
          {"replies", result.replies},
          {"latency_us",
           {{"p50", microseconds(result.latency.Quantile(0.5))},
            {"p99", microseconds(result.latency.Quantile(0.99))},
            {"max", microseconds(result.latency.max())}}},
          {"load_cpu_seconds", own_cpu},
          {"load_utilisation", own_cpu / elapsed},
          {"load_waiting", (end.own_waiting - begin.own_waiting) / elapsed}};
}

// What the command line says in other units than the generator takes.
struct CommandLine {
  LoadOptions load;
  unsigned qos = 1;
  unsigned total_window = 64;
  unsigned connection_window = 0;
  std::string protocol = "3.1.1";
  double warm_up_seconds = 1;
  double duration_seconds = 5;
  long broker_pid = 0;
};

void Declare(CLI::App& app, CommandLine& line) {
  LoadOptions& load = line.load;
  app.add_option("--port", load.port, "of 127.0.0.1")->capture_default_str();
  app.add_option("--protocol", line.protocol)
      ->check(CLI::IsMember({"3.1", "3.1.1", "5"}))
      ->capture_default_str();
  app.add_option("--connections", load.connections)
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--window", line.total_window, "publishes in flight, all connections together")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--window-per-connection", line.connection_window, "instead of --window")
      ->check(CLI::Range(1, 65'535));
  app.add_option("--wake-after",
                 load.wake_after,
                 "acknowledgements that wake a connection; above 1 saves CPU time here, but needs "
                 "set_tcp_nodelay in the broker")
      ->check(CLI::Range(1, 65'535))
      ->capture_default_str();
  app.add_option("--qos", line.qos, "of 0, batches of 32 are acknowledged by the answer to a PING")
      ->check(CLI::Range(0, 2))
      ->capture_default_str();
  app.add_option("--value-size", load.value_size)
      ->check(CLI::Range(0, 16'777'216))
      ->capture_default_str();
  app.add_option("--keys", load.keys)->check(CLI::Range(1, 99'999'999))->capture_default_str();
  app.add_option("--topic-prefix", load.topic_prefix)->capture_default_str();
  app.add_flag("--retain", load.retain);
  app.add_flag("--replies", load.replies, "with a Response Topic, counting replies (version 5)");
  app.add_option("--warm-up", line.warm_up_seconds, "seconds")->capture_default_str();
  app.add_option("--duration", line.duration_seconds, "seconds")->capture_default_str();
  app.add_option("--count", load.count, "messages, instead of --duration");
  app.add_option("--seed", load.seed)->capture_default_str();
  app.add_option("--broker-pid", line.broker_pid, "reports its CPU time");
}

void Convert(CommandLine& line) {
  using testing::ProtocolVersion;
  LoadOptions& load = line.load;
  load.version = line.protocol == "5"     ? ProtocolVersion::kMqtt5
                 : line.protocol == "3.1" ? ProtocolVersion::kMqtt31
                                          : ProtocolVersion::kMqtt311;
  load.qos = static_cast<std::uint8_t>(line.qos);
  load.window = line.connection_window > 0 ? line.connection_window
                                           : std::max(1U, line.total_window / load.connections);
  load.warm_up = Seconds(line.warm_up_seconds);
  load.duration = Seconds(line.duration_seconds);
}

int Main(int argc, const char* const* argv) {
  CLI::App app("Publishes as fast as a broker acknowledges; prints JSON.", "kv-load");
  CommandLine line;
  Declare(app, line);
  CLI11_PARSE(app, argc, argv);
  Convert(line);
  if (line.load.replies && line.load.version != testing::ProtocolVersion::kMqtt5) {
    std::cerr << "kv-load: --replies needs --protocol 5\n";
    return EXIT_FAILURE;
  }
  CpuSample begin;
  CpuSample end;
  line.load.on_begin = [&] {
    begin = SampleCpu(line.broker_pid);
  };
  line.load.on_end = [&] {
    end = SampleCpu(line.broker_pid);
  };
  LoadGenerator generator(line.load);
  const std::optional<LoadResult> result = generator.Run();
  if (!result) {
    std::cerr << "kv-load: " << generator.error() << '\n';
    return EXIT_FAILURE;
  }
  Json report = ResultReport(line.load, *result, begin, end);
  if (line.broker_pid != 0) {
    report["broker"] = BrokerReport(begin, end, line.broker_pid, *result);
  }
  std::cout << report.dump(2) << '\n';
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace kv::bench

int main(int argc, char** argv) {
  try {
    return kv::bench::Main(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "kv-load: " << error.what() << '\n';
    return EXIT_FAILURE;
  }
}
