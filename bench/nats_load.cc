// nats-load: puts to a NATS key/value bucket, and prints what kv-load prints of a broker.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>

#include <nlohmann/json.hpp>

#include "bench/cpu_sample.h"
#include "bench/nats_generator.h"
#include "bench/run_main.h"

#include <CLI/CLI.hpp>

namespace kv::bench {
namespace {

struct CommandLine {
  NatsOptions load;
  unsigned total_window = 64;
  double warm_up_seconds = 1;
  double duration_seconds = 5;
  long server_pid = 0;
};

void Declare(CLI::App& app, CommandLine& line) {
  NatsOptions& load = line.load;
  app.add_option("--port", load.port, "of 127.0.0.1")->capture_default_str();
  app.add_option("--bucket", load.bucket)->capture_default_str();
  app.add_option("--history", load.history)->check(CLI::Range(1, 64))->capture_default_str();
  app.add_option("--connections", load.connections)
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--window", line.total_window, "puts in flight, all connections together")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--wake-after", load.wake_after, "acknowledgements that wake a connection")
      ->check(CLI::Range(1, 65'535))
      ->capture_default_str();
  app.add_option("--value-size", load.value_size)
      ->check(CLI::Range(0, 1'048'576))
      ->capture_default_str();
  app.add_option("--keys", load.keys)->check(CLI::Range(1, 99'999'999))->capture_default_str();
  app.add_option("--fill", load.fill, "puts of every key beforehand")->capture_default_str();
  app.add_option("--warm-up", line.warm_up_seconds, "seconds")->capture_default_str();
  app.add_option("--duration", line.duration_seconds, "seconds")->capture_default_str();
  app.add_option("--seed", load.seed)->capture_default_str();
  app.add_option("--server-pid", line.server_pid, "reports its CPU time");
}

int Main(int argc, const char* const* argv) {
  CLI::App app("Puts to NATS KV as fast as it acknowledges; prints JSON.", "nats-load");
  CommandLine line;
  Declare(app, line);
  CLI11_PARSE(app, argc, argv);
  line.load.window = std::max(1U, line.total_window / line.load.connections);
  line.load.warm_up = std::chrono::duration<double>(line.warm_up_seconds);
  line.load.duration = std::chrono::duration<double>(line.duration_seconds);
  CpuSample begin;
  CpuSample end;
  line.load.on_begin = [&] {
    begin = SampleCpu(line.server_pid);
  };
  line.load.on_end = [&] {
    end = SampleCpu(line.server_pid);
  };
  const NatsResult result = NatsGenerator(line.load).Run();
  const auto microseconds = [](std::chrono::nanoseconds time) {
    return std::chrono::duration<double, std::micro>(time).count();
  };
  Json report = {
      {"seconds", result.elapsed.count()},
      {"messages", result.messages},
      {"messages_per_second", static_cast<double>(result.messages) / result.elapsed.count()},
      {"rejected", result.rejected},
      {"latency_us",
       {{"p50", microseconds(result.latency.Quantile(0.5))},
        {"p99", microseconds(result.latency.Quantile(0.99))},
        {"max", microseconds(result.latency.max())}}}};
  report.update(OwnReport(begin, end, result.elapsed));
  if (line.server_pid != 0) {
    report["broker"] = BrokerReport(begin, end, line.server_pid, result.elapsed, result.messages);
  }
  std::cout << report.dump(2) << '\n';
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace kv::bench

int main(int argc, char** argv) {
  return kv::bench::RunMain("nats-load", [&] { return kv::bench::Main(argc, argv); });
}
