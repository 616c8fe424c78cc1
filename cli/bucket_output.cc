#include "cli/bucket_output.h"

#include <string>

#include "kv/bucket_config.h"
#include "kv/units.h"
#include "wire/bucket_json.h"
#include "wire/time_text.h"

namespace kv::cli {
namespace {

Result<ExitCode> PrintList(const Tool& tool, const std::vector<BucketInfo>& buckets) {
  bool printed = true;
  for (const BucketInfo& bucket : buckets) {
    printed = printed && tool.output.Print(JsonOf(bucket));
  }
  return Printed(printed);
}

}  // namespace

Json JsonOf(const BucketInfo& bucket) {
  return Json::parse(wire::InfoJson({.name = bucket.name,
                                     .config = bucket.config,
                                     .created = bucket.created,
                                     .keys = bucket.keys,
                                     .entries = bucket.entries,
                                     .bytes = bucket.bytes,
                                     .last_revision = bucket.last_revision}));
}

Result<ExitCode> PrintBucketNames(const Tool& tool, const std::vector<BucketInfo>& buckets) {
  if (tool.output.json || tool.output.on_terminal) {
    return PrintBuckets(tool, buckets);
  }
  std::string names;
  for (const BucketInfo& bucket : buckets) {
    names += bucket.name + "\n";
  }
  return Printed(tool.output.Bytes(names));
}

Result<ExitCode> PrintBuckets(const Tool& tool, const std::vector<BucketInfo>& buckets) {
  if (tool.output.json) {
    return PrintList(tool, buckets);
  }
  std::vector<Row> rows;
  for (const BucketInfo& bucket : buckets) {
    const BucketConfig& config = bucket.config;
    rows.push_back({{bucket.name, Colour::kBold},
                    {std::to_string(bucket.keys), Colour::kPlain, true},
                    {std::to_string(bucket.entries), Colour::kPlain, true},
                    {std::to_string(bucket.bytes), Colour::kPlain, true},
                    {std::to_string(bucket.last_revision), Colour::kCyan, true},
                    {std::to_string(config.history), Colour::kPlain, true},
                    {config.ttl ? FormatDuration(*config.ttl) : "-"},
                    {wire::FormatTime(bucket.created), Colour::kDim},
                    {Escape(config.description)}});
  }
  return Printed(tool.output.Table({"BUCKET",
                                    "KEYS",
                                    "ENTRIES",
                                    "BYTES",
                                    "REVISION",
                                    "HISTORY",
                                    "TTL",
                                    "CREATED",
                                    "DESCRIPTION"},
                                   rows));
}

Result<ExitCode> PrintBucket(const Tool& tool, const BucketInfo& bucket) {
  if (tool.output.json) {
    return Printed(tool.output.Print(JsonOf(bucket)));
  }
  std::vector<Row> rows;
  const auto add = [&](std::string name, const std::string& value) {
    rows.push_back({{std::move(name), Colour::kBold}, {Escape(value)}});
  };
  add("bucket", bucket.name);
  add("created", wire::FormatTime(bucket.created));
  add("keys", std::to_string(bucket.keys));
  add("entries", std::to_string(bucket.entries));
  add("bytes", std::to_string(bucket.bytes));
  add("last_revision", std::to_string(bucket.last_revision));
  VisitBucketFields([&](const BucketField& field) {
    if (field.kind != FieldKind::kMap) {
      add(std::string(field.name), field.get(bucket.config).value_or("-"));
    }
  });
  for (const auto& [name, value] : bucket.config.metadata) {
    add("metadata." + name, value);
  }
  return Printed(tool.output.Table({"FIELD", "VALUE"}, rows));
}

}  // namespace kv::cli
