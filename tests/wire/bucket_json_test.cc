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

TEST(BucketJsonTest, InfoIsReadAsItWasWritten) {
  for (const char* line : {"",
                           "history=64 ttl=36h max_value_size=65536 max_bytes=1000 max_keys=9 "
                           "retained=false storage=memory marker_ttl=1500ms audit=true "
                           "capture=zigbee2mqtt/# description=\"two words\" metadata.owner=ann"}) {
    const BucketConfig config = ConfigOf(line);
    const auto info = ReadInfoJson(Info(config));
    ASSERT_TRUE(info.ok()) << info.error().message;
    EXPECT_EQ(*info,
              (kv::BucketInfo{.name = "b",
                              .config = config,
                              .created = 1,
                              .keys = 2,
                              .entries = 3,
                              .bytes = 4,
                              .last_revision = 5}));
  }
}

TEST(BucketJsonTest, InfoOfALaterVersionIsReadAsFarAsItIsKnown) {
  const auto info = ReadInfoJson(R"({"bucket":"b","history":3,"colour":"red","keys":1})");
  ASSERT_TRUE(info.ok()) << info.error().message;
  EXPECT_EQ(info->config.history, 3U);
  EXPECT_EQ(info->keys, 1U);
}

TEST(BucketJsonTest, WhatIsNoInfoIsABadReply) {
  for (const char* text : {"", "[]", "{}", R"({"bucket":7})", R"({"bucket":"b","history":65})"}) {
    const auto info = ReadInfoJson(text);
    ASSERT_FALSE(info.ok()) << text;
    EXPECT_EQ(info.error().code, ErrorCode::kBadReply);
  }
  EXPECT_FALSE(ReadInfosJson("[{}]").ok());
  EXPECT_FALSE(ReadKeysJson("[1]").ok());
  EXPECT_FALSE(ReadKeysJson("{}").ok());
}

TEST(BucketJsonTest, WholeConfigurationReplacesAnyOther) {
  const BucketConfig config = ConfigOf("history=3 ttl=90 metadata.a=1");
  BucketConfig other = ConfigOf("max_keys=7 audit=true description=x metadata.b=2");
  ASSERT_TRUE(ReadConfigJson(other, ConfigJson(config)).ok());
  EXPECT_EQ(other, config);
}

TEST(BucketJsonTest, FieldsChangeNothingElse) {
  BucketConfig config = ConfigOf("history=3 ttl=90 metadata.a=1 metadata.b=2");
  ASSERT_TRUE(ReadConfigJson(config,
                             FieldsJson({{"ttl", std::nullopt},
                                         {"max_keys", "5"},
                                         {"metadata.b", std::nullopt},
                                         {"metadata.c", "3"}}))
                  .ok());
  EXPECT_EQ(config, ConfigOf("history=3 max_keys=5 metadata.a=1 metadata.c=3"));
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

TEST(KeysJsonTest, IsReadAsItWasWritten) {
  const std::vector<std::string> keys{"b", "a/c", "say \"hi\"", "\xE6\xB8\xA9"};
  const auto read = ReadKeysJson(KeysJson(keys));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, keys);
}

TEST(ArrayJsonTest, JoinsTexts) {
  EXPECT_EQ(ArrayJson({}), "[]");
  EXPECT_EQ(ArrayJson({"{}"}), "[{}]");
  EXPECT_EQ(ArrayJson({R"({"a":1})", "2", "null"}), R"([{"a":1},2,null])");
}

}  // namespace
}  // namespace kv::wire::testing
