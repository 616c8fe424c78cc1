#include "wire/bucket_json.h"

#include <nlohmann/json.hpp>

#include "kv/units.h"
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

std::string KeysJson(const std::vector<std::string>& keys) { return Dump(Json(keys)); }

std::string ArrayJson(const std::vector<std::string>& infos) {
  std::string text = "[";
  for (const auto& info : infos) {
    text += (text.size() > 1 ? "," : "") + info;
  }
  return text + "]";
}

}  // namespace kv::wire
