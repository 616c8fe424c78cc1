// MQTT.js for the tests that run Node.js programs.
#pragma once

#include <filesystem>

namespace kv::testing {

// A copy of mqttjs/ with the packages that its lock file names in node_modules/. Made once for each
// lock file, so that only the first run needs the network; others that want it meanwhile wait.
// Fails the test if it cannot be made.
std::filesystem::path NodePackages();

}  // namespace kv::testing
