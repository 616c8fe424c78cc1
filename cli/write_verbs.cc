// put, create, update, del, purge, incr.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/tool.h"
#include "cli/verbs.h"

#include <CLI/CLI.hpp>

namespace kv::cli {
namespace {

struct PutArguments {
  std::string bucket;
  std::string key;
  std::optional<Revision> update;  // of the verb update
  ValueOptions value;
  PutOptions options;
};

using Put = Result<Written> (*)(const Bucket&,
                                const PutArguments&,
                                std::string_view value,
                                const PutSettings&);

// Until somebody ends it; the key ends with it.
Result<ExitCode> Hold(Interrupt& interrupt, const std::atomic<bool>& lost) {
  interrupt.Wait();
  if (lost) {
    return Error(ErrorCode::kDisconnected, "the connection was lost, and with it the key");
  }
  return ExitCode::kOk;
}

Result<ExitCode> RunPut(const Tool& tool, const PutArguments& arguments, Put put) {
  auto settings = SettingsOf(arguments.options);
  if (!settings) {
    return std::move(settings).error();
  }
  const auto value = ReadValue(arguments.value);
  if (!value) {
    return value.error();
  }
  std::optional<Interrupt> interrupt;
  std::atomic<bool> lost{false};
  std::function<void(const ConnectionEvent&)> on_connection;
  if (settings->ephemeral) {
    interrupt.emplace();
    on_connection = [&](const ConnectionEvent& event) {
      if (!event.connected) {
        lost = true;
        interrupt->Raise();
      }
    };
  }
  const auto client = tool.Connect(on_connection);
  if (!client) {
    return client.error();
  }
  const auto written = put(client->bucket(arguments.bucket), arguments, *value, *settings);
  if (!written) {
    return written.error();
  }
  auto printed = Printed(tool.output.PrintWritten(arguments.key, *written));
  return settings->ephemeral && printed ? Hold(*interrupt, lost) : printed;
}

void AddPut(CLI::App& app, Tool& tool, const std::string& name, const std::string& what, Put put) {
  auto arguments = std::make_shared<PutArguments>();
  CLI::App* const verb = app.add_subcommand(name, what);
  verb->add_option("BUCKET", arguments->bucket, "the bucket")->required();
  verb->add_option("KEY", arguments->key, "the key")->required();
  if (name == "update") {
    verb->add_option("REVISION", arguments->update, "of the key's newest entry")->required();
  }
  AddValueOptions(*verb, arguments->value);
  AddPutOptions(*verb, arguments->options);
  OnChosen(*verb, tool, [&tool, arguments, put] { return RunPut(tool, *arguments, put); });
}

struct MarkArguments {
  std::string bucket;
  std::string key;
  bool all = false;  // of the verb purge
  WriteOptions options;
};

Result<ExitCode> PurgeAll(const Tool& tool, const Client& client, const std::string& bucket) {
  const auto count = client.bucket(bucket).PurgeAll();
  if (!count) {
    return count.error();
  }
  return Printed(tool.output.json ? tool.output.Print({{"bucket", bucket}, {"count", *count}})
                                  : tool.output.Line(std::to_string(*count)));
}

Result<ExitCode> RunMark(const Tool& tool, const MarkArguments& arguments, bool purges) {
  if (arguments.all == !arguments.key.empty()) {
    return Error(ErrorCode::kBadRequest, "purge: accepted is one of KEY and --all");
  }
  const auto client = tool.Connect();
  if (!client) {
    return client.error();
  }
  if (arguments.all) {
    return PurgeAll(tool, *client, arguments.bucket);
  }
  const Bucket bucket = client->bucket(arguments.bucket);
  const auto settings = SettingsOf(arguments.options);
  const auto written =
      purges ? bucket.Purge(arguments.key, settings) : bucket.Delete(arguments.key, settings);
  return written ? Printed(tool.output.PrintWritten(arguments.key, *written))
                 : Result<ExitCode>(written.error());
}

void AddMark(CLI::App& app, Tool& tool, const std::string& name, const std::string& what) {
  const bool purges = name == "purge";
  auto arguments = std::make_shared<MarkArguments>();
  CLI::App* const verb = app.add_subcommand(name, what);
  verb->add_option("BUCKET", arguments->bucket, "the bucket")->required();
  auto* const key = verb->add_option("KEY", arguments->key, "the key");
  if (purges) {
    verb->add_flag("--all", arguments->all, "every key of the bucket")->excludes(key);
  } else {
    key->required();
  }
  AddWriteOptions(*verb, arguments->options);
  OnChosen(*verb, tool, [&tool, arguments, purges] { return RunMark(tool, *arguments, purges); });
}

struct IncrementArguments {
  std::string bucket;
  std::string key;
  std::int64_t delta = 1;
  WriteOptions options;
};

Result<ExitCode> RunIncrement(const Tool& tool, const IncrementArguments& arguments) {
  const auto client = tool.Connect();
  if (!client) {
    return client.error();
  }
  const auto counted =
      client->bucket(arguments.bucket)
          .Increment(arguments.key, arguments.delta, SettingsOf(arguments.options));
  if (!counted) {
    return counted.error();
  }
  if (!tool.output.json) {
    return Printed(tool.output.Line(std::to_string(counted->value)));
  }
  Json object = WrittenJson(arguments.key, counted->written);
  object["value"] = counted->value;
  return Printed(tool.output.Print(object));
}

void AddIncrement(CLI::App& app, Tool& tool) {
  auto arguments = std::make_shared<IncrementArguments>();
  CLI::App* const verb =
      app.add_subcommand("incr", "Add to a decimal number and print the sum; no value counts as 0");
  verb->add_option("BUCKET", arguments->bucket, "the bucket")->required();
  verb->add_option("KEY", arguments->key, "the key")->required();
  verb->add_option("N", arguments->delta, "what to add, may be negative; default 1");
  AddWriteOptions(*verb, arguments->options);
  OnChosen(*verb, tool, [&tool, arguments] { return RunIncrement(tool, *arguments); });
}

}  // namespace

void AddWriteVerbs(CLI::App& app, Tool& tool) {
  AddPut(app,
         tool,
         "put",
         "Write a value and print its revision",
         [](const Bucket& bucket,
            const PutArguments& arguments,
            std::string_view value,
            const PutSettings& settings) { return bucket.Put(arguments.key, value, settings); });
  AddPut(app,
         tool,
         "create",
         "Write a value if the key has none",
         [](const Bucket& bucket,
            const PutArguments& arguments,
            std::string_view value,
            const PutSettings& settings) { return bucket.Create(arguments.key, value, settings); });
  AddPut(app,
         tool,
         "update",
         "Write a value if the key's newest entry has this revision",
         [](const Bucket& bucket,
            const PutArguments& arguments,
            std::string_view value,
            const PutSettings& settings) {
           return bucket.Update(arguments.key, value, *arguments.update, settings);
         });
  AddMark(app, tool, "del", "Delete a key; its history stays");
  AddMark(app, tool, "purge", "Delete a key with its history, or all of a bucket");
  AddIncrement(app, tool);
}

}  // namespace kv::cli
