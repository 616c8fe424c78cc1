// What the plugin reads of the broker's own configuration: no call of the plugin API tells it.
// Source: Mosquitto 2.0.11, src/conf.c, and mosquitto.conf(5).
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace kv::plugin {

// Where the broker that was started with this command line keeps its mosquitto.db; nothing if
// `persistence` is off or there is no telling.
std::optional<std::string> FindBrokerSnapshot(const std::vector<std::string>& command_line);

// Of this process.
std::vector<std::string> CommandLine();

}  // namespace kv::plugin
