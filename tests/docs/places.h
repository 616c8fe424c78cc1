// Where the paths and the port that the pages name are in a test.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/broker_process.h"

namespace kv::testing {

class Places {
 public:
  // Makes the directories, empty.
  explicit Places(std::uint16_t port);

  // A command, a file or a configuration as the page shows it, for use here.
  std::string ToTest(std::string text) const;
  // What was printed here, as the page would show it.
  std::string ToPage(std::string text) const;

  // For the configuration of a broker whose listener is given already: without the line for it.
  std::string BrokerConfiguration(const std::string& shown) const;

  // Removes what brokers keep, so that a new one finds nothing.
  void ForgetBrokers() const;
  // Files that an administrator writes.
  void CopySettingsFrom(const Places& other) const;

  // The log of the broker that runs with all this.
  void SetLog(const std::filesystem::path& log);
  // The home and working directory of whoever types the commands.
  std::filesystem::path home() const { return directory_.path() / "home"; }

 private:
  std::filesystem::path Settings() const { return directory_.path() / "etc"; }
  std::filesystem::path Data() const { return directory_.path() / "lib"; }

  TemporaryDirectory directory_;
  std::string port_;
  std::vector<std::pair<std::string, std::string>> paths_;  // on the page, and here
};

}  // namespace kv::testing
