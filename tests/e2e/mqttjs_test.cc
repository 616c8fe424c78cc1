// Runs mqttjs/test.js, which says itself what it expects.
#include <string>

#include <gtest/gtest.h>

#include "tests/e2e/command.h"
#include "tests/e2e/kv_broker.h"
#include "tests/e2e/node_packages.h"

namespace kv::testing {
namespace {

class MqttJs : public KvBrokerTest {};

TEST_F(MqttJs, PutsComparesWatchesAndReads) {
  const auto directory = NodePackages();
  ASSERT_FALSE(HasFailure()) << "npm ci";
  ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"bucket_defaults", "history=5"}}}));
  const std::string output = OutputOf("node '" + (directory / "test.js").string() + "' " +
                                      std::to_string(broker().port()) + " 2>&1");
  EXPECT_NE(output.find("passed: 5\n"), std::string::npos) << output;
}

}  // namespace
}  // namespace kv::testing
