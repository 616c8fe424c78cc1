// The file of default options, as mosquitto_pub and mosquitto_sub have theirs: one option a line,
// `-h broker.example`; empty lines and those that begin with # are passed over.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "kv/result.h"

namespace kv::cli {

// $XDG_CONFIG_HOME/mosquitto_kv, or else ~/.config/mosquitto_kv. Empty: there is no such place.
std::filesystem::path DefaultsPath();

struct DefaultOption {
  std::size_t line;   // from 1
  std::string name;   // -h
  std::string value;  // empty: it has none
};

// Nothing of a file that does not exist. Errors: bad-request, naming file and line.
Result<std::vector<DefaultOption>> ReadDefaults(const std::filesystem::path& path);

}  // namespace kv::cli
