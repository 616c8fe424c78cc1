// The table of a bucket's fields: read, written, reset, refused.
#include "kv/bucket_config.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "kv/units.h"

namespace kv::testing {
namespace {

using Texts = std::map<std::string, std::string>;

Texts FieldsOf(const BucketConfig& config) {
  Texts texts;
  VisitFields(config,
              [&](const std::string& name, const std::string& text) { texts[name] = text; });
  return texts;
}

BucketConfig EverythingSet() {
  BucketConfig config;
  config.history = 5;
  config.ttl = 90 * kSecond;
  config.max_value_size = 4096;
  config.max_bytes = 1U << 30;
  config.max_keys = 1000;
  config.retained = false;
  config.storage = Storage::kMemory;
  config.marker_ttl = 1500 * kMillisecond;
  config.audit = true;
  config.capture = "zigbee2mqtt/#";
  config.description = "two \"words\"\n";
  config.metadata = {{"owner", "me"}, {"with.dot", ""}};
  return config;
}

Error ErrorOf(std::string_view name, std::optional<std::string_view> text) {
  BucketConfig config = EverythingSet();
  auto set = SetField(config, name, text);
  EXPECT_FALSE(set.ok()) << name;
  EXPECT_EQ(config, EverythingSet()) << "a refused field must change nothing: " << name;
  return set.ok() ? Error(ErrorCode::kUnavailable) : std::move(set).error();
}

TEST(BucketFieldsTest, AreThoseOfTheContractInItsOrder) {
  std::vector<std::string> names;
  VisitBucketFields([&names](const BucketField& field) {
    names.emplace_back(field.name);
    EXPECT_EQ(FindBucketField(field.name), &field);
  });
  EXPECT_EQ(names,
            (std::vector<std::string>{"history",
                                      "ttl",
                                      "max_value_size",
                                      "max_bytes",
                                      "max_keys",
                                      "retained",
                                      "storage",
                                      "marker_ttl",
                                      "audit",
                                      "capture",
                                      "description",
                                      "metadata"}));
  EXPECT_EQ(FindBucketField("histori"), nullptr);
}

TEST(BucketFieldsTest, AreWrittenAsTheyAreRead) {
  const Texts expected{{"history", "5"},
                       {"ttl", "90s"},
                       {"max_value_size", "4KiB"},
                       {"max_bytes", "1GiB"},
                       {"max_keys", "1000"},
                       {"retained", "false"},
                       {"storage", "memory"},
                       {"marker_ttl", "1500ms"},
                       {"audit", "true"},
                       {"capture", "zigbee2mqtt/#"},
                       {"description", "two \"words\"\n"},
                       {"metadata.owner", "me"},
                       {"metadata.with.dot", ""}};
  EXPECT_EQ(FieldsOf(EverythingSet()), expected);
}

TEST(BucketFieldsTest, RebuildTheConfigurationTheyCameFrom) {
  BucketConfig rebuilt;
  for (const auto& [name, text] : FieldsOf(EverythingSet())) {
    EXPECT_TRUE(SetField(rebuilt, name, text).ok()) << name;
  }
  EXPECT_EQ(rebuilt, EverythingSet());
}

TEST(BucketFieldsTest, OfTheDefaultConfigurationAreNotWritten) {
  EXPECT_TRUE(FieldsOf(BucketConfig()).empty());
}

TEST(BucketFieldsTest, AreResetByNothing) {
  BucketConfig config = EverythingSet();
  VisitBucketFields([&config](const BucketField& field) {
    EXPECT_TRUE(SetField(config, field.name, std::nullopt).ok()) << field.name;
  });
  EXPECT_EQ(config, BucketConfig());
}

TEST(BucketFieldsTest, OfMetadataAreSetAndErasedOneByOne) {
  BucketConfig config;
  ASSERT_TRUE(SetField(config, "metadata.a", "1").ok());
  ASSERT_TRUE(SetField(config, "metadata.b", "2").ok());
  ASSERT_TRUE(SetField(config, "metadata.a", "3").ok());
  ASSERT_TRUE(SetField(config, "metadata.b", std::nullopt).ok());
  EXPECT_EQ(config.metadata, (std::map<std::string, std::string>{{"a", "3"}}));
}

struct BadText {
  std::string name;
  std::string text;
};

class BadFieldTest : public ::testing::TestWithParam<BadText> {};

TEST_P(BadFieldTest, IsABadRequestThatNamesTheFieldAndWhatIsAccepted) {
  const auto& [name, text] = GetParam();
  const Error error = ErrorOf(name, text);
  EXPECT_EQ(error.code, ErrorCode::kBadRequest);
  EXPECT_NE(error.message.find(name), std::string::npos) << error.message;
  const BucketField* field = FindBucketField(name);
  const std::string accepted = field != nullptr ? std::string(field->accepted) : "UTF-8";
  EXPECT_NE(error.message.find(accepted), std::string::npos) << error.message;
}

INSTANTIATE_TEST_SUITE_P(EachField,
                         BadFieldTest,
                         ::testing::Values(BadText{"history", "0"},
                                           BadText{"history", "65"},
                                           BadText{"history", ""},
                                           BadText{"history", "4294967297"},
                                           BadText{"history", "-1"},
                                           BadText{"ttl", "0"},
                                           BadText{"ttl", "soon"},
                                           BadText{"ttl", ""},
                                           BadText{"max_value_size", "0"},
                                           BadText{"max_value_size", "1KB"},
                                           BadText{"max_bytes", "0"},
                                           BadText{"max_bytes", "many"},
                                           BadText{"max_keys", "0"},
                                           BadText{"max_keys", "1KiB"},
                                           BadText{"retained", "yes"},
                                           BadText{"retained", ""},
                                           BadText{"storage", "disk"},
                                           BadText{"storage", ""},
                                           BadText{"marker_ttl", "1w"},
                                           BadText{"audit", "1"},
                                           BadText{"capture", ""},
                                           BadText{"capture", "a#"},
                                           BadText{"capture", "a/#/b"},
                                           BadText{"description", "\xFF"},
                                           BadText{"metadata", "x"},
                                           BadText{"metadata.", "x"},
                                           BadText{"metadata.a", "\xC0\x80"}));

TEST(BucketFieldsTest, ThatAreUnknownAreNamedBesideThoseThatAreKnown) {
  const Error error = ErrorOf("histori", "5");
  EXPECT_EQ(error.code, ErrorCode::kBadRequest);
  EXPECT_NE(error.message.find("histori"), std::string::npos) << error.message;
  EXPECT_NE(error.message.find("history, ttl"), std::string::npos) << error.message;
}

TEST(BucketFieldsTest, TakeTheBoundsThemselves) {
  BucketConfig config;
  EXPECT_TRUE(SetField(config, "history", "64").ok());
  EXPECT_EQ(config.history, kMaxHistory);
  EXPECT_TRUE(SetField(config, "history", "1").ok());
  EXPECT_TRUE(SetField(config, "max_keys", "1").ok());
  EXPECT_TRUE(SetField(config, "max_bytes", "1").ok());
}

// --- a line of mosquitto.conf ---

BucketConfig MustRead(std::string_view line) {
  BucketConfig config;
  auto read = ReadFields(config, line);
  EXPECT_TRUE(read.ok()) << (read.ok() ? "" : read.error().message);
  return config;
}

std::string ReadError(std::string_view line) {
  BucketConfig config;
  auto read = ReadFields(config, line);
  EXPECT_FALSE(read.ok()) << line;
  EXPECT_TRUE(read.ok() || read.error().code == ErrorCode::kBadRequest);
  return read.ok() ? "" : read.error().message;
}

TEST(ReadFieldsTest, TakesAssignmentsSeparatedByBlanks) {
  const BucketConfig config = MustRead("  history=5\tttl=24h   max_bytes=1GiB ");
  EXPECT_EQ(config.history, 5U);
  EXPECT_EQ(config.ttl, 86'400 * kSecond);
  EXPECT_EQ(config.max_bytes, 1U << 30);
}

TEST(ReadFieldsTest, TakesAnEmptyLine) {
  EXPECT_EQ(MustRead(""), BucketConfig());
  EXPECT_EQ(MustRead(" \t "), BucketConfig());
}

TEST(ReadFieldsTest, TakesBlanksAndEqualSignsInQuotes) {
  const BucketConfig config =
      MustRead(R"(description="two words = more" metadata.a="" metadata.b=x=y history=2)");
  EXPECT_EQ(config.description, "two words = more");
  EXPECT_EQ(config.metadata, (std::map<std::string, std::string>{{"a", ""}, {"b", "x=y"}}));
  EXPECT_EQ(config.history, 2U);
}

TEST(ReadFieldsTest, ChangesOnlyTheFieldsThatAreGiven) {
  BucketConfig config = EverythingSet();
  ASSERT_TRUE(ReadFields(config, "history=7").ok());
  BucketConfig expected = EverythingSet();
  expected.history = 7;
  EXPECT_EQ(config, expected);
}

TEST(ReadFieldsTest, NamesTheFieldThatIsWrong) {
  EXPECT_NE(ReadError("history=5 ttl=soon").find("ttl"), std::string::npos);
  EXPECT_NE(ReadError("histori=5").find("histori"), std::string::npos);
}

TEST(ReadFieldsTest, RefusesWhatIsNoAssignment) {
  for (const auto* const line : {"history",
                                 "=5",
                                 "history=5 ttl",
                                 "a b=5",
                                 R"(description="open)",
                                 R"(description="a"history=5)"}) {
    EXPECT_NE(ReadError(line), "") << line;
  }
}

TEST(TopicFilterTest, FollowsTheRulesOfMqtt) {
  for (const auto* const filter : {"#", "+", "a", "/", "a//b", "a/+/b", "/+", "a/#", "$SYS/#"}) {
    EXPECT_TRUE(IsTopicFilter(filter)) << filter;
  }
  for (const auto* const filter : {"", "a#", "#/a", "a+", "+a/b", "a/b+", "\xFF", "##"}) {
    EXPECT_FALSE(IsTopicFilter(filter)) << filter;
  }
  EXPECT_FALSE(IsTopicFilter(std::string_view("a\0b", 3)));
  EXPECT_TRUE(IsTopicFilter(std::string(65535, 'x')));
  EXPECT_FALSE(IsTopicFilter(std::string(65536, 'x')));
}

}  // namespace
}  // namespace kv::testing
