#include "kv/bucket_config.h"

#include <algorithm>
#include <array>
#include <set>

#include "kv/names.h"
#include "kv/units.h"

namespace kv {
namespace {

using Text = std::optional<std::string_view>;

template <auto Member>
bool SetDuration(BucketConfig& config, Text text) {
  config.*Member = text ? ParseDuration(*text) : std::nullopt;
  return !text || config.*Member;
}

template <auto Member>
std::optional<std::string> GetDuration(const BucketConfig& config) {
  return config.*Member ? std::optional(FormatDuration(*(config.*Member))) : std::nullopt;
}

template <auto Member>
bool SetSize(BucketConfig& config, Text text) {
  config.*Member = text ? ParseSize(*text) : std::nullopt;
  return !text || (config.*Member && *(config.*Member) > 0);
}

template <auto Member>
std::optional<std::string> GetSize(const BucketConfig& config) {
  return config.*Member ? std::optional(FormatSize(*(config.*Member))) : std::nullopt;
}

template <auto Member, bool kDefault>
bool SetFlag(BucketConfig& config, Text text) {
  const auto flag = text ? ParseBool(*text) : std::optional(kDefault);
  config.*Member = flag.value_or(kDefault);
  return flag.has_value();
}

template <auto Member>
std::optional<std::string> GetFlag(const BucketConfig& config) {
  return config.*Member ? "true" : "false";
}

bool SetHistory(BucketConfig& config, Text text) {
  const auto number = text ? ParseUnsigned(*text) : std::optional<std::uint64_t>(1);
  if (!number || *number < 1 || *number > kMaxHistory) {
    return false;
  }
  config.history = static_cast<std::uint32_t>(*number);
  return true;
}

bool SetMaxKeys(BucketConfig& config, Text text) {
  config.max_keys = text ? ParseUnsigned(*text) : std::nullopt;
  return !text || (config.max_keys && *config.max_keys > 0);
}

bool SetStorage(BucketConfig& config, Text text) {
  const std::string_view word = text.value_or("file");
  config.storage = word == "memory" ? Storage::kMemory : Storage::kFile;
  return word == "memory" || word == "file";
}

bool SetCapture(BucketConfig& config, Text text) {
  config.capture = text ? std::optional<std::string>(*text) : std::nullopt;
  return !text || IsTopicFilter(*text);
}

bool SetDescription(BucketConfig& config, Text text) {
  config.description = text.value_or("");
  return IsUtf8(config.description);
}

bool ClearMetadata(BucketConfig& config, Text text) {
  config.metadata.clear();
  return !text;
}

constexpr std::string_view kDurationForm = "a duration (90, 500ms, 30s, 15m, 12h, 7d)";
constexpr std::string_view kSizeForm = "a size above 0 (bytes, or with KiB, MiB, GiB)";
constexpr std::string_view kFlagForm = "true or false";

const std::array<BucketField, 12> kFields{{
    {"history",
     FieldKind::kNumber,
     "a whole number from 1 to 64",
     [](const BucketConfig& c) { return std::optional(std::to_string(c.history)); },
     SetHistory},
    {"ttl",
     FieldKind::kDuration,
     kDurationForm,
     GetDuration<&BucketConfig::ttl>,
     SetDuration<&BucketConfig::ttl>},
    {"max_value_size",
     FieldKind::kSize,
     kSizeForm,
     GetSize<&BucketConfig::max_value_size>,
     SetSize<&BucketConfig::max_value_size>},
    {"max_bytes",
     FieldKind::kSize,
     kSizeForm,
     GetSize<&BucketConfig::max_bytes>,
     SetSize<&BucketConfig::max_bytes>},
    {"max_keys",
     FieldKind::kNumber,
     "a whole number above 0",
     [](const BucketConfig& c) {
       return c.max_keys ? std::optional(std::to_string(*c.max_keys)) : std::nullopt;
     },
     SetMaxKeys},
    {"retained",
     FieldKind::kFlag,
     kFlagForm,
     GetFlag<&BucketConfig::retained>,
     SetFlag<&BucketConfig::retained, true>},
    {"storage",
     FieldKind::kWord,
     "file or memory",
     [](const BucketConfig& c) {
       return std::optional<std::string>(c.storage == Storage::kMemory ? "memory" : "file");
     },
     SetStorage},
    {"marker_ttl",
     FieldKind::kDuration,
     kDurationForm,
     GetDuration<&BucketConfig::marker_ttl>,
     SetDuration<&BucketConfig::marker_ttl>},
    {"audit",
     FieldKind::kFlag,
     kFlagForm,
     GetFlag<&BucketConfig::audit>,
     SetFlag<&BucketConfig::audit, false>},
    {"capture",
     FieldKind::kText,
     "a topic filter (zigbee2mqtt/#)",
     [](const BucketConfig& c) { return c.capture; },
     SetCapture},
    {"description",
     FieldKind::kText,
     "UTF-8 text",
     [](const BucketConfig& c) { return std::optional(c.description); },
     SetDescription},
    {"metadata",
     FieldKind::kMap,
     "members, as metadata.<name>=<text>",
     [](const BucketConfig&) { return std::optional<std::string>(); },
     ClearMetadata},
}};

constexpr std::string_view kMetadataPrefix = "metadata.";

Error BadField(std::string_view name, std::string_view accepted) {
  return Error(ErrorCode::kBadRequest,
               "bucket field " + std::string(name) + ": accepted is " + std::string(accepted));
}

Error UnknownField(std::string_view name) {
  std::string names;
  for (const auto& field : kFields) {
    names += (names.empty() ? "" : ", ") + std::string(field.name);
  }
  return Error(ErrorCode::kBadRequest,
               "unknown bucket field " + std::string(name) + ": accepted are " + names);
}

std::string_view TrimFront(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t");
  return start == std::string_view::npos ? std::string_view() : text.substr(start);
}

// Cuts `name=value` off the front; the value may stand in double quotes.
bool TakeAssignment(std::string_view& rest, std::string_view& name, std::string_view& value) {
  const std::size_t equals = rest.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return false;
  }
  name = rest.substr(0, equals);
  rest.remove_prefix(equals + 1);
  const bool quoted = !rest.empty() && rest.front() == '"';
  if (quoted) {
    rest.remove_prefix(1);
  }
  const std::size_t end = rest.find_first_of(quoted ? "\"" : " \t");
  if (quoted && end == std::string_view::npos) {
    return false;
  }
  value = rest.substr(0, end);
  rest.remove_prefix(std::min(rest.size(), value.size() + (quoted ? 1 : 0)));
  const bool ended = rest.empty() || rest.front() == ' ' || rest.front() == '\t';
  return ended && name.find_first_of(" \t") == std::string_view::npos;
}

}  // namespace

void VisitBucketFields(const std::function<void(const BucketField&)>& visit) {
  std::for_each(kFields.begin(), kFields.end(), visit);
}

const BucketField* FindBucketField(std::string_view name) {
  const auto* found = std::find_if(
      kFields.begin(), kFields.end(), [name](const auto& field) { return field.name == name; });
  return found == kFields.end() ? nullptr : found;
}

Status SetField(BucketConfig& config, std::string_view name, std::optional<std::string_view> text) {
  if (name.substr(0, kMetadataPrefix.size()) == kMetadataPrefix) {
    const std::string member(name.substr(kMetadataPrefix.size()));
    if (member.empty() || !IsUtf8(member) || (text && !IsUtf8(*text))) {
      return BadField(name, "UTF-8 text under a name that is not empty");
    }
    config.metadata.erase(member);
    if (text) {
      config.metadata.emplace(member, *text);
    }
    return Ok{};
  }
  const BucketField* field = FindBucketField(name);
  if (field == nullptr) {
    return UnknownField(name);
  }
  BucketConfig changed = config;
  if (!field->set(changed, text)) {
    return BadField(name, field->accepted);
  }
  config = std::move(changed);
  return Ok{};
}

void VisitFields(const BucketConfig& config,
                 const std::function<void(const std::string&, const std::string&)>& visit) {
  const BucketConfig defaults;
  for (const auto& field : kFields) {
    const auto text = field.get(config);
    if (text && text != field.get(defaults)) {
      visit(std::string(field.name), *text);
    }
  }
  for (const auto& [name, text] : config.metadata) {
    visit(std::string(kMetadataPrefix) + name, text);
  }
}

Status ReadFields(BucketConfig& config, std::string_view line) {
  std::set<std::string_view> given;
  std::string_view rest = TrimFront(line);
  while (!rest.empty()) {
    std::string_view name;
    std::string_view value;
    if (!TakeAssignment(rest, name, value)) {
      return Error(ErrorCode::kBadRequest,
                   "bucket fields are written name=value, separated by spaces");
    }
    if (auto set = SetField(config, name, value); !set) {
      return set;
    }
    if (!given.insert(name).second) {
      return BadField(name, "one value, not two");
    }
    rest = TrimFront(rest);
  }
  return Ok{};
}

bool IsTopicFilter(std::string_view text) {
  if (text.empty() || text.size() > 65535 || !IsUtf8(text) ||
      text.find('\0') != std::string_view::npos) {
    return false;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool starts = i == 0 || text[i - 1] == '/';
    const bool ends = i + 1 == text.size() || text[i + 1] == '/';
    if (text[i] == '+' && !(starts && ends)) {
      return false;
    }
    if (text[i] == '#' && !(starts && i + 1 == text.size())) {
      return false;
    }
  }
  return true;
}

}  // namespace kv
