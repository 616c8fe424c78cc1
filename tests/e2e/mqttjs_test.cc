// Runs mqttjs/test.js, which says itself what it expects.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "tests/e2e/command.h"
#include "tests/e2e/kv_broker.h"

namespace kv::testing {
namespace {

std::string ContentOf(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A copy of mqttjs/ beside the test program, with the packages that its lock file names. Made once
// for each lock file, so that only the first run needs the network.
std::filesystem::path InstalledDirectory() {
  const std::filesystem::path source = KV_MQTTJS_SOURCE;
  const std::filesystem::path directory = KV_MQTTJS_BINARY;
  const auto installed = directory / "installed.json";
  std::filesystem::create_directories(directory);
  for (const char* name : {"package.json", "package-lock.json", "test.js"}) {
    std::filesystem::copy_file(
        source / name, directory / name, std::filesystem::copy_options::overwrite_existing);
  }
  if (ContentOf(installed) != ContentOf(source / "package-lock.json")) {
    OutputOf("cd '" + directory.string() +
             "' && npm ci --omit=optional --ignore-scripts --no-audit --no-fund 2>&1");
    if (!::testing::Test::HasFailure()) {
      std::filesystem::copy_file(source / "package-lock.json",
                                 installed,
                                 std::filesystem::copy_options::overwrite_existing);
    }
  }
  return directory;
}

class MqttJs : public KvBrokerTest {};

TEST_F(MqttJs, PutsComparesWatchesAndReads) {
  const auto directory = InstalledDirectory();
  ASSERT_FALSE(HasFailure()) << "npm ci";
  ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"bucket_defaults", "history=5"}}}));
  const std::string output = OutputOf("node '" + (directory / "test.js").string() + "' " +
                                      std::to_string(broker().port()) + " 2>&1");
  EXPECT_NE(output.find("passed: 5\n"), std::string::npos) << output;
}

}  // namespace
}  // namespace kv::testing
