// bucket add|edit|rm|ls|info|purge-deletes, info, checkpoint.
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/bucket_output.h"
#include "cli/options.h"
#include "cli/tool.h"
#include "cli/verbs.h"
#include "kv/bucket_config.h"

#include <CLI/CLI.hpp>

namespace kv::cli {
namespace {

struct ConfigureArguments {
  std::string bucket;
  std::map<std::string, std::string> fields;          // of all; see `options`
  std::map<std::string, const CLI::Option*> options;  // that say which were given
  std::vector<std::string> metadata;                  // name=value
  std::vector<std::string> unset;                     // of edit
};

std::string OptionOf(std::string_view field) {
  std::string name(field);
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

// One option for each field of a configuration, from the table that mosquitto.conf is read with.
void AddFieldOptions(CLI::App& verb, ConfigureArguments& arguments) {
  VisitBucketFields([&](const BucketField& field) {
    const std::string name = OptionOf(field.name);
    std::string& text = arguments.fields[std::string(field.name)];
    if (field.kind == FieldKind::kMap) {
      verb.add_option("--" + name, arguments.metadata, "NAME=VALUE; may be repeated")
          ->expected(1)
          ->take_all();
    } else if (field.kind == FieldKind::kFlag) {
      arguments.options[std::string(field.name)] =
          verb.add_flag("--" + name + ",!--no-" + name, text, std::string(field.accepted));
    } else {
      arguments.options[std::string(field.name)] =
          verb.add_option("--" + name, text, std::string(field.accepted));
    }
  });
}

Result<BucketFields> FieldsOf(const ConfigureArguments& arguments) {
  BucketFields fields;
  for (const auto& [name, option] : arguments.options) {
    if (option->count() > 0) {  // a text may be empty
      fields[name] = arguments.fields.at(name);
    }
  }
  for (const std::string& item : arguments.metadata) {
    const std::size_t equals = item.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error(ErrorCode::kBadRequest, "--metadata " + item + ": accepted is NAME=VALUE");
    }
    fields["metadata." + item.substr(0, equals)] = item.substr(equals + 1);
  }
  for (std::string name : arguments.unset) {
    std::replace(name.begin(), name.end(), '-', '_');
    if (!fields.emplace(name, std::nullopt).second) {
      return Error(ErrorCode::kBadRequest, "--unset " + name + ": it is set as well");
    }
  }
  return fields;
}

Result<ExitCode> RunConfigure(const Tool& tool, const ConfigureArguments& arguments, bool creates) {
  const auto fields = FieldsOf(arguments);
  if (!fields) {
    return fields.error();
  }
  const auto client = tool.Connect();
  if (!client) {
    return client.error();
  }
  const auto info = creates ? client->CreateBucket(arguments.bucket, *fields)
                            : client->UpdateBucket(arguments.bucket, *fields);
  return info ? PrintBucket(tool, *info) : Result<ExitCode>(info.error());
}

void AddConfigure(CLI::App& bucket, Tool& tool, const std::string& name, const std::string& what) {
  const bool creates = name == "add";
  auto arguments = std::make_shared<ConfigureArguments>();
  CLI::App* const verb = bucket.add_subcommand(name, what);
  verb->add_option("BUCKET", arguments->bucket, "the bucket")->required();
  AddFieldOptions(*verb, *arguments);
  if (!creates) {
    verb->add_option("--unset", arguments->unset, "FIELD, back to its default; may be repeated")
        ->expected(1)
        ->take_all();
  }
  OnChosen(
      *verb, tool, [&tool, arguments, creates] { return RunConfigure(tool, *arguments, creates); });
}

struct RemoveArguments {
  std::string bucket;
  bool force = false;
};

// Asks, where there is somebody to answer.
Status Confirm(const RemoveArguments& arguments) {
  if (arguments.force) {
    return Ok{};
  }
  if (!IsTerminal(STDIN_FILENO)) {
    return Error(ErrorCode::kBadRequest,
                 "bucket rm: nobody is there to be asked; --force deletes without asking");
  }
  std::cerr << "Delete bucket " << arguments.bucket << " with all its entries? [y/N] ";
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "yes"
             ? Status(Ok{})
             : Error(ErrorCode::kBadRequest, "bucket rm: not confirmed, nothing was deleted");
}

Result<ExitCode> RunRemove(const Tool& tool, const RemoveArguments& arguments) {
  if (auto confirmed = Confirm(arguments); !confirmed) {
    return std::move(confirmed).error();
  }
  const auto client = tool.Connect();
  if (!client) {
    return client.error();
  }
  if (auto deleted = client->DeleteBucket(arguments.bucket); !deleted) {
    return std::move(deleted).error();
  }
  return tool.output.json ? Printed(tool.output.Print({{"deleted", arguments.bucket}}))
                          : ExitCode::kOk;
}

void AddRemove(CLI::App& bucket, Tool& tool) {
  auto arguments = std::make_shared<RemoveArguments>();
  CLI::App* const verb = bucket.add_subcommand("rm", "Delete a bucket with all its entries");
  verb->add_option("BUCKET", arguments->bucket, "the bucket")->required();
  verb->add_flag("-f,--force", arguments->force, "do not ask");
  OnChosen(*verb, tool, [&tool, arguments] { return RunRemove(tool, *arguments); });
}

void AddList(CLI::App& bucket, Tool& tool) {
  CLI::App* const verb = bucket.add_subcommand("ls", "List the buckets and what is in them");
  OnChosen(*verb, tool, [&tool]() -> Result<ExitCode> {
    const auto client = tool.Connect();
    if (!client) {
      return client.error();
    }
    const auto buckets = client->Buckets();
    return buckets ? PrintBuckets(tool, *buckets) : Result<ExitCode>(buckets.error());
  });
}

void AddInfo(CLI::App& app, Tool& tool) {
  auto name = std::make_shared<std::string>();
  CLI::App* const verb = app.add_subcommand("info", "Print a bucket's configuration and state");
  verb->add_option("BUCKET", *name, "the bucket")->required();
  OnChosen(*verb, tool, [&tool, name]() -> Result<ExitCode> {
    const auto client = tool.Connect();
    if (!client) {
      return client.error();
    }
    const auto info = client->bucket(*name).Info();
    return info ? PrintBucket(tool, *info) : Result<ExitCode>(info.error());
  });
}

struct PurgeDeletesArguments {
  std::string bucket;
  std::string older_than = "30m";
};

Result<ExitCode> RunPurgeDeletes(const Tool& tool, const PurgeDeletesArguments& arguments) {
  const auto age = DurationOf("--older-than", arguments.older_than, /*zero=*/true);
  if (!age) {
    return age.error();
  }
  const auto client = tool.Connect();
  if (!client) {
    return client.error();
  }
  const auto count = client->bucket(arguments.bucket).PurgeDeletes(*age);
  if (!count) {
    return count.error();
  }
  return Printed(tool.output.json
                     ? tool.output.Print({{"bucket", arguments.bucket}, {"count", *count}})
                     : tool.output.Line(std::to_string(*count)));
}

void AddPurgeDeletes(CLI::App& bucket, Tool& tool) {
  auto arguments = std::make_shared<PurgeDeletesArguments>();
  CLI::App* const verb =
      bucket.add_subcommand("purge-deletes", "Forget deleted and purged keys, and print how many");
  verb->add_option("BUCKET", arguments->bucket, "the bucket")->required();
  verb->add_option("--older-than",
                   arguments->older_than,
                   "only those deleted so long ago; default 30m, 0 is all");
  OnChosen(*verb, tool, [&tool, arguments] { return RunPurgeDeletes(tool, *arguments); });
}

void AddCheckpoint(CLI::App& app, Tool& tool) {
  CLI::App* const verb = app.add_subcommand(
      "checkpoint", "Write a copy of the broker's whole store, and print its directory's name");
  OnChosen(*verb, tool, [&tool]() -> Result<ExitCode> {
    const auto client = tool.Connect();
    if (!client) {
      return client.error();
    }
    const auto name = client->Checkpoint();
    if (!name) {
      return name.error();
    }
    return Printed(tool.output.json ? tool.output.Print({{"checkpoint", *name}})
                                    : tool.output.Line(*name));
  });
}

}  // namespace

void AddBucketVerbs(CLI::App& app, Tool& tool) {
  CLI::App* const bucket = app.add_subcommand("bucket", "Make, change, delete and look at buckets");
  bucket->require_subcommand(1);
  AddConfigure(*bucket, tool, "add", "Make a bucket; one that is already like that is fine");
  AddConfigure(*bucket, tool, "edit", "Change the fields given");
  AddRemove(*bucket, tool);
  AddList(*bucket, tool);
  AddInfo(*bucket, tool);
  AddPurgeDeletes(*bucket, tool);
  AddInfo(app, tool);
  AddCheckpoint(app, tool);
}

}  // namespace kv::cli
