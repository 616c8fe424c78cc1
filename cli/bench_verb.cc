// bench.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "cli/interrupt.h"
#include "cli/load.h"
#include "cli/progress_bar.h"
#include "cli/tool.h"
#include "cli/verbs.h"

#include <CLI/CLI.hpp>

namespace kv::cli {
namespace {

struct BenchArguments {
  std::string bucket;  // empty: one of its own
  unsigned rounds = 3;
  double seconds = 2;
  LoadShape shape;
};

struct Totals {
  LoadResult plain;
  LoadResult bucket;
};

double MillisecondsOf(std::chrono::nanoseconds length) {
  return std::chrono::duration<double, std::milli>(length).count();
}

std::string Rounded(double value, int digits) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return text.data();
}

Json JsonOf(LoadResult& result) {
  return {{"messages", result.latencies.size()},
          {"messages_per_second", result.Rate()},
          {"p50_ms", MillisecondsOf(result.Quantile(0.5))},
          {"p95_ms", MillisecondsOf(result.Quantile(0.95))},
          {"p99_ms", MillisecondsOf(result.Quantile(0.99))}};
}

Row RowOf(const std::string& name, LoadResult& result) {
  const auto number = [](std::string text) {
    return Cell{std::move(text), Colour::kPlain, true};
  };
  return {{name, Colour::kBold},
          number(std::to_string(result.latencies.size())),
          number(Rounded(result.Rate(), 0)),
          number(Rounded(MillisecondsOf(result.Quantile(0.5)), 2)),
          number(Rounded(MillisecondsOf(result.Quantile(0.95)), 2)),
          number(Rounded(MillisecondsOf(result.Quantile(0.99)), 2))};
}

bool PrintTotals(const Output& output, Totals& totals) {
  const double ratio = totals.bucket.Rate() / totals.plain.Rate();
  if (output.json) {
    return output.Print(
        {{"plain", JsonOf(totals.plain)}, {"bucket", JsonOf(totals.bucket)}, {"ratio", ratio}});
  }
  return output.Table({"TARGET", "MESSAGES", "MSG/S", "P50 MS", "P95 MS", "P99 MS"},
                      {RowOf("plain", totals.plain), RowOf("bucket", totals.bucket)}) &&
         output.Line("ratio" + std::string(output.on_terminal ? "  " : "\t") + Rounded(ratio, 2));
}

class Bench {
 public:
  Bench(const Tool& tool, const BenchArguments& arguments, const ClientOptions& options)
      : tool_(tool),
        arguments_(arguments),
        options_(options),
        is_own_(arguments.bucket.empty()),
        name_(is_own_ ? "bench-" + std::to_string(getpid()) : arguments.bucket),
        plain_(arguments.shape),
        bucket_(arguments.shape) {
    plain_.topic_prefix = "mosquitto_kv-bench/" + std::to_string(getpid()) + "/";
    plain_.retain = true;
    bucket_.topic_prefix = options.topic_prefix + "/" + name_ + "/bench/";
  }

  Result<ExitCode> Run(const Client& client, const Interrupt& interrupt) {
    if (is_own_) {
      if (auto created = client.CreateBucket(name_); !created) {
        return std::move(created).error();
      }
    }
    auto measured = Measure(client, interrupt);
    if (auto cleared = ClearRetained(options_, plain_); !cleared) {
      tool_.output.Note("retained messages of " + plain_.topic_prefix +
                        "# are left behind: " + cleared.error().message);
    }
    if (is_own_) {
      if (auto deleted = client.DeleteBucket(name_); !deleted) {
        tool_.output.Note("bucket " + name_ + " is left behind: " + deleted.error().message);
      }
    }
    return measured ? Printed(PrintTotals(tool_.output, *measured))
                    : Result<ExitCode>(measured.error());
  }

 private:
  // In turn, so that what else the machine does hits both.
  Result<Totals> Measure(const Client& client, const Interrupt& interrupt) {
    const auto before = LastRevision(client);
    if (!before) {
      return before.error();
    }
    Totals totals;
    ProgressBar bar("bench", arguments_.rounds, !tool_.output.quiet);
    const auto stop = [&] {
      return interrupt.came();
    };
    for (unsigned round = 0; round < arguments_.rounds; ++round) {
      for (auto [shape, total] : {std::pair(&plain_, &totals.plain), {&bucket_, &totals.bucket}}) {
        auto result = RunLoad(options_, *shape, stop);
        if (!result) {
          return std::move(result).error();
        }
        total->Add(std::move(*result));
      }
      if (interrupt.came()) {
        return Error(ErrorCode::kCancelled, "interrupted");
      }
      bar.Show(round + 1, totals.plain.latencies.size() + totals.bucket.latencies.size());
    }
    return Checked(client, *before, std::move(totals));
  }

  // An MQTT 3.1.1 acknowledgement does not say that a write was refused; the revisions do.
  Result<Totals> Checked(const Client& client, Revision before, Totals totals) const {
    const auto after = LastRevision(client);
    if (!after) {
      return after.error();
    }
    const std::uint64_t written = *after - before;
    if (written < totals.bucket.latencies.size()) {
      return Error(ErrorCode::kUnavailable,
                   "the bucket took only " + std::to_string(written) + " of " +
                       std::to_string(totals.bucket.latencies.size()) +
                       " writes: is the user allowed to, is it full?");
    }
    return totals;
  }

  Result<Revision> LastRevision(const Client& client) const {
    const auto info = client.bucket(name_).Info();
    return info ? Result(info->last_revision) : info.error();
  }

  const Tool& tool_;
  const BenchArguments& arguments_;
  const ClientOptions& options_;
  const bool is_own_;
  const std::string name_;
  LoadShape plain_;
  LoadShape bucket_;
};

Result<ExitCode> RunBench(const Tool& tool, BenchArguments arguments) {
  const auto options = ClientOptionsOf(tool.connection);
  if (!options) {
    return options.error();
  }
  if (options->tls) {
    return Error(ErrorCode::kNotSupported, "bench: accepted is a broker without TLS");
  }
  arguments.shape.duration = std::chrono::duration<double>(arguments.seconds);
  Interrupt interrupt;
  const auto client = tool.Connect();
  return client ? Bench(tool, arguments, *options).Run(*client, interrupt)
                : Result<ExitCode>(client.error());
}

}  // namespace

void AddBenchVerb(CLI::App& app, Tool& tool) {
  auto arguments = std::make_shared<BenchArguments>();
  LoadShape& shape = arguments->shape;
  CLI::App* const verb = app.add_subcommand(
      "bench", "Measure writes to a bucket against plain retained messages, QoS 1");
  verb->add_option("BUCKET",
                   arguments->bucket,
                   "the bucket, which keeps the keys bench/…; default "
                   "one of its own, deleted afterwards");
  verb->add_option("--rounds", arguments->rounds, "so often both in turn; default 3")
      ->check(CLI::Range(1, 1'000).description(""));
  verb->add_option("--seconds", arguments->seconds, "of each in each round; default 2")
      ->check(CLI::Range(0.01, 3'600.0).description(""));
  verb->add_option("--size", shape.value_size, "bytes of a value; default 128")
      ->check(CLI::Range(1, 1'000'000).description(""));
  verb->add_option("--keys", shape.keys, "keys, written in no order; default 1000")
      ->check(CLI::Range(1, 10'000'000).description(""));
  verb->add_option("--connections", shape.connections, "connections; default 8")
      ->check(CLI::Range(1, 1'000).description(""));
  verb->add_option("--window", shape.window, "unacknowledged writes of each connection; default 8")
      ->check(CLI::Range(1, 65'535).description(""));
  OnChosen(*verb, tool, [&tool, arguments] { return RunBench(tool, *arguments); });
}

}  // namespace kv::cli
