#include "tests/docs/places.h"

#include <regex>

#include "tests/e2e/kv_broker.h"

namespace kv::testing {
namespace {

void ReplaceAll(std::string& text, const std::string& what, const std::string& by) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
}

}  // namespace

Places::Places(std::uint16_t port) : port_(std::to_string(port)) {
  const std::filesystem::path backups = directory_.path() / "backups";
  for (const auto& path : {home(), Settings(), Settings() / "conf.d", Data(), backups}) {
    std::filesystem::create_directory(path);
  }
  paths_ = {
      {"/usr/lib/x86_64-linux-gnu/mosquitto_kv.so", PluginPath()},
      {"/var/lib/mosquitto", Data().string()},
      {"/var/backups/mosquitto-kv", backups.string()},
      {"/etc/mosquitto", Settings().string()},
  };
}

void Places::SetLog(const std::filesystem::path& log) {
  paths_.emplace_back("/var/log/mosquitto/mosquitto.log", log.string());
}

std::string Places::ToTest(std::string text) const {
  static const std::regex kPort(R"(\b1883\b)");
  for (const auto& [shown, here] : paths_) {
    ReplaceAll(text, shown, here);
  }
  return std::regex_replace(text, kPort, port_);
}

std::string Places::ToPage(std::string text) const {
  for (const auto& [shown, here] : paths_) {
    ReplaceAll(text, here, shown);
  }
  return text;
}

std::string Places::BrokerConfiguration(const std::string& shown) const {
  static const std::regex kListener(R"((^|\n)listener 1883[^\n]*)");
  static const std::regex kPlugin(R"((^|\n)plugin )");
  std::string text = shown;
  if (!std::regex_search(text, kPlugin) && text.find("plugin_opt_") != std::string::npos) {
    const bool has_store = text.find("plugin_opt_store_path ") != std::string::npos;
    text = std::string("plugin /usr/lib/x86_64-linux-gnu/mosquitto_kv.so\n") +
           (has_store ? "" : "plugin_opt_store_path /var/lib/mosquitto/kv\n") + text;
  }
  return ToTest(std::regex_replace(text, kListener, "$1"));
}

void Places::ForgetBrokers() const {
  std::filesystem::remove_all(Data() / "kv");
  std::filesystem::remove(Data() / "mosquitto.db");
}

void Places::CopySettingsFrom(const Places& other) const {
  std::filesystem::copy(
      other.Settings(),
      Settings(),
      std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing);
}

}  // namespace kv::testing
