// kv-load: publishes as fast as a broker acknowledges and prints, as JSON, the rate, the latency,
// and who spent how much CPU time in the measured interval.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "bench/cpu_sample.h"
#include "bench/load_generator.h"
#include "bench/run_main.h"

#include <CLI/CLI.hpp>

namespace kv::bench {
namespace {

using Seconds = std::chrono::duration<double>;

Json OptionsReport(const LoadOptions& options) {
  return {{"protocol", static_cast<int>(options.version)},
          {"connections", options.connections},
          {"window_per_connection", options.window},
          {"wake_after", options.wake_after},
          {"qos", options.qos},
          {"retain", options.retain},
          {"replies", options.replies},
          {"value_size", options.value_size},
          {"echo", options.echo},
          {"keys", options.keys},
          {"each_key", options.each_key},
          {"buckets", options.buckets},
          {"rate", options.rate},
          {"topic_prefix", options.topic_prefix},
          {"warm_up_seconds", options.warm_up.count()},
          {"seed", options.seed}};
}

Json ResultReport(const LoadOptions& options, const LoadResult& result) {
  const double elapsed = result.elapsed.count();
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
            {"max", microseconds(result.latency.max())}}}};
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
  std::vector<std::string> properties = {};
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
  app.add_flag("--each-key", load.each_key, "every key in turn, scattered, instead of at random");
  app.add_option("--buckets", load.buckets, "spreads the keys over <topic prefix><number>/")
      ->check(CLI::Range(0, 99'999));
  app.add_option("--topic-prefix", load.topic_prefix)->capture_default_str();
  app.add_flag("--retain", load.retain);
  app.add_flag("--replies", load.replies, "with a Response Topic, counting replies (version 5)");
  app.add_flag("--echo",
               load.echo,
               "each connection subscribes to what it publishes and awaits it (version 5)");
  app.add_option("--property", line.properties, "NAME=VALUE of each publish (version 5)");
  app.add_option("--rate", load.rate, "publishes per second in all; 0: as many as are acknowledged")
      ->check(CLI::Range(0.0, 1e7))
      ->capture_default_str();
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
  for (const std::string& property : line.properties) {
    const std::size_t equals = std::min(property.find('='), property.size());
    load.properties.emplace_back(property.substr(0, equals),
                                 property.substr(std::min(equals + 1, property.size())));
  }
  load.warm_up = Seconds(line.warm_up_seconds);
  load.duration = Seconds(line.duration_seconds);
}

// What the options ask for that does not go together, if anything.
const char* Conflict(const LoadOptions& load) {
  const bool answered = load.replies || load.echo;
  const bool needs_mqtt5 = answered || !load.properties.empty();
  if (needs_mqtt5 && load.version != testing::ProtocolVersion::kMqtt5) {
    return "--replies, --echo and --property need --protocol 5";
  }
  if (load.rate > 0 && load.qos == 0 && !answered) {
    return "--rate needs QoS 1, 2 or answers: batches of QoS 0 have none";
  }
  if (load.echo && load.keys < load.connections) {
    return "--echo needs a key for each connection";
  }
  return nullptr;
}

int Main(int argc, const char* const* argv) {
  CLI::App app("Publishes as fast as a broker acknowledges; prints JSON.", "kv-load");
  CommandLine line;
  Declare(app, line);
  CLI11_PARSE(app, argc, argv);
  Convert(line);
  if (const char* const conflict = Conflict(line.load)) {
    std::cerr << "kv-load: " << conflict << '\n';
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
  Json report = ResultReport(line.load, *result);
  report.update(OwnReport(begin, end, result->elapsed));
  if (line.broker_pid != 0) {
    report["broker"] = BrokerReport(begin, end, line.broker_pid, result->elapsed, result->messages);
  }
  std::cout << report.dump(2) << '\n';
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace kv::bench

int main(int argc, char** argv) {
  return kv::bench::RunMain("kv-load", [&] { return kv::bench::Main(argc, argv); });
}
