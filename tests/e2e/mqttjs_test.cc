// Runs mqttjs/test.js, which says itself what it expects.
#include <string>

#include <gtest/gtest.h>

#include "tests/e2e/command.h"
#include "tests/e2e/kv_broker.h"
#include "tests/e2e/node_packages.h"

namespace kv::testing {
namespace {

class MqttJs : public KvBrokerTest {
 protected:
  void RunTestsAt(const std::string& url) {
    const auto directory = NodePackages();
    ASSERT_FALSE(HasFailure()) << "npm ci";
    const std::string output =
        OutputOf("node '" + (directory / "test.js").string() + "' " + url + " 2>&1");
    EXPECT_NE(output.find("passed: 5\n"), std::string::npos) << output;
  }
};

TEST_F(MqttJs, PutsComparesWatchesAndReads) {
  ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"bucket_defaults", "history=5"}}}));
  RunTestsAt("mqtt://127.0.0.1:" + std::to_string(broker().port()));
}

TEST_F(MqttJs, DoesTheSameOverWebsockets) {
  const ReservedPort websockets;
  const std::string port = std::to_string(websockets.number());
  ASSERT_NO_FATAL_FAILURE(StartBroker(
      {.plugin = {{"bucket_defaults", "history=5"}},
       .more_configuration = "listener " + port + " 127.0.0.1\nprotocol websockets\n"}));
  RunTestsAt("ws://127.0.0.1:" + port);
}

}  // namespace
}  // namespace kv::testing
