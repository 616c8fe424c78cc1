#include "cli/defaults_file.h"

#include <cstdlib>
#include <fstream>

namespace kv::cli {
namespace {

constexpr const char* kFileName = "mosquitto_kv";

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r";
  const std::size_t start = text.find_first_not_of(blanks);
  return start == std::string_view::npos
             ? std::string_view()
             : text.substr(start, text.find_last_not_of(blanks) - start + 1);
}

}  // namespace

std::filesystem::path DefaultsPath() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
    return std::filesystem::path(value == nullptr ? "" : value);
  };
  if (const auto xdg = variable("XDG_CONFIG_HOME"); !xdg.empty()) {
    return xdg / kFileName;
  }
  const auto home = variable("HOME");
  return home.empty() ? home : home / ".config" / kFileName;
}

Result<std::vector<DefaultOption>> ReadDefaults(const std::filesystem::path& path) {
  std::vector<DefaultOption> options;
  std::ifstream file(path);
  std::size_t number = 0;
  for (std::string text; std::getline(file, text);) {
    ++number;
    const std::string_view line = Trimmed(text);
    if (line.empty() || line.front() == '#') {
      continue;
    }
    const std::size_t end = line.find_first_of(" \t");
    if (line.front() != '-') {
      return Error(ErrorCode::kBadRequest,
                   path.string() + ":" + std::to_string(number) +
                       ": accepted is one option a line, such as: -h broker.example");
    }
    options.push_back(
        {number,
         std::string(line.substr(0, end)),
         std::string(end == std::string_view::npos ? "" : Trimmed(line.substr(end)))});
  }
  return options;
}

}  // namespace kv::cli
