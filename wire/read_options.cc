#include "wire/read_options.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "kv/names.h"
#include "kv/units.h"
#include "wire/json_text.h"
#include "wire/names.h"

namespace kv::wire {
namespace {

struct Option {
  std::string_view name;  // without kv-
  std::string_view accepted;
  bool (*set)(ReadOptions&, std::string_view);
};

template <auto Member>
bool SetNumber(ReadOptions& options, std::string_view text) {
  options.*Member = ParseUnsigned(text);
  return (options.*Member).has_value();
}

template <auto Member>
bool SetFlag(ReadOptions& options, std::string_view text) {
  const auto flag = ParseBool(text);
  options.*Member = flag.value_or(false);
  return flag.has_value();
}

constexpr std::array<Option, 10> kOptions{{
    {"filter",
     "a key in which levels may be + and the last may be #",
     [](ReadOptions& options, std::string_view text) {
       options.filter = text;
       return KeyFilter::Parse(text).ok();
     }},
    {"revision", "a revision: digits", SetNumber<&ReadOptions::revision>},
    {"from-revision", "a revision: digits", SetNumber<&ReadOptions::from_revision>},
    {"limit",
     "a whole number from 1 to 500",
     [](ReadOptions& options, std::string_view text) {
       options.limit = ParseUnsigned(text);
       return options.limit && *options.limit >= 1 && *options.limit <= kMaxLimit;
     }},
    {"cursor",
     "the kv-cursor of an earlier reply",
     [](ReadOptions& options, std::string_view text) {
       options.cursor = text;
       return !text.empty();
     }},
    {"older-than",
     "a duration (90, 500ms, 30s, 15m, 12h, 7d), or 0",
     [](ReadOptions& options, std::string_view text) {
       options.older_than = ParseAge(text);
       return options.older_than.has_value();
     }},
    {"meta-only", "true or false", SetFlag<&ReadOptions::meta_only>},
    {"ignore-deletes", "true or false", SetFlag<&ReadOptions::ignore_deletes>},
    {"include-deleted", "true or false", SetFlag<&ReadOptions::include_deleted>},
    {"packed", "true or false", SetFlag<&ReadOptions::packed>},
}};

const Option* FindOption(std::string_view name) {
  const auto* found = std::find_if(kOptions.begin(), kOptions.end(), [name](const Option& option) {
    return option.name == name;
  });
  return found == kOptions.end() ? nullptr : found;
}

Status Set(ReadOptions& options, const Option& option, std::string_view text) {
  if (option.set(options, text)) {
    return Ok{};
  }
  return Error(ErrorCode::kBadRequest,
               "kv-" + std::string(option.name) + ": accepted is " + std::string(option.accepted));
}

// The text that a property would have; nothing for what no property can say.
std::optional<std::string> TextOf(const nlohmann::json& value) {
  if (value.is_string()) {
    return value.get<std::string>();
  }
  const bool scalar = value.is_number_unsigned() || value.is_boolean();
  return scalar ? std::optional(value.dump()) : std::nullopt;
}

Error UnknownMember() {
  std::string names;
  for (const auto& row : kOptions) {
    names += (names.empty() ? "" : ", ") + std::string(row.name);
  }
  std::replace(names.begin(), names.end(), '-', '_');
  return Error(ErrorCode::kBadRequest, "the payload has an unknown option: accepted are " + names);
}

Status SetMember(ReadOptions& options, std::string name, const nlohmann::json& value) {
  std::replace(name.begin(), name.end(), '_', '-');
  const Option* option = FindOption(name);
  if (option == nullptr) {
    return UnknownMember();
  }
  const auto text = TextOf(value);
  auto set = Set(options, *option, text.value_or(""));
  return set && !text ? Status(Error(ErrorCode::kBadRequest, name + ": not a text, number or flag"))
                      : set;
}

Status SetFromJson(ReadOptions& options, std::string_view payload) {
  if (payload.size() > kMaxOptionsBytes) {
    return Error(ErrorCode::kBadRequest,
                 "the payload is too long: accepted is a JSON object of options of at most " +
                     std::to_string(kMaxOptionsBytes) + " bytes");
  }
  const auto parsed = ParseJson<nlohmann::json>(payload);
  if (!parsed) {
    return parsed.error();
  }
  const nlohmann::json& json = *parsed;
  if (!json.is_object()) {
    return Error(ErrorCode::kBadRequest, "the payload is not a JSON object of options");
  }
  for (const auto& [member, value] : json.items()) {
    if (auto set = SetMember(options, member, value); !set) {
      return set;
    }
  }
  return Ok{};
}

}  // namespace

Result<ReadOptions> ParseReadOptions(const std::vector<UserProperty>& properties,
                                     std::string_view payload) {
  ReadOptions options;
  if (!payload.empty()) {
    if (auto set = SetFromJson(options, payload); !set) {
      return std::move(set).error();
    }
  }
  std::array<bool, kOptions.size()> seen{};
  for (const auto& property : properties) {
    const std::string_view name = std::string_view(property.name).substr(kReservedPrefix.size());
    const Option* option = FindOption(name);
    if (option == nullptr) {
      continue;
    }
    bool& given = seen[static_cast<std::size_t>(option - kOptions.data())];
    if (given) {
      return Error(ErrorCode::kBadRequest, property.name + ": given twice");
    }
    given = true;
    if (auto set = Set(options, *option, property.value); !set) {
      return std::move(set).error();
    }
  }
  return options;
}

}  // namespace kv::wire
