// The configuration of a bucket, read from JSON.
#include <string>

#include <gtest/gtest.h>

#include "wire/bucket_json.h"

namespace kv::wire::testing {
namespace {

std::string ErrorOf(const std::string& payload) {
  BucketConfig config;
  const auto read = ReadConfigJson(config, payload);
  return read ? "none" : std::string(read.error().token()) + " " + read.error().message;
}

TEST(BucketConfigJsonTest, HasEveryFieldInItsOwnType) {
  BucketConfig config;
  const auto read = ReadConfigJson(
      config,
      R"({"history": 5, "ttl": "24h", "max_value_size": 1024, "max_bytes": "1GiB", "max_keys": 9,)"
      R"( "retained": false, "storage": "memory", "marker_ttl": 90, "audit": true,)"
      R"( "capture": "a/#", "description": "two words", "metadata": {"a": "b", "c": ""}})");
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(config.history, 5U);
  EXPECT_EQ(config.ttl, 86'400 * kSecond);
  EXPECT_EQ(config.max_value_size, 1024U);
  EXPECT_EQ(config.max_bytes, std::uint64_t{1} << 30);
  EXPECT_EQ(config.max_keys, 9U);
  EXPECT_FALSE(config.retained);
  EXPECT_EQ(config.storage, Storage::kMemory);
  EXPECT_EQ(config.marker_ttl, 90 * kSecond);
  EXPECT_TRUE(config.audit);
  EXPECT_EQ(config.capture, "a/#");
  EXPECT_EQ(config.description, "two words");
  EXPECT_EQ(config.metadata, (std::map<std::string, std::string>{{"a", "b"}, {"c", ""}}));
}

TEST(BucketConfigJsonTest, IsWhatInfoPrints) {
  BucketConfig config;
  ASSERT_TRUE(ReadFields(config, "history=7 ttl=36h max_bytes=1000 capture=a/+ metadata.x=y").ok());
  BucketConfig again;
  const std::string info = InfoJson({.name = "b",
                                     .config = config,
                                     .created = 1,
                                     .keys = 0,
                                     .entries = 0,
                                     .bytes = 0,
                                     .last_revision = 0});
  const std::string fields = info.substr(0, info.find(",\"created\"")) + "}";
  const std::string without_name = "{" + fields.substr(fields.find("\"history\""));
  ASSERT_TRUE(ReadConfigJson(again, without_name).ok()) << without_name;
  EXPECT_EQ(again, config);
}

TEST(BucketConfigJsonTest, ChangesTheFieldsGivenAndUnsetsNull) {
  BucketConfig config;
  ASSERT_TRUE(ReadFields(config, "history=7 ttl=1h metadata.x=y").ok());
  ASSERT_TRUE(ReadConfigJson(config, R"({"ttl": null, "max_keys": 3})").ok());
  EXPECT_EQ(config.history, 7U);
  EXPECT_EQ(config.ttl, std::nullopt);
  EXPECT_EQ(config.max_keys, 3U);
  EXPECT_EQ(config.metadata.size(), 1U);
  ASSERT_TRUE(ReadConfigJson(config, R"({"history": null, "metadata": {"z": "1"}})").ok());
  EXPECT_EQ(config.history, 1U);
  EXPECT_EQ(config.metadata, (std::map<std::string, std::string>{{"z", "1"}}));
  ASSERT_TRUE(ReadConfigJson(config, R"({"metadata": null})").ok());
  EXPECT_TRUE(config.metadata.empty());
  ASSERT_TRUE(ReadConfigJson(config, "").ok()) << "nothing to change";
}

TEST(BucketConfigJsonTest, NamesTheFieldThatIsWrong) {
  EXPECT_EQ(ErrorOf(R"({"history": 65})"),
            "bad-request bucket field history: accepted is a whole number from 1 to 64");
  EXPECT_EQ(ErrorOf(R"({"histori": 5})").substr(0, 40), "bad-request unknown bucket field histori");
  for (const char* wrong : {R"({"history": -1})",
                            R"({"history": 1.5})",
                            R"({"history": [1]})",
                            R"({"history": true})",
                            R"({"ttl": 0})",
                            R"({"ttl": "1x"})",
                            R"({"max_keys": 0})",
                            R"({"max_bytes": {}})",
                            R"({"retained": 1})",
                            R"({"storage": "disk"})",
                            R"({"capture": "a#"})",
                            R"({"capture": ""})",
                            R"({"description": 5})",
                            R"({"metadata": 5})",
                            R"({"metadata": {"a": 5}})",
                            R"({"metadata": {"": "x"}})",
                            R"({"bucket": "b"})",
                            "[]",
                            "{",
                            "7",
                            "{\"description\": \"\xFF\"}"}) {
    EXPECT_EQ(ErrorOf(wrong).substr(0, 11), "bad-request") << wrong;
  }
  EXPECT_EQ(ErrorOf(std::string(kMaxConfigBytes + 1, ' ')).substr(0, 11), "bad-request");
}

}  // namespace
}  // namespace kv::wire::testing
