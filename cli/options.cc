#include "cli/options.h"

#include <utility>

#include "cli/files.h"
#include "kv/units.h"

#include <CLI/CLI.hpp>

namespace kv::cli {

void AddValueOptions(CLI::App& verb, ValueOptions& options) {
  const std::string group = "Value";
  auto* const argument =
      verb.add_option("VALUE", options.argument, "the value; - or none: all of standard input");
  auto* const message = verb.add_option("-m,--message", options.message, "the value")->group(group);
  auto* const file =
      verb.add_option("-f,--file", options.file, "the bytes of this file")->group(group);
  auto* const from_stdin =
      verb.add_flag("-s,--stdin-file", options.from_stdin, "all of standard input")->group(group);
  auto* const empty =
      verb.add_flag("-n,--null-message", options.empty, "an empty value")->group(group);
  const std::vector<CLI::Option*> all{argument, message, file, from_stdin, empty};
  for (auto* const one : all) {
    for (auto* const other : all) {
      if (one != other) {
        one->excludes(other);
      }
    }
  }
}

Result<std::string> ReadValue(const ValueOptions& options) {
  if (options.empty) {
    return std::string();
  }
  if (options.message) {
    return *options.message;
  }
  if (!options.file.empty()) {
    return ReadAll(options.file);
  }
  if (options.argument && *options.argument != "-") {
    return *options.argument;
  }
  return ReadAll("-");
}

void AddWriteOptions(CLI::App& verb, WriteOptions& options) {
  verb.add_option("--expect",
                  options.expected,
                  "only if the key's newest entry has this revision; 0: if it has none");
  verb.add_option("--msg-id",
                  options.message_id,
                  "writing again with this id within the duplicate window writes nothing");
}

WriteSettings SettingsOf(const WriteOptions& options) {
  return {.expected_revision = options.expected, .message_id = options.message_id};
}

void AddPutOptions(CLI::App& verb, PutOptions& options) {
  AddWriteOptions(verb, options);
  verb.add_option("--ttl", options.ttl, "the key expires after this: 90, 500ms, 30s, 15m, 12h, 7d");
  verb.add_flag("--ephemeral,--hold",
                options.ephemeral,
                "the key is there as long as this command runs: it goes when that is interrupted, "
                "dies or loses its connection");
  verb.add_option("--content-type", options.content_type, "the value's MIME type, for readers");
  verb.add_option("-D,--property",
                  options.properties,
                  "NAME=VALUE, a user property for readers; may be repeated")
      ->expected(1)
      ->take_all();
}

Result<PutSettings> SettingsOf(const PutOptions& options) {
  PutSettings settings;
  static_cast<WriteSettings&>(settings) = SettingsOf(static_cast<const WriteOptions&>(options));
  settings.ephemeral = options.ephemeral;
  if (!options.ttl.empty()) {
    auto ttl = DurationOf("--ttl", options.ttl, /*zero=*/false);
    if (!ttl) {
      return std::move(ttl).error();
    }
    settings.ttl = *ttl;
  }
  if (!options.content_type.empty()) {
    settings.properties.content_type = options.content_type;
  }
  for (const std::string& property : options.properties) {
    const std::size_t equals = property.find('=');
    const std::string name = property.substr(0, equals);
    if (equals == std::string::npos || name.empty() || name.starts_with("kv-")) {
      return Error(ErrorCode::kBadRequest,
                   "--property " + property +
                       ": accepted is NAME=VALUE, where NAME does not begin with kv-");
    }
    settings.properties.user.push_back({name, property.substr(equals + 1)});
  }
  return settings;
}

Selection SelectionOf(const std::string& filter) {
  if (filter.empty() || filter == "#") {
    return {};
  }
  // The levels in front of the first wildcard: what is outside them is not even looked at.
  std::string prefix = filter;
  if (const std::size_t wildcard = filter.find_first_of("+#"); wildcard != std::string::npos) {
    const std::size_t slash = filter.rfind('/', wildcard);
    prefix.resize(slash == std::string::npos ? 0 : slash);
  }
  return {.prefix = std::move(prefix), .filter = filter};
}

Result<Nanoseconds> DurationOf(const std::string& option, const std::string& text, bool zero) {
  if (zero && text == "0") {
    return Nanoseconds{0};
  }
  if (const auto length = ParseDuration(text)) {
    return *length;
  }
  return Error(ErrorCode::kBadRequest,
               option + " " + text + ": accepted are seconds (90) or a number with ms, s, m, h, d");
}

}  // namespace kv::cli
