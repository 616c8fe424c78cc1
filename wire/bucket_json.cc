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

}  // namespace

std::string InfoJson(const BucketInfo& info) {
  Json json = Json::object();
  json["bucket"] = std::string(info.name);
  VisitBucketFields([&](const BucketField& field) {
    json[std::string(field.name)] = FieldJson(field, info.config);
  });
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
    auto set = name == "metadata" ? SetMetadata(config, value) : SetFromJson(config, name, value);
    if (!set) {
      return set;
    }
  }
  return Ok{};
}

std::string KeysJson(const std::vector<std::string>& keys) { return Dump(Json(keys)); }

std::string ArrayJson(const std::vector<std::string>& infos) {
  std::string text = "[";
  for (const auto& info : infos) {
    text += (text.size() > 1 ? "," : "") + info;
  }
  return text + "]";
}

}  // namespace kv::wire
