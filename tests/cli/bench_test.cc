// bench.
#include <string>

#include <gtest/gtest.h>

#include "tests/cli/cli_fixture.h"

namespace kv::testing {
namespace {

class CliBench : public CliTest {
 protected:
  static constexpr const char* kShort = " --rounds 1 --seconds 0.1 --keys 50 --connections 2";
};

TEST_F(CliBench, MeasuresABucketAgainstPlainRetainedMessages) {
  const auto json = Json(std::string("bench") + kShort);
  for (const char* target : {"plain", "bucket"}) {
    const auto& result = json[target];
    EXPECT_GT(result["messages"], 10) << json;
    EXPECT_GT(result["messages_per_second"], 0) << json;
    EXPECT_LE(result["p50_ms"], result["p95_ms"]) << json;
    EXPECT_LE(result["p95_ms"], result["p99_ms"]) << json;
  }
  const double plain = json["plain"]["messages_per_second"];
  const double bucket = json["bucket"]["messages_per_second"];
  EXPECT_NEAR(json["ratio"], bucket / plain, 0.001);
}

TEST_F(CliBench, LeavesNothingBehind) {
  const std::string table = Run(std::string("bench") + kShort);
  EXPECT_EQ(table.find("plain\t"), 0U) << table;
  EXPECT_NE(table.find("\nbucket\t"), std::string::npos) << table;
  EXPECT_NE(table.find("\nratio\t"), std::string::npos) << table;
  EXPECT_EQ(Run("ls"), "");
  EXPECT_TRUE(RetainedMessages(broker().port(), "#").empty());
}

TEST_F(CliBench, WritesToTheBucketThatIsNamed) {
  Run("bucket add load");
  const auto json = Json(std::string("bench load") + kShort);
  EXPECT_EQ(client().Info("load")["last_revision"], json["bucket"]["messages"]);
}

TEST_F(CliBench, WritesThatAreRefusedAreNoResult) {
  Run("bucket add full --max-keys 1");
  const std::string error = Error(std::string("bench full") + kShort, 5);
  EXPECT_NE(error.find("the bucket took only "), std::string::npos) << error;
}

}  // namespace
}  // namespace kv::testing
