// mosquitto.conf.example tells of every option what the option table tells.
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "plugin/options.h"

namespace kv::plugin::testing {
namespace {

constexpr std::string_view kOption = "plugin_opt_";

struct Line {
  std::string comment;  // the comment lines above it, joined by blanks
  std::string value;
  bool active = false;  // not commented out
};

// `plugin_opt_name value`, perhaps behind a `#`; false for any other line.
bool ParseOptionLine(const std::string& line, std::string& name, Line& parsed) {
  const std::size_t start = line.find_first_not_of('#');
  if (start == std::string::npos || line.compare(start, kOption.size(), kOption) != 0) {
    return false;
  }
  const std::string rest = line.substr(start + kOption.size());
  const std::size_t blank = rest.find(' ');
  name = rest.substr(0, blank);
  parsed.value = blank == std::string::npos ? "" : rest.substr(blank + 1);
  parsed.active = start == 0;
  return true;
}

std::vector<std::pair<std::string, Line>> OptionLines() {
  std::ifstream file(KV_SOURCE_DIRECTORY "/mosquitto.conf.example");
  EXPECT_TRUE(file.is_open());
  std::vector<std::pair<std::string, Line>> lines;
  std::string comment;
  std::string text;
  while (std::getline(file, text)) {
    std::string name;
    Line line;
    if (ParseOptionLine(text, name, line)) {
      line.comment = comment;
      lines.emplace_back(name, line);
    } else if (text.rfind("# ", 0) == 0) {
      comment += (comment.empty() ? "" : " ") + text.substr(2);
    } else {
      comment.clear();
    }
  }
  return lines;
}

std::map<std::string, Line> OptionsOfTheTable() {
  std::map<std::string, Line> lines;
  for (const auto& [name, line] : OptionLines()) {
    const bool of_a_bucket = name.rfind("bucket_", 0) == 0 && name != "bucket_defaults";
    if (!of_a_bucket) {
      EXPECT_TRUE(lines.emplace(name, line).second) << name << " stands there twice";
    }
  }
  return lines;
}

TEST(ConfExampleTest, HasTheOptionsOfTheTableAndNoOther) {
  auto lines = OptionsOfTheTable();
  for (const auto& row : OptionTable()) {
    EXPECT_EQ(lines.erase(std::string(row.name)), 1U) << row.name << " is missing";
  }
  for (const auto& [name, line] : lines) {
    ADD_FAILURE() << name << " is not an option";
  }
}

TEST(ConfExampleTest, HasTheTablesDefaults) {
  const auto lines = OptionsOfTheTable();
  for (const auto& row : OptionTable()) {
    const auto line = lines.find(std::string(row.name));
    if (line == lines.end() || row.default_value.empty()) {
      continue;
    }
    EXPECT_EQ(line->second.value, row.default_value) << row.name;
  }
}

TEST(ConfExampleTest, HasTheTablesSentenceAboveEachOption) {
  const auto lines = OptionsOfTheTable();
  for (const auto& row : OptionTable()) {
    const auto line = lines.find(std::string(row.name));
    ASSERT_NE(line, lines.end()) << row.name;
    const bool optional = row.default_value.empty() && row.name != "store_path";
    EXPECT_EQ(line->second.comment, std::string(row.meaning) + (optional ? " (No default.)" : ""))
        << row.name;
  }
}

TEST(ConfExampleTest, HasBucketsThatThePluginWouldTake) {
  OptionList list{{"store_path", "/somewhere"}};
  for (const auto& [name, line] : OptionLines()) {
    if (name.rfind("bucket_", 0) == 0) {
      list.emplace_back(name, line.value);
    }
  }
  EXPECT_GE(list.size(), 4U);  // with bucket_defaults, two examples of buckets
  const auto parsed = ParseOptions(list);
  EXPECT_TRUE(parsed.ok()) << parsed.error().message;
}

}  // namespace
}  // namespace kv::plugin::testing
