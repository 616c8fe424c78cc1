// What the built plugin shows to the broker, and to other plugins in the same process.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

namespace kv::plugin::testing {
namespace {

struct PipeCloser {
  void operator()(FILE* pipe) const { pclose(pipe); }
};

std::string OutputOf(const std::string& command) {
  const std::unique_ptr<FILE, PipeCloser> pipe(
      popen(command.c_str(), "r"));  // NOLINT(cert-env33-c)
  std::string output;
  std::array<char, 4096> buffer{};
  while (pipe &&
         std::fgets(buffer.data(), static_cast<int>(buffer.size()), pipe.get()) != nullptr) {
    output += buffer.data();
  }
  return output;
}

TEST(ExportsTest, AreTheThreeEntryPointsAndNothingElse) {
  const char* plugin = std::getenv("MOSQUITTO_KV_PLUGIN");  // NOLINT(concurrency-mt-unsafe)
  ASSERT_NE(plugin, nullptr) << "the environment has no MOSQUITTO_KV_PLUGIN";
  std::istringstream lines(OutputOf("nm -D --defined-only '" + std::string(plugin) + "'"));
  std::set<std::string> symbols;
  std::string address;
  std::string type;
  std::string name;
  while (lines >> address >> type >> name) {
    symbols.insert(name);
  }
  EXPECT_EQ(symbols,
            (std::set<std::string>{
                "mosquitto_plugin_cleanup", "mosquitto_plugin_init", "mosquitto_plugin_version"}));
}

}  // namespace
}  // namespace kv::plugin::testing
