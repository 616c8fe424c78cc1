#include "plugin/broker_configuration.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string_view>

namespace kv::plugin {
namespace {

namespace fs = std::filesystem;

struct Persistence {
  bool on = false;
  std::string location;
  std::string file = "mosquitto.db";
};

struct Setting {
  std::string name;
  std::string value;
};

// Words are separated by blanks alone, says the broker's own reader; a line may begin with some.
Setting SettingOf(const std::string& line) {
  const std::size_t begin = std::min(line.find_first_not_of(' '), line.size());
  const std::size_t name_end = std::min(line.find_first_of(" \r", begin), line.size());
  const std::size_t start = line.find_first_not_of(' ', name_end);
  const std::size_t end = line.find_last_not_of(" \r");
  const bool has_value = start != std::string::npos && end != std::string::npos && start <= end;
  return {line.substr(begin, name_end - begin),
          has_value ? line.substr(start, end - start + 1) : ""};
}

std::vector<Setting> SettingsOf(const fs::path& path) {
  std::vector<Setting> settings;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line.front() != '#') {
      settings.push_back(SettingOf(line));
    }
  }
  return settings;
}

void Read(const Setting& setting, Persistence& persistence) {
  if (setting.name == "persistence") {
    persistence.on = setting.value == "true" || setting.value == "1";
  } else if (setting.name == "persistence_location") {
    persistence.location = setting.value;
  } else if (setting.name == "persistence_file") {
    persistence.file = setting.value;
  }
}

// The files of an include_dir, in the order in which the broker reads them.
std::vector<fs::path> IncludedBy(const std::string& directory) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() == ".conf") {
      files.push_back(at->path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

void ReadDirectory(const std::string& directory, Persistence& persistence) {
  for (const fs::path& file : IncludedBy(directory)) {
    for (const Setting& setting : SettingsOf(file)) {
      Read(setting, persistence);
    }
  }
}

std::optional<std::string> ConfigurationFile(const std::vector<std::string>& command_line) {
  for (std::size_t i = 1; i + 1 < command_line.size(); ++i) {
    if (command_line[i] == "-c" || command_line[i] == "--config-file") {
      return command_line[i + 1];
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> FindBrokerSnapshot(const std::vector<std::string>& command_line) {
  const auto path = ConfigurationFile(command_line);
  if (!path) {
    return std::nullopt;
  }
  Persistence persistence;
  for (const Setting& setting : SettingsOf(*path)) {
    Read(setting, persistence);
    if (setting.name == "include_dir") {
      ReadDirectory(setting.value, persistence);
    }
  }
  if (!persistence.on) {
    return std::nullopt;
  }
  return persistence.location.empty()
             ? persistence.file
             : (fs::path(persistence.location) / persistence.file).string();
}

std::vector<std::string> CommandLine() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> words;
  for (std::string word; std::getline(file, word, '\0');) {
    words.push_back(word);
  }
  return words;
}

}  // namespace kv::plugin
