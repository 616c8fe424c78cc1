#include "wire/bucket_json.h"

#include <nlohmann/json.hpp>

#include "kv/units.h"
#include "wire/json_text.h"
#include "wire/time_text.h"

namespace kv::wire {
namespace {

using Json = nlohmann::ordered_json;

// Numbers and plain byte counts as numbers, flags as flags, everything else as text.
Json FieldJson(const BucketField& field, const BucketConfig& config) {
  if (field.kind == FieldKind::kMap) {
    Json map = Json::object();
    for (const auto& [name, text] : config.metadata) {
      map[name] = text;
    }
    return map;
  }
  const auto text = field.get(config);
  if (!text) {
    return nullptr;
  }
  if (field.kind == FieldKind::kFlag) {
    return *text == "true";
  }
  if (field.kind == FieldKind::kNumber || field.kind == FieldKind::kSize) {
    if (const auto number = ParseUnsigned(*text)) {
      return *number;
    }
  }
  return *text;
}

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Status SetFromJson(BucketConfig& config, const std::string& name, const Json& value) {
  if (value.is_null()) {
    return SetField(config, name, std::nullopt);
  }
  if (value.is_string()) {
    return SetField(config, name, value.get<std::string>());
  }
  const BucketField* field = FindBucketField(name);
  const bool is_text = field != nullptr && field->kind == FieldKind::kText;
  if (field != nullptr && (is_text || value.is_structured())) {
    return Error(ErrorCode::kBadRequest,
                 "bucket field " + name + ": accepted is " + std::string(field->accepted));
  }
  return SetField(config, name, value.is_structured() ? std::string() : value.dump());
}

Json AllFieldsJson(const BucketConfig& config) {
  Json json = Json::object();
  VisitBucketFields(
      [&](const BucketField& field) { json[std::string(field.name)] = FieldJson(field, config); });
  return json;
}

// The whole map anew.
Status SetMetadata(BucketConfig& config, const Json& value) {
  const Error wrong(ErrorCode::kBadRequest,
                    "bucket field metadata: accepted is an object whose members are texts");
  if (!value.is_object() && !value.is_null()) {
    return wrong;
  }
  config.metadata.clear();
  for (const auto& [name, text] : value.items()) {
    if (!text.is_string()) {
      return wrong;
    }
    if (auto set = SetField(config, "metadata." + name, text.get<std::string>()); !set) {
      return set;
    }
  }
  return Ok{};
}

Status SetMember(BucketConfig& config, const std::string& name, const Json& value) {
  return name == "metadata" ? SetMetadata(config, value) : SetFromJson(config, name, value);
}

std::uint64_t NumberOf(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

std::string TextOf(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Result<kv::BucketInfo> ReadInfo(const Json& json) {
  const Error wrong(ErrorCode::kBadReply, "this is not the JSON of a bucket's info");
  if (!json.is_object() || TextOf(json, "bucket").empty()) {
    return wrong;
  }
  kv::BucketInfo info{.name = TextOf(json, "bucket"),
                      .created = ParseTime(TextOf(json, "created")).value_or(0),
                      .keys = NumberOf(json, "keys"),
                      .entries = NumberOf(json, "entries"),
                      .bytes = NumberOf(json, "bytes"),
                      .last_revision = NumberOf(json, "last_revision")};
  bool good = true;
  VisitBucketFields([&](const BucketField& field) {
    const auto value = json.find(std::string(field.name));
    if (value != json.end()) {
      good = good && SetMember(info.config, std::string(field.name), *value);
    }
  });
  return good ? Result(std::move(info)) : wrong;
}

// `read` for each member of a JSON array.
template <typename T, typename Read>
Result<std::vector<T>> ReadArray(std::string_view text, const Read& read) {
  const auto json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_array()) {
    return Error(ErrorCode::kBadReply, "this is not a JSON array");
  }
  std::vector<T> list;
  list.reserve(json.size());
  for (const Json& item : json) {
    Result<T> one = read(item);
    if (!one) {
      return std::move(one).error();
    }
    list.push_back(std::move(*one));
  }
  return list;
}

}  // namespace

std::string ConfigJson(const BucketConfig& config) {
  return Dump(AllFieldsJson(config));
}

std::string FieldsJson(const std::map<std::string, std::optional<std::string>>& fields) {
  Json json = Json::object();
  for (const auto& [name, text] : fields) {
    json[name] = text ? Json(*text) : Json(nullptr);
  }
  return Dump(json);
}

Result<kv::BucketInfo> ReadInfoJson(std::string_view text) {
  return ReadInfo(Json::parse(text, nullptr, /*allow_exceptions=*/false));
}

Result<std::vector<kv::BucketInfo>> ReadInfosJson(std::string_view text) {
  return ReadArray<kv::BucketInfo>(text, ReadInfo);
}

Result<std::vector<std::string>> ReadKeysJson(std::string_view text) {
  return ReadArray<std::string>(text, [](const Json& key) -> Result<std::string> {
    if (!key.is_string()) {
      return Error(ErrorCode::kBadReply, "a key is not a text");
    }
    return key.get<std::string>();
  });
}

std::string InfoJson(const BucketInfo& info) {
  Json json = Json::object();
  json["bucket"] = std::string(info.name);
  json.update(AllFieldsJson(info.config));
  json["created"] = FormatTime(info.created);
  json["keys"] = info.keys;
  json["entries"] = info.entries;
  json["bytes"] = info.bytes;
  json["last_revision"] = info.last_revision;
  return Dump(json);
}

Status ReadConfigJson(BucketConfig& config, std::string_view payload) {
  if (payload.size() > kMaxConfigBytes) {
    return Error(ErrorCode::kBadRequest,
                 "the payload is too long: accepted is a JSON object of bucket fields of at most " +
                     std::to_string(kMaxConfigBytes) + " bytes");
  }
  const auto parsed = payload.empty() ? Result<Json>(Json::object()) : ParseJson<Json>(payload);
  if (!parsed) {
    return parsed.error();
  }
  const Json& json = *parsed;
  if (!json.is_object()) {
    return Error(ErrorCode::kBadRequest, "the payload is not a JSON object of bucket fields");
  }
  for (const auto& [name, value] : json.items()) {
    if (auto set = SetMember(config, name, value); !set) {
      return set;
    }
  }
  return Ok{};
}

std::string KeysJson(const std::vector<std::string>& keys) {
  return Dump(Json(keys));
}

std::string ArrayJson(const std::vector<std::string>& infos) {
  std::string text = "[";
  for (const auto& info : infos) {
    text += (text.size() > 1 ? "," : "") + info;
  }
  return text + "]";
}

}  // namespace kv::wire
