// Topic filters of buckets that capture. Source: MQTT 5, section 4.7.
#include <vector>

#include <gtest/gtest.h>

#include "wire/topics.h"

namespace kv::wire::testing {
namespace {

TEST(TopicFilterTest, MatchesAsTheBrokerDoes) {
  struct Row {
    const char* filter;
    const char* topic;
    bool matches;
  };
  const std::vector<Row> rows = {
      {"a", "a", true},         {"a", "b", false},          {"a", "a/b", false},
      {"a/b", "a", false},      {"a/#", "a", true},         {"a/#", "a/b/c", true},
      {"a/#", "ab", false},     {"#", "a/b", true},         {"#", "$SYS/x", false},
      {"+/x", "$SYS/x", false}, {"$SYS/#", "$SYS/x", true}, {"+", "a", true},
      {"+", "a/b", false},      {"+/+", "/a", true},        {"+/b/#", "a/b", true},
      {"+/b/#", "a/c", false},  {"a/+/c", "a/b/c", true},   {"a/+/c", "a/b/d", false},
      {"a/+", "a/", true},      {"a/+", "a", false},        {"/a", "a", false},
      {"a//c", "a//c", true},   {"a/+/c", "a//c", true},    {"a/+/#", "a", false},
      {"a", "a/", false},       {"a/b", "a/b/", false},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(MatchesFilter(row.filter, row.topic), row.matches) << row.filter << " " << row.topic;
  }
}

TEST(TopicFilterTest, OfOurOwnTopicsIsKnown) {
  const Topics topics("kv");
  for (const char* own : {"kv", "kv/#", "kv/b/k", "$KV", "$KV/#", "kv/+/x"}) {
    EXPECT_TRUE(topics.IsOwnFilter(own)) << own;
  }
  for (const char* other : {"#", "+/x", "kvx/#", "zigbee2mqtt/#", "$SYS/#", "$KVX/#"}) {
    EXPECT_FALSE(topics.IsOwnFilter(other)) << other;
  }
  EXPECT_TRUE(Topics("a/b").IsOwnFilter("a/b/#"));
  EXPECT_FALSE(Topics("a/b").IsOwnFilter("a/#"));
}

}  // namespace
}  // namespace kv::wire::testing
