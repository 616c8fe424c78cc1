#include "cli/import_state.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "cli/files.h"

namespace kv::cli {

using Json = nlohmann::ordered_json;

Result<std::optional<ImportState>> ReadImportState(const std::string& path) {
  if (access(path.c_str(), F_OK) != 0) {
    return std::optional<ImportState>();
  }
  auto text = ReadAll(path);
  if (!text) {
    return std::move(text).error();
  }
  Json json = Json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json["bucket"].is_string() || !json["id"].is_string() ||
      !json["bytes"].is_number_unsigned() || !json["lines"].is_number_unsigned()) {
    return Error(ErrorCode::kBadRequest, path + ": this is not the state of an import");
  }
  return std::optional(ImportState{
      .bucket = json["bucket"], .id = json["id"], .bytes = json["bytes"], .lines = json["lines"]});
}

Status WriteImportState(const std::string& path, const ImportState& state) {
  const Json json{
      {"bucket", state.bucket}, {"id", state.id}, {"bytes", state.bytes}, {"lines", state.lines}};
  return ReplaceFile(path, json.dump() + "\n");
}

}  // namespace kv::cli
