// Buckets, lists of keys and lists of buckets as JSON.
#include "wire/bucket_json.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace kv::wire::testing {
namespace {

std::string Info(const BucketConfig& config) {
  return InfoJson({.name = "b",
                   .config = config,
                   .created = 1,
                   .keys = 2,
                   .entries = 3,
                   .bytes = 4,
                   .last_revision = 5});
}

BucketConfig ConfigOf(std::string_view line) {
  BucketConfig config;
  const auto read = ReadFields(config, line);
  EXPECT_TRUE(read.ok()) << (read ? "" : read.error().message);
  return config;
}

TEST(BucketJsonTest, OfDefaultsHasEveryFieldAndNullForAbsentLimits) {
  EXPECT_EQ(Info({}),
            R"({"bucket":"b","history":1,"ttl":null,"max_value_size":null,"max_bytes":null,)"
            R"("max_keys":null,"retained":true,"storage":"file","marker_ttl":null,"audit":false,)"
            R"("capture":null,"description":"","metadata":{},)"
            R"("created":"1970-01-01T00:00:00.000000001Z","keys":2,"entries":3,"bytes":4,)"
            R"("last_revision":5})");
}

TEST(BucketJsonTest, PrintsDurationsAndSizesAsTheConfigurationTakesThem) {
  EXPECT_EQ(Info(ConfigOf("history=64 ttl=36h max_value_size=65536 max_bytes=1000 max_keys=9 "
                          "retained=false storage=memory marker_ttl=1500ms audit=true "
                          "capture=zigbee2mqtt/# description=\"two words\" metadata.owner=ann "
                          "metadata.a=1")),
            R"({"bucket":"b","history":64,"ttl":"36h","max_value_size":"64KiB","max_bytes":1000,)"
            R"("max_keys":9,"retained":false,"storage":"memory","marker_ttl":"1500ms",)"
            R"("audit":true,"capture":"zigbee2mqtt/#","description":"two words",)"
            R"("metadata":{"a":"1","owner":"ann"},)"
            R"("created":"1970-01-01T00:00:00.000000001Z","keys":2,"entries":3,"bytes":4,)"
            R"("last_revision":5})");
}

TEST(BucketJsonTest, GivesFieldsThatTheConfigurationReadsBack) {
  const BucketConfig config = ConfigOf(
      "history=3 ttl=90 max_value_size=3KiB max_bytes=5MiB max_keys=7 retained=false "
      "storage=memory marker_ttl=7d audit=true capture=+/x description=\"say hi\"");
  const auto json = nlohmann::json::parse(Info(config));
  BucketConfig back;
  VisitBucketFields([&](const BucketField& field) {
    const auto& value = json.at(std::string(field.name));
    if (field.kind == FieldKind::kMap || value.is_null()) {
      return;
    }
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    EXPECT_TRUE(SetField(back, field.name, text).ok()) << field.name;
  });
  EXPECT_EQ(back, config);
}

TEST(BucketJsonTest, EscapesWhatPeopleWrite) {
  BucketConfig config;
  config.description = "\"\\\n\x01 \xE6\xB8\xA9";
  config.metadata = {{"a\"b", "\t"}};
  const auto json = nlohmann::json::parse(Info(config));
  EXPECT_EQ(json.at("description"), config.description);
  EXPECT_EQ(json.at("metadata").at("a\"b"), "\t");
}

TEST(KeysJsonTest, IsAnArrayInTheGivenOrder) {
  EXPECT_EQ(KeysJson({}), "[]");
  EXPECT_EQ(KeysJson({"b", "a/c", "say \"hi\"", "back\\slash", "\xE6\xB8\xA9"}),
            "[\"b\",\"a/c\",\"say \\\"hi\\\"\",\"back\\\\slash\",\"\xE6\xB8\xA9\"]");
}

TEST(ArrayJsonTest, JoinsTexts) {
  EXPECT_EQ(ArrayJson({}), "[]");
  EXPECT_EQ(ArrayJson({"{}"}), "[{}]");
  EXPECT_EQ(ArrayJson({R"({"a":1})", "2", "null"}), R"([{"a":1},2,null])");
}

}  // namespace
}  // namespace kv::wire::testing
