#include "cli/export_format.h"

#include <nlohmann/json.hpp>

#include "wire/bucket_json.h"

namespace kv::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kVersionMember = "mosquitto_kv_export";
constexpr int kVersion = 1;

}  // namespace

std::string HeaderLine(const ExportHeader& header) {
  return Json{{kVersionMember, kVersion},
              {"bucket", header.bucket},
              {"history", header.has_history},
              {"last_revision", header.last_revision},
              {"filter", header.filter},
              {"config", Json::parse(wire::ConfigJson(header.config))}}
      .dump();
}

bool BeginsHeaderLine(std::string_view text) {
  const std::string start = std::string("{\"") + kVersionMember + "\":";
  return text.starts_with(start) || start.starts_with(text);
}

Result<std::optional<ExportHeader>> ReadHeaderLine(std::string_view line) {
  const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains(kVersionMember)) {
    return std::optional<ExportHeader>();
  }
  const auto is_good = [&] {
    return json[kVersionMember] == kVersion && json.contains("bucket") &&
           json["bucket"].is_string() && json.contains("history") && json["history"].is_boolean() &&
           json.contains("last_revision") && json["last_revision"].is_number_unsigned() &&
           json.contains("filter") && json["filter"].is_string() && json.contains("config");
  };
  if (!is_good()) {
    return Error(
        ErrorCode::kBadRequest,
        "line 1: accepted is the header of an export of version " + std::to_string(kVersion));
  }
  ExportHeader header{.bucket = json["bucket"],
                      .has_history = json["history"],
                      .last_revision = json["last_revision"],
                      .filter = json["filter"]};
  if (auto read = wire::ReadConfigJson(header.config, json["config"].dump()); !read) {
    return Error(read.error().code, "line 1: " + read.error().message);
  }
  return std::optional(std::move(header));
}

}  // namespace kv::cli
