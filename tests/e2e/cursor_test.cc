// kv-cursor: good for its own request, whatever happened since.
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "tests/e2e/kv_broker.h"
#include "tests/e2e/paging.h"

namespace kv::testing {
namespace {

class Cursor : public Paging {};

TEST_F(Cursor, ACursorIsGoodForItsOwnRequestOnly) {
  ASSERT_NO_FATAL_FAILURE(Start({.plugin = {{"bucket_c", "history=64"}}}));
  ASSERT_NO_FATAL_FAILURE(WriteKeys(0, 10));
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(client().Publish("kv/c/" + KeyOf(static_cast<std::size_t>(i)), "v"));
  }
  const auto first = [&](const std::string& topic, Properties options) {
    const auto page = client().Request(topic, {}, options.User("kv-limit", "2"));
    return page.empty() ? "" : page.back().Property("kv-cursor").value_or("");
  };
  const auto status = [&](const std::string& topic, Properties options, const std::string& cursor) {
    return ToAnswer(client().Request(topic, {}, options.User("kv-cursor", cursor))).status;
  };
  const Properties none;
  const auto filter = Properties().User("kv-filter", "area/#");
  const std::string entries = first("$KV/b/entries", none);
  const std::string history = first("$KV/b/history", none);
  const std::string keys = first("$KV/b/keys", none);
  const std::string of_prefix = first("$KV/b/entries/area", none);
  const std::string of_filter = first("$KV/b/entries", filter);
  const std::string buckets = first("$KV/buckets", Properties());
  for (const std::string& cursor : {entries, history, keys, of_prefix, of_filter}) {
    ASSERT_NE(cursor, "");
  }
  EXPECT_EQ(status("$KV/b/entries", none, entries), "end");
  EXPECT_EQ(status("$KV/b/entries", none, entries), "end") << "as often as one likes";
  EXPECT_EQ(status("$KV/b/entries", Properties().User("kv-limit", "3"), entries), "end");
  EXPECT_EQ(status("$KV/b/history", none, history), "end");
  EXPECT_EQ(status("$KV/b/keys", none, keys), "ok");
  EXPECT_EQ(status("$KV/b/entries/area", none, of_prefix), "end");
  EXPECT_EQ(status("$KV/b/entries", filter, of_filter), "end");

  EXPECT_EQ(status("$KV/c/entries", none, entries), "bad-request") << "bucket";
  EXPECT_EQ(status("$KV/b/history", none, entries), "bad-request") << "verb";
  EXPECT_EQ(status("$KV/b/entries", none, history), "bad-request") << "verb";
  EXPECT_EQ(status("$KV/b/entries", none, keys), "bad-request") << "verb";
  EXPECT_EQ(status("$KV/b/keys", none, entries), "bad-request") << "verb";
  EXPECT_EQ(status("$KV/buckets", none, keys), "bad-request") << "verb";
  EXPECT_EQ(status("$KV/b/entries/area", none, entries), "bad-request") << "prefix";
  EXPECT_EQ(status("$KV/b/entries", none, of_prefix), "bad-request") << "prefix";
  EXPECT_EQ(status("$KV/b/entries", filter, entries), "bad-request") << "filter";
  EXPECT_EQ(status("$KV/b/entries", none, of_filter), "bad-request") << "filter";
  for (std::size_t i = 0; i < entries.size(); ++i) {
    std::string damaged = entries;
    damaged[i] = damaged[i] == 'A' ? 'B' : 'A';
    EXPECT_EQ(status("$KV/b/entries", none, damaged), "bad-request") << "damaged at " << i;
  }
  EXPECT_EQ(status("$KV/b/entries", none, entries.substr(0, entries.size() - 2)), "bad-request");
}

TEST_F(Cursor, ACursorNeedsNoStateInTheBroker) {
  ASSERT_NO_FATAL_FAILURE(Start());
  ASSERT_NO_FATAL_FAILURE(WriteKeys(0, 300));
  std::set<std::string> keys;
  for (const auto& page : Pages("$KV/b/entries", {}, [&](std::size_t) {
         const auto started = broker().Restart();
         ASSERT_TRUE(started) << started.log;
         ASSERT_NO_FATAL_FAILURE(Reconnect());
       })) {
    for (std::size_t i = 0; i + 1 < page.size(); ++i) {
      EXPECT_TRUE(keys.insert(page[i].Property("kv-key").value_or("")).second);
    }
  }
  EXPECT_EQ(keys.size(), 300U);
}

}  // namespace
}  // namespace kv::testing
