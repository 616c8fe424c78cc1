// get, keys, ls, history; info stands with the buckets.
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "cli/bucket_output.h"
#include "cli/options.h"
#include "cli/tool.h"
#include "cli/verbs.h"
#include "wire/time_text.h"

#include <CLI/CLI.hpp>

namespace kv::cli {
namespace {

struct GetArguments {
  std::string bucket;
  std::string key;
  std::optional<Revision> revision;
};

std::string DetailsOf(const Entry& entry) {
  std::string text = "key: " + Escape(entry.key) + "\nrevision: " + std::to_string(entry.revision) +
                     "\noperation: " + OperationText(entry) +
                     "\ntime: " + wire::FormatTime(entry.time) + "\n";
  if (entry.author) {
    text += "client: " + Escape(entry.author->client) + "\n";
    text +=
        entry.author->username.empty() ? "" : "username: " + Escape(entry.author->username) + "\n";
  }
  if (entry.properties.content_type) {
    text += "content-type: " + Escape(*entry.properties.content_type) + "\n";
  }
  for (const auto& property : entry.properties.user) {
    text += "property: " + Escape(property.name) + "=" + Escape(property.value) + "\n";
  }
  return text + "\n";
}

// The value's bytes and nothing else; for people, who look at a terminal, on a line of its own.
Result<ExitCode> PrintValue(const Tool& tool, const Entry& entry) {
  if (tool.output.json) {
    return Printed(tool.output.PrintEntry(entry));
  }
  if (entry.is_marker() && !tool.verbose) {
    return Error(ErrorCode::kKeyNotFound,
                 "revision " + std::to_string(entry.revision) + " of " + entry.key + " is a " +
                     OperationText(entry),
                 entry.revision);
  }
  std::string bytes = (tool.verbose ? DetailsOf(entry) : "") + entry.value;
  if (tool.output.on_terminal && !entry.value.ends_with('\n') && !entry.is_marker()) {
    bytes += '\n';
  }
  return Printed(tool.output.Bytes(bytes));
}

Result<ExitCode> RunGet(const Tool& tool, const GetArguments& arguments) {
  const auto client = tool.Connect();
  if (!client) {
    return client.error();
  }
  const Bucket bucket = client->bucket(arguments.bucket);
  const auto entry = arguments.revision ? bucket.GetRevision(arguments.key, *arguments.revision)
                                        : bucket.Get(arguments.key);
  return entry ? PrintValue(tool, *entry) : Result<ExitCode>(entry.error());
}

void AddGet(CLI::App& app, Tool& tool) {
  auto arguments = std::make_shared<GetArguments>();
  CLI::App* const verb = app.add_subcommand("get", "Print a value, byte for byte");
  verb->add_option("BUCKET", arguments->bucket, "the bucket")->required();
  verb->add_option("KEY", arguments->key, "the key")->required();
  verb->add_option("--revision", arguments->revision, "that revision instead of the newest");
  OnChosen(*verb, tool, [&tool, arguments] { return RunGet(tool, *arguments); });
}

struct KeysArguments {
  std::string bucket;
  std::string filter;
  bool include_deleted = false;
};

// Page by page: a bucket may have more keys than this machine has memory.
Result<ExitCode> PrintKeys(const Tool& tool, const Client& client, const KeysArguments& arguments) {
  Selection selection = SelectionOf(arguments.filter);
  selection.include_deleted = arguments.include_deleted;
  const Bucket bucket = client.bucket(arguments.bucket);
  PageRequest request{.limit = 500};
  do {
    auto page = bucket.KeysPage(selection, request);
    if (!page) {
      return std::move(page).error();
    }
    std::string text;
    for (const std::string& key : page->keys) {
      text += (tool.output.json ? Json(key).dump() : Escape(key)) + "\n";
    }
    if (!tool.output.Bytes(text)) {
      return Printed(false);
    }
    request.cursor = page->cursor;
  } while (!request.cursor.empty());
  return ExitCode::kOk;
}

Result<ExitCode> RunKeys(const Tool& tool, const KeysArguments& arguments) {
  const auto client = tool.Connect();
  return client ? PrintKeys(tool, *client, arguments) : Result<ExitCode>(client.error());
}

void AddKeys(CLI::App& app, Tool& tool) {
  auto arguments = std::make_shared<KeysArguments>();
  CLI::App* const verb = app.add_subcommand("keys", "List keys, one a line");
  verb->add_option("BUCKET", arguments->bucket, "the bucket")->required();
  verb->add_option("FILTER", arguments->filter, "a key in which levels may be +, the last one #");
  verb->add_flag("--include-deleted",
                 arguments->include_deleted,
                 "also keys that were deleted, purged or have expired");
  OnChosen(*verb, tool, [&tool, arguments] { return RunKeys(tool, *arguments); });
}

Result<ExitCode> RunList(const Tool& tool, const KeysArguments& arguments) {
  const auto client = tool.Connect();
  if (!client) {
    return client.error();
  }
  if (!arguments.bucket.empty()) {
    return PrintKeys(tool, *client, arguments);
  }
  const auto buckets = client->Buckets();
  return buckets ? PrintBucketNames(tool, *buckets) : Result<ExitCode>(buckets.error());
}

void AddList(CLI::App& app, Tool& tool) {
  auto arguments = std::make_shared<KeysArguments>();
  CLI::App* const verb = app.add_subcommand("ls", "List the buckets, or the keys of one");
  verb->add_option("BUCKET", arguments->bucket, "the bucket whose keys to list");
  OnChosen(*verb, tool, [&tool, arguments] { return RunList(tool, *arguments); });
}

struct HistoryArguments {
  std::string bucket;
  std::string key;
  Revision from_revision = 0;
};

Result<ExitCode> RunHistory(const Tool& tool, const HistoryArguments& arguments) {
  const auto client = tool.Connect();
  if (!client) {
    return client.error();
  }
  Selection selection = SelectionOf(arguments.key);
  selection.from_revision = arguments.from_revision;
  const Bucket bucket = client->bucket(arguments.bucket);
  PageRequest request;
  bool found = false;
  do {
    auto page = bucket.HistoryPage(selection, request);
    if (!page) {
      return std::move(page).error();
    }
    for (const Entry& entry : page->entries) {
      if (!tool.output.PrintEntry(entry)) {
        return Printed(false);
      }
    }
    found = found || !page->entries.empty();
    request.cursor = page->cursor;
  } while (!request.cursor.empty());
  if (!found) {
    return Error(ErrorCode::kKeyNotFound,
                 arguments.bucket + " has no entry of " +
                     (arguments.key.empty() ? "any key" : arguments.key));
  }
  return ExitCode::kOk;
}

void AddHistory(CLI::App& app, Tool& tool) {
  auto arguments = std::make_shared<HistoryArguments>();
  CLI::App* const verb = app.add_subcommand("history", "Print every kept entry, oldest first");
  verb->add_option("BUCKET", arguments->bucket, "the bucket")->required();
  verb->add_option("KEY", arguments->key, "the key, or a filter with + and #; default all keys");
  verb->add_option(
      "--from-revision", arguments->from_revision, "entries of this revision and later");
  OnChosen(*verb, tool, [&tool, arguments] { return RunHistory(tool, *arguments); });
}

}  // namespace

void AddReadVerbs(CLI::App& app, Tool& tool) {
  AddGet(app, tool);
  AddKeys(app, tool);
  AddList(app, tool);
  AddHistory(app, tool);
}

}  // namespace kv::cli
