// Replies of many messages: page by page, all of it, each thing once.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/plugin/service_test.h"

namespace kv::plugin::testing {
namespace {

using nlohmann::json;
using Options = std::vector<UserProperty>;

class PagingTest : public ServiceTest {
 protected:
  void SetUp() override {
    Declare("b", "history=64");
    ASSERT_NO_FATAL_FAILURE(Start());
    Settle();
  }
  void PutMany(std::size_t count, const std::string& bucket = "b") {
    for (std::size_t i = 0; i < count; ++i) {
      Put("kv/" + bucket + "/" + KeyOf(i), "v" + std::to_string(i));
    }
  }
  static std::string KeyOf(std::size_t i) {
    const std::string digits = std::to_string(i);
    return "k/" + std::string(4 - digits.size(), '0') + digits;
  }
  // All pages of the MQTT 5 reply, as revisions; `sizes` gets the entries of each page.
  std::vector<std::string> RevisionsOf(std::string_view topic,
                                       const Options& options,
                                       std::vector<std::size_t>& sizes) {
    std::vector<std::string> revisions;
    Options asked = options;
    for (;;) {
      const auto page = Ask(topic, asked);
      for (std::size_t i = 0; i + 1 < page.size(); ++i) {
        EXPECT_EQ(ValueOf(page[i], "kv-status"), "entry");
        revisions.push_back(ValueOf(page[i], "kv-revision").value_or("none"));
      }
      const Sent& end = page.back();
      EXPECT_EQ(ValueOf(end, "kv-status"), "end");
      EXPECT_EQ(ValueOf(end, "kv-count"), std::to_string(page.size() - 1));
      sizes.push_back(page.size() - 1);
      const auto cursor = ValueOf(end, "kv-cursor");
      if (!cursor || sizes.size() > 1000) {
        return revisions;
      }
      asked = options;
      asked.push_back({"kv-cursor", *cursor});
    }
  }
  static std::vector<std::string> UpTo(std::size_t count) {
    std::vector<std::string> revisions;
    for (std::size_t i = 1; i <= count; ++i) {
      revisions.push_back(std::to_string(i));
    }
    return revisions;
  }
  std::string CursorOf(std::string_view topic, Options options) {
    options.push_back({"kv-limit", "1"});
    return ValueOf(Ask(topic, options).back(), "kv-cursor").value_or("");
  }
  std::string StatusWith(std::string_view topic, Options options, const std::string& cursor) {
    options.push_back({"kv-cursor", cursor});
    return ValueOf(Ask(topic, options).back(), "kv-status").value_or("none");
  }
};

TEST_F(PagingTest, PageHas100EntriesUnlessALimitIsGiven) {
  PutMany(250);
  for (const auto* const topic : {"$KV/b/entries", "$KV/b/history", "$KV/b/entries/k"}) {
    std::vector<std::size_t> sizes;
    EXPECT_EQ(RevisionsOf(topic, {}, sizes), UpTo(250)) << topic;
    EXPECT_EQ(sizes, (std::vector<std::size_t>{100, 100, 50})) << topic;
  }
}

TEST_F(PagingTest, EveryLimitGivesEveryEntryOnce) {
  PutMany(23);
  for (const auto* const topic : {"$KV/b/entries", "$KV/b/history/k"}) {
    for (const std::size_t limit : {1U, 2U, 7U, 22U, 23U, 24U, 500U}) {
      std::vector<std::size_t> sizes;
      EXPECT_EQ(RevisionsOf(topic, {{"kv-limit", std::to_string(limit)}}, sizes), UpTo(23))
          << limit;
      EXPECT_LE(*std::max_element(sizes.begin(), sizes.end()), limit);
      EXPECT_EQ(sizes.size(), (23 + limit - 1) / limit) << limit;
    }
  }
}

TEST_F(PagingTest, FilterAndPrefixHoldOnEveryPage) {
  PutMany(40);
  Put("kv/b/other", "x");
  std::vector<std::size_t> sizes;
  EXPECT_EQ(RevisionsOf("$KV/b/entries/k", {{"kv-limit", "3"}}, sizes), UpTo(40));
  EXPECT_EQ(RevisionsOf("$KV/b/history", {{"kv-filter", "k/#"}, {"kv-limit", "3"}}, sizes),
            UpTo(40));
  EXPECT_EQ(RevisionsOf("$KV/b/history", {{"kv-filter", "+"}, {"kv-limit", "3"}}, sizes),
            std::vector<std::string>{"41"});
}

TEST_F(PagingTest, WritesBetweenPagesLoseNoKey) {
  PutMany(20);
  std::set<std::string> seen;
  Options options{{"kv-limit", "3"}};
  for (std::size_t page = 0; page < 100; ++page) {
    const auto replies = Ask("$KV/b/entries", options);
    for (std::size_t i = 0; i + 1 < replies.size(); ++i) {
      seen.insert(ValueOf(replies[i], "kv-key").value_or("none"));
    }
    const auto cursor = ValueOf(replies.back(), "kv-cursor");
    if (!cursor) {
      break;
    }
    options = {{"kv-limit", "3"}, {"kv-cursor", *cursor}};
    if (page < 10) {
      Put("kv/b/" + KeyOf(page * 2), "again");
      Put("kv/b/" + KeyOf(page), "");
    }
  }
  EXPECT_EQ(seen.size(), 20U);
}

TEST_F(PagingTest, CursorIsGoodAfterARestart) {
  PutMany(3);
  const std::string cursor = CursorOf("$KV/b/history", {});
  ASSERT_NO_FATAL_FAILURE(Restart());
  const auto page = Ask("$KV/b/history", {{"kv-cursor", cursor}});
  ASSERT_EQ(page.size(), 3U);
  EXPECT_EQ(ValueOf(page[0], "kv-revision"), "2");
}

TEST_F(PagingTest, CursorIsRefusedByAnyOtherRequest) {
  PutMany(3);
  PutMany(3, "other");
  const Options filter{{"kv-filter", "k/+"}};
  const std::string cursor = CursorOf("$KV/b/entries/k", filter);
  ASSERT_NE(cursor, "");
  EXPECT_EQ(StatusWith("$KV/b/entries/k", filter, cursor), "end");
  EXPECT_EQ(StatusWith("$KV/other/entries/k", filter, cursor), "bad-request");
  EXPECT_EQ(StatusWith("$KV/b/history/k", filter, cursor), "bad-request");
  EXPECT_EQ(StatusWith("$KV/b/keys/k", filter, cursor), "bad-request");
  EXPECT_EQ(StatusWith("$KV/b/entries", filter, cursor), "bad-request");
  EXPECT_EQ(StatusWith("$KV/b/entries/k/0001", filter, cursor), "bad-request");
  EXPECT_EQ(StatusWith("$KV/b/entries/k", {}, cursor), "bad-request");
  EXPECT_EQ(StatusWith("$KV/b/entries/k", {{"kv-filter", "k/#"}}, cursor), "bad-request");
  EXPECT_EQ(StatusWith("$KV/buckets", {}, cursor), "bad-request");
  for (const auto* const made_up : {"1", "AAAAAAAAAAAA", "next"}) {
    EXPECT_EQ(StatusWith("$KV/b/entries/k", filter, made_up), "bad-request") << made_up;
    EXPECT_EQ(StatusWith("$KV/b/keys", {}, made_up), "bad-request") << made_up;
    EXPECT_EQ(StatusWith("$KV/buckets", {}, made_up), "bad-request") << made_up;
  }
}

TEST_F(PagingTest, KeysComeInPagesInKeyOrder) {
  PutMany(30);
  Put("kv/b/k!", "between k and k/");
  std::vector<std::string> keys;
  Options options{{"kv-limit", "7"}};
  for (std::size_t page = 0; page < 10; ++page) {
    const auto replies = Ask("$KV/b/keys/k", options);
    ASSERT_EQ(replies.size(), 1U);
    const auto array = json::parse(replies[0].payload);
    EXPECT_EQ(ValueOf(replies[0], "kv-status"), "ok");
    EXPECT_EQ(ValueOf(replies[0], "kv-count"), std::to_string(array.size()));
    for (const auto& key : array) {
      keys.push_back(key);
    }
    const auto cursor = ValueOf(replies[0], "kv-cursor");
    if (!cursor) {
      break;
    }
    options = {{"kv-limit", "7"}, {"kv-cursor", *cursor}};
  }
  std::vector<std::string> expected;
  for (std::size_t i = 0; i < 30; ++i) {
    expected.push_back(KeyOf(i));
  }
  EXPECT_EQ(keys, expected);
}

TEST_F(PagingTest, PageOfKeysHasAtMost64KiB) {
  constexpr std::size_t key_count = 200;
  const std::string long_level(900, '"');  // twice as long in JSON
  for (std::size_t i = 0; i < key_count; ++i) {
    Put("kv/b/" + KeyOf(i) + "/" + long_level, "v");
  }
  std::set<std::string> seen;
  Options options;
  for (std::size_t page = 0; page < key_count; ++page) {
    const auto replies = Ask("$KV/b/keys", options);
    EXPECT_LE(replies.at(0).payload.size(), 64U << 10);
    for (const auto& key : json::parse(replies[0].payload)) {
      EXPECT_TRUE(seen.insert(key).second);
    }
    const auto cursor = ValueOf(replies[0], "kv-cursor");
    if (!cursor) {
      break;
    }
    options = {{"kv-cursor", *cursor}};
  }
  EXPECT_EQ(seen.size(), key_count);
}

TEST_F(PagingTest, BucketsComeInPages) {
  for (const auto* const name : {"e", "a", "d", "c"}) {
    Put("kv/" + std::string(name) + "/k", "v");
  }
  std::string names;
  Options options{{"kv-limit", "2"}};
  for (std::size_t page = 0; page < 5; ++page) {
    const auto replies = Ask("$KV/buckets", options);
    for (const auto& info : json::parse(replies.at(0).payload)) {
      names += info.at("bucket").get<std::string>();
    }
    names += "|";
    const auto cursor = ValueOf(replies[0], "kv-cursor");
    if (!cursor) {
      break;
    }
    options = {{"kv-limit", "2"}, {"kv-cursor", *cursor}};
  }
  EXPECT_EQ(names, "ab|cd|e|");
}

TEST_F(PagingTest, Mqtt3PagesThroughJson) {
  PutMany(25);
  std::vector<Revision> revisions;
  json options{{"limit", 10}};
  for (std::size_t page = 0; page < 5; ++page) {
    const json reply = json::parse(AskV3("$KV/b/entries", options.dump()));
    EXPECT_EQ(reply.at("status"), "end");
    EXPECT_EQ(reply.at("count"), reply.at("entries").size());
    for (const auto& entry : reply.at("entries")) {
      revisions.push_back(entry.at("revision"));
    }
    if (!reply.contains("cursor")) {
      break;
    }
    options["cursor"] = reply.at("cursor");
  }
  ASSERT_EQ(revisions.size(), 25U);
  EXPECT_TRUE(std::is_sorted(revisions.begin(), revisions.end()));
}

TEST_F(PagingTest, Mqtt3PageOfLargeValuesStaysOneMessageOfModestSize) {
  const std::string large(200 << 10, 'x');
  for (std::size_t i = 0; i < 5; ++i) {
    Put("kv/b/" + KeyOf(i), large);
  }
  std::size_t entries = 0;
  json options = json::object();
  for (std::size_t page = 0; page < 5; ++page) {
    const std::string text = AskV3("$KV/b/entries", options.dump());
    EXPECT_LT(text.size(), 500U << 10);
    const json reply = json::parse(text);
    entries += reply.at("entries").size();
    if (!reply.contains("cursor")) {
      break;
    }
    options["cursor"] = reply.at("cursor");
  }
  EXPECT_EQ(entries, 5U);
}

}  // namespace
}  // namespace kv::plugin::testing
