// kv-neighbour: what KV traffic costs a client that does not use it. The round trips of a client of
// other topics while others put at a steady rate: to a broker without the plugin (the same
// messages, retained), to one with it, and to one with it whose disk flushes slowly; in rounds, one
// after the other, so that what else the machine does falls on all.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "bench/run_main.h"
#include "tests/e2e/kv_broker.h"
#include "tests/e2e/slow_disk.h"
#include "tests/load/ping_pong.h"
#include "tests/load/put_load.h"

#include <CLI/CLI.hpp>

namespace kv::testing {
namespace {

using Json = nlohmann::ordered_json;
using Seconds = std::chrono::duration<double>;

struct Options {
  PutLoadOptions load = {};
  unsigned rounds = 5;
  double warm_up = 2;
  double duration = 10;
  unsigned ping_interval_ms = 2;
  unsigned flush_ms = 20;
  std::string output = "build/neighbour.json";
};

struct Variant {
  const char* name;
  bool has_plugin;
  bool has_slow_disk;
};
constexpr std::array kVariants{Variant{"plain", false, false},
                               Variant{"plugin", true, false},
                               Variant{"plugin, slow disk", true, true}};

struct Measurement {
  double puts_per_second = 0;
  double replies_per_second = 0;
  double p50 = 0;  // microseconds
  double p99 = 0;
  double longest = 0;
};

Measurement MeasureBroker(const Options& options, std::uint16_t port) {
  PutLoadOptions load_options = options.load;
  load_options.port = port;
  PutLoad load(load_options);
  const auto begin = std::chrono::steady_clock::now();
  const auto latency = PingPong(port,
                                milliseconds(options.ping_interval_ms),
                                Seconds(options.warm_up),
                                Seconds(options.duration));
  const Seconds elapsed = std::chrono::steady_clock::now() - begin;
  if (!latency || load.has_failed()) {
    throw std::runtime_error("the broker lost a connection or refused a put");
  }
  const auto microseconds = [](std::chrono::nanoseconds time) {
    return std::chrono::duration<double, std::micro>(time).count();
  };
  return {.puts_per_second = static_cast<double>(load.acknowledged()) / elapsed.count(),
          .replies_per_second = static_cast<double>(load.replies()) / elapsed.count(),
          .p50 = microseconds(latency->Quantile(0.5)),
          .p99 = microseconds(latency->Quantile(0.99)),
          .longest = microseconds(latency->max())};
}

Measurement Measure(const Options& options, const Variant& variant) {
  SlowDisk disk;
  BrokerProcess broker({.configuration = "set_tcp_nodelay true", .debug_log = false});
  if (variant.has_plugin) {
    broker.options().configuration +=
        "\nplugin " + PluginPath() + "\nplugin_opt_store_path store\nplugin_opt_sync batch";
  }
  if (variant.has_slow_disk) {
    broker.options().extra_environment = disk.Environment();
  }
  const auto started = broker.Start();
  if (!started) {
    throw std::runtime_error("the broker did not start: " + started.log);
  }
  if (variant.has_slow_disk) {
    if (disk.flushes() == 0) {
      throw std::runtime_error("the flushes do not go through the slow disk");
    }
    disk.SetDelay(milliseconds(options.flush_ms));
  }
  const Measurement measurement = MeasureBroker(options, broker.port());
  disk.SetDelay(milliseconds(0));
  return measurement;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

Measurement Medians(const std::vector<Measurement>& rounds) {
  const auto median = [&](double Measurement::*member) {
    std::vector<double> values;
    values.reserve(rounds.size());
    for (const Measurement& round : rounds) {
      values.push_back(round.*member);
    }
    return Median(std::move(values));
  };
  return {.puts_per_second = median(&Measurement::puts_per_second),
          .replies_per_second = median(&Measurement::replies_per_second),
          .p50 = median(&Measurement::p50),
          .p99 = median(&Measurement::p99),
          .longest = median(&Measurement::longest)};
}

void PrintRow(const std::string& round, const std::string& variant, const Measurement& row) {
  std::printf("%-7s %-18s %8.0f %10.0f %8.0f %8.0f %8.0f\n",
              round.c_str(),
              variant.c_str(),
              row.puts_per_second,
              row.replies_per_second,
              row.p50,
              row.p99,
              row.longest);
  std::fflush(stdout);
}

Json Report(const Measurement& row) {
  return {{"puts_per_second", row.puts_per_second},
          {"replies_per_second", row.replies_per_second},
          {"p50_us", row.p50},
          {"p99_us", row.p99},
          {"max_us", row.longest}};
}

Json Report(const Options& options) {
  return {{"rate", options.load.rate},
          {"connections", options.load.connections},
          {"keys", options.load.keys},
          {"value_size", options.load.value_size},
          {"reply_percent", options.load.reply_percent},
          {"rounds", options.rounds},
          {"duration_seconds", options.duration},
          {"ping_interval_ms", options.ping_interval_ms},
          {"flush_ms", options.flush_ms}};
}

void Run(const Options& options) {
  std::vector<std::vector<Measurement>> measured(kVariants.size());
  std::printf("%-7s %-18s %8s %10s %8s %8s %8s\n",
              "round",
              "variant",
              "puts/s",
              "replies/s",
              "p50-us",
              "p99-us",
              "max-us");
  for (unsigned round = 0; round < options.rounds; ++round) {
    for (std::size_t i = 0; i < kVariants.size(); ++i) {
      const std::size_t turn = (i + round) % kVariants.size();  // none is always the first
      measured[turn].push_back(Measure(options, kVariants.at(turn)));
      PrintRow(std::to_string(round + 1), kVariants.at(turn).name, measured[turn].back());
    }
  }
  Json report = {{"options", Report(options)}, {"variants", Json::object()}};
  for (std::size_t i = 0; i < kVariants.size(); ++i) {
    const Measurement medians = Medians(measured[i]);
    PrintRow("median", kVariants.at(i).name, medians);
    Json& variant = report["variants"][kVariants.at(i).name];
    variant = Report(medians);
    for (const Measurement& round : measured[i]) {
      variant["rounds"].push_back(Report(round));
    }
  }
  const std::filesystem::path output = std::filesystem::absolute(options.output);
  std::filesystem::create_directories(output.parent_path());
  std::ofstream(output) << report.dump(2) << '\n';
  std::cout << "written: " << output.string() << '\n';
}

int Main(int argc, const char* const* argv) {
  Options options;
  CLI::App app("What KV traffic costs a client of other topics; MOSQUITTO_KV_PLUGIN: the plugin.",
               "kv-neighbour");
  app.add_option("--rate", options.load.rate, "puts a second")->capture_default_str();
  app.add_option("--connections", options.load.connections)
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--keys", options.load.keys)
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  app.add_option("--value-size", options.load.value_size)->capture_default_str();
  app.add_option(
         "--reply-percent", options.load.reply_percent, "of the puts; these wait for the disk")
      ->check(CLI::Range(0, 100))
      ->capture_default_str();
  app.add_option("--rounds", options.rounds)->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--warm-up", options.warm_up, "seconds")->capture_default_str();
  app.add_option("--duration", options.duration, "seconds, of each measurement")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--ping-interval", options.ping_interval_ms, "milliseconds")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option(
         "--flush", options.flush_ms, "milliseconds that each flush of the slow disk takes longer")
      ->capture_default_str();
  app.add_option("--output", options.output)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  Run(options);
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace kv::testing

int main(int argc, char** argv) {
  return kv::bench::RunMain("kv-neighbour", [&] { return kv::testing::Main(argc, argv); });
}
