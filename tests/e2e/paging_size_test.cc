// How many bytes one page holds.
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/kv_broker.h"
#include "tests/e2e/paging.h"

namespace kv::testing {
namespace {

constexpr std::size_t kMaxDocument = std::size_t{64} << 10;

TEST_F(Paging, KeysOfAPageAreAtMostSoManyBytesOfJson) {
  constexpr std::size_t key_count = 400;
  ASSERT_NO_FATAL_FAILURE(Start());
  // Quotes and backslashes take twice their room in JSON.
  const std::string quotes(200, '"');
  const std::string backslashes(200, '\\');
  for (std::size_t i = 0; i < key_count; ++i) {
    const std::string key = KeyOf(i) + "/" + (i % 2 == 0 ? quotes : backslashes) + "/ü";
    ASSERT_TRUE(client().PublishAsync("kv/b/" + key, "v", {.qos = 0}));
  }
  std::size_t keys = 0;
  const auto pages = Pages("$KV/b/keys");
  EXPECT_GT(pages.size(), 1U);
  for (const auto& page : pages) {
    EXPECT_LE(page[0].payload.size(), kMaxDocument);
    keys += nlohmann::json::parse(page[0].payload).size();
  }
  EXPECT_EQ(keys, key_count);
}

TEST_F(Paging, BucketsOfAPageAreAtMostSoManyBytesOfJson) {
  NamesAndValues declared;
  for (int i = 10; i < 90; ++i) {
    declared.emplace_back("bucket_n" + std::to_string(i), "description=" + std::string(1000, 'd'));
  }
  ASSERT_NO_FATAL_FAILURE(Start({.plugin = declared}));
  for (const auto& options : {Properties(), Properties().User("kv-limit", "7")}) {
    std::vector<std::string> names;
    for (const auto& page : Pages("$KV/buckets", options)) {
      EXPECT_LE(page[0].payload.size(), kMaxDocument);
      for (const auto& info : nlohmann::json::parse(page[0].payload)) {
        names.push_back(info["bucket"]);
      }
    }
    ASSERT_EQ(names.size(), 81U);
    EXPECT_EQ(names.front(), "b");
    EXPECT_EQ(names.back(), "n89");
    EXPECT_EQ(std::set(names.begin(), names.end()).size(), 81U);
  }
}

TEST_F(Paging, BigValuesMakePagesSmallerThanTheLimit) {
  ASSERT_NO_FATAL_FAILURE(Start());
  const std::string value(std::size_t{1} << 20, 'v');
  for (std::size_t i = 0; i < 24; ++i) {
    ASSERT_TRUE(client().Publish("kv/b/" + KeyOf(i), value));
  }
  std::size_t entries = 0;
  const auto pages = Pages("$KV/b/entries");
  EXPECT_GT(pages.size(), 1U) << "24 MiB at once would hold up the broker";
  for (const auto& page : pages) {
    for (std::size_t i = 0; i + 1 < page.size(); ++i, ++entries) {
      EXPECT_TRUE(page[i].payload == value);
    }
  }
  EXPECT_EQ(entries, 24U);
}

TEST_F(Paging, PropertiesOfEntriesCountLikeTheirValues) {
  ASSERT_NO_FATAL_FAILURE(Start());
  Properties big;
  for (int i = 0; i < 16; ++i) {
    big.User("p", std::string(65'000, 'p'));
  }
  for (std::size_t i = 0; i < 24; ++i) {
    ASSERT_TRUE(client().Publish("kv/b/" + KeyOf(i), "v", {.properties = big}));
  }
  std::size_t entries = 0;
  const auto pages = Pages("$KV/b/entries");
  EXPECT_GT(pages.size(), 1U) << "24 MiB at once would hold up the broker";
  for (const auto& page : pages) {
    entries += page.size() - 1;
  }
  EXPECT_EQ(entries, 24U);
}

}  // namespace
}  // namespace kv::testing
