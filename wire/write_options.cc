#include "wire/write_options.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "kv/units.h"
#include "wire/incoming.h"
#include "wire/names.h"

namespace kv::wire {
namespace {

struct Option {
  std::string_view name;
  std::string_view accepted;
  bool (*set)(WriteOptions&, std::string_view);
};

constexpr std::array<Option, 5> kOptions{{
    {kOp,
     kVerbForm,
     [](WriteOptions& options, std::string_view text) {
       const auto verb = ParseVerb(text);
       options.verb = verb.value_or(WriteVerb::kPut);
       return verb.has_value();
     }},
    {kExpectedRevision,
     "a revision: digits, 0 for a key without an entry",
     [](WriteOptions& options, std::string_view text) {
       options.expected = ParseUnsigned(text);
       return options.expected.has_value();
     }},
    {kTtl,
     "a duration (90, 500ms, 30s, 15m, 12h, 7d)",
     [](WriteOptions& options, std::string_view text) {
       options.ttl = ParseDuration(text);
       return options.ttl.has_value();
     }},
    {kEphemeral,
     "true or false",
     [](WriteOptions& options, std::string_view text) {
       const auto flag = ParseBool(text);
       options.ephemeral = flag.value_or(false);
       return flag.has_value();
     }},
    {kMessageId,
     "1 to 256 bytes",
     [](WriteOptions& options, std::string_view text) {
       options.message_id = text;
       return !text.empty() && text.size() <= kMaxMessageIdBytes;
     }},
}};

}  // namespace

std::optional<WriteVerb> ParseVerb(std::string_view text) {
  struct Name {
    std::string_view text;
    WriteVerb verb;
  };
  // What a reader gets as kv-op can be written back: PUT, DEL and PURGE are words of ours, too.
  static constexpr std::array<Name, 6> kNames{{
      {"put", WriteVerb::kPut},
      {"create", WriteVerb::kCreate},
      {"update", WriteVerb::kUpdate},
      {"delete", WriteVerb::kDelete},
      {"del", WriteVerb::kDelete},
      {"purge", WriteVerb::kPurge},
  }};
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  for (const auto& name : kNames) {
    if (name.text == lower) {
      return name.verb;
    }
  }
  return std::nullopt;
}

bool IsReserved(std::string_view property_name) {
  return property_name.substr(0, kReservedPrefix.size()) == kReservedPrefix;
}

bool IsPublishable(std::string_view topic) {
  return !topic.empty() &&
         std::none_of(topic.begin(), topic.end(), [](char c) { return c == '+' || c == '#'; });
}

Result<WriteOptions> ParseWriteOptions(const std::vector<UserProperty>& options,
                                       bool payload_is_empty,
                                       std::optional<WriteVerb> verb) {
  WriteOptions parsed;
  parsed.verb = verb.value_or(payload_is_empty ? WriteVerb::kDelete : WriteVerb::kPut);
  std::array<bool, kOptions.size()> seen{};
  for (const auto& property : options) {
    const auto* const option =
        std::find_if(kOptions.begin(), kOptions.end(), [&](const Option& each) {
          return each.name == property.name;
        });
    if (option == kOptions.end() || (verb && option->name == kOp)) {
      continue;
    }
    const auto number = static_cast<std::size_t>(option - kOptions.begin());
    if (std::exchange(seen.at(number), true)) {
      return Error(ErrorCode::kBadRequest, property.name + ": given twice");
    }
    if (!option->set(parsed, property.value)) {
      return Error(ErrorCode::kBadRequest,
                   property.name + ": accepted is " + std::string(option->accepted));
    }
  }
  if (parsed.verb == WriteVerb::kUpdate && !parsed.expected) {
    return Error(ErrorCode::kBadRequest, "kv-op update needs kv-expected-revision");
  }
  return parsed;
}

}  // namespace kv::wire
