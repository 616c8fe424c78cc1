// watch.
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "cli/interrupt.h"
#include "cli/tool.h"
#include "cli/verbs.h"

#include <CLI/CLI.hpp>

namespace kv::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

struct WatchArguments {
  std::string bucket;
  WatchSettings settings;
  std::optional<Revision> from_revision;
  std::uint64_t count = 0;  // end after so many; 0: never
  bool once = false;        // end when the values as they are have been printed
};

// The error that ends the watch, or how it goes on.
class Printer {
 public:
  Printer(const Tool& tool, const WatchArguments& arguments) : tool_(tool), arguments_(arguments) {}

  Status Take(const WatchEvent& event) {
    switch (event.kind) {
      case WatchEvent::Kind::kEntry: return TakeEntry(event.entry);
      case WatchEvent::Kind::kGap: return TakeGap(event.entry.revision);
      case WatchEvent::Kind::kEndOfInitial: done_ = arguments_.once; return Ok{};
      case WatchEvent::Kind::kEnded:
        return event.error.value_or(Error(ErrorCode::kCancelled, "the watch has ended"));
    }
    return Ok{};
  }

  bool done() const { return done_; }
  // Of a watch that is done.
  Result<ExitCode> outcome() const { return outcome_; }

 private:
  Status TakeEntry(const Entry& entry) {
    Check(tool_.output.PrintEntry(entry));
    ++printed_;
    done_ = done_ || printed_ == arguments_.count;
    return Ok{};
  }

  Status TakeGap(Revision after) {
    if (tool_.output.json) {
      Check(tool_.output.Print({{"event", "gap"}, {"revision", after}}));
    } else {
      tool_.output.Note("changes after revision " + std::to_string(after) +
                        " may have been overwritten unseen");
    }
    return Ok{};
  }

  void Check(bool printed) {
    if (!printed) {
      outcome_ = Printed(false);
      done_ = true;
    }
  }

  const Tool& tool_;
  const WatchArguments& arguments_;
  std::uint64_t printed_ = 0;
  bool done_ = false;
  Result<ExitCode> outcome_ = ExitCode::kOk;
};

// The time is over.
Result<ExitCode> TimeOut(const WatchArguments& arguments) {
  if (arguments.count > 0) {
    return Error(ErrorCode::kTimeout, "fewer changes came in time");
  }
  if (arguments.once) {
    return Error(ErrorCode::kTimeout, "not all values came in time");
  }
  return ExitCode::kOk;
}

// Until `end`, or for ever. Being interrupted is how a watch ends, and no failure.
Result<ExitCode> Print(const Tool& tool,
                       const WatchArguments& arguments,
                       Watcher& watcher,
                       const Interrupt& interrupt,
                       steady_clock::time_point end) {
  Printer printer(tool, arguments);
  while (!printer.done()) {
    constexpr milliseconds long_time{3'600'000};
    const auto left = std::chrono::ceil<milliseconds>(end - steady_clock::now());
    if (left <= milliseconds(0)) {
      return TimeOut(arguments);
    }
    const auto event = watcher.Next(std::min(left, long_time));
    if (interrupt.came()) {
      return ExitCode::kOk;
    }
    if (event) {
      if (auto taken = printer.Take(*event); !taken) {
        return std::move(taken).error();
      }
    } else if (event.error().code != ErrorCode::kTimeout) {
      return event.error();
    }
  }
  return printer.outcome();
}

Result<ExitCode> RunWatch(const Tool& tool, const WatchArguments& arguments) {
  const double seconds = tool.connection.timeout;
  const auto end = seconds > 0 ? steady_clock::now() + std::chrono::ceil<steady_clock::duration>(
                                                           std::chrono::duration<double>(seconds))
                               : steady_clock::time_point::max();
  Interrupt interrupt;
  Tool patient = tool;  // the time is the watch's, not that of each reply
  patient.connection.timeout = 0;
  const auto client = patient.Connect();
  if (!client) {
    return client.error();
  }
  WatchSettings settings = arguments.settings;
  settings.from_revision = arguments.from_revision;
  auto watcher = client->bucket(arguments.bucket).Watch(settings);
  if (!watcher) {
    return std::move(watcher).error();
  }
  interrupt.Then([&] { watcher->Stop(); });
  auto result = Print(tool, arguments, *watcher, interrupt, end);
  interrupt.Then(nullptr);
  return result;
}

}  // namespace

void AddWatchVerb(CLI::App& app, Tool& tool) {
  auto arguments = std::make_shared<WatchArguments>();
  CLI::App* const verb =
      app.add_subcommand("watch", "Print the values as they are, then every change as it happens");
  verb->add_option("BUCKET", arguments->bucket, "the bucket")->required();
  verb->add_option(
      "FILTER", arguments->settings.filter, "a key in which levels may be +, the last one #");
  auto* const from = verb->add_option("--from-revision",
                                      arguments->from_revision,
                                      "begin with the kept entries of this revision and later");
  auto* const updates =
      verb->add_flag("--updates-only", arguments->settings.updates_only, "begin with nothing");
  updates->excludes(from);
  verb->add_flag("--ignore-deletes", arguments->settings.ignore_deletes, "no deletes and purges");
  verb->add_flag("--meta-only", arguments->settings.meta_only, "without the values");
  verb->add_option("-C,--count", arguments->count, "end after so many lines");
  verb->add_flag("--once", arguments->once, "end when the values as they are have been printed")
      ->excludes(updates);
  OnChosen(*verb, tool, [&tool, arguments] { return RunWatch(tool, *arguments); });
}

}  // namespace kv::cli
