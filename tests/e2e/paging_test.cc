// Replies of many entries.
#include "tests/e2e/paging.h"

#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/kv_broker.h"
#include "tests/e2e/reasons.h"

namespace kv::testing {
namespace {

TEST_F(Paging, APageHoldsAtMostTheLimitAndSaysHowManyItHas) {
  ASSERT_NO_FATAL_FAILURE(Start());
  ASSERT_NO_FATAL_FAILURE(WriteKeys(0, 250));
  for (const std::string verb : {"entries", "history"}) {
    std::vector<std::size_t> sizes;
    for (const auto& page : Pages("$KV/b/" + verb)) {
      EXPECT_EQ(page.back().Property("kv-status"), "end");
      EXPECT_EQ(page.back().Property("kv-count"), std::to_string(page.size() - 1));
      sizes.push_back(page.size() - 1);
    }
    EXPECT_EQ(sizes, (std::vector<std::size_t>{100, 100, 50})) << "100 by default";
    EXPECT_EQ(Pages("$KV/b/" + verb, Properties().User("kv-limit", "1")).size(), 250U);
    EXPECT_EQ(Pages("$KV/b/" + verb, Properties().User("kv-limit", "250")).size(), 1U)
        << "no cursor to an empty page";
  }
  std::vector<std::size_t> counts;
  for (const auto& page : Pages("$KV/b/keys", Properties().User("kv-limit", "120"))) {
    EXPECT_EQ(page.size(), 1U);
    EXPECT_EQ(page[0].Property("kv-status"), "ok");
    counts.push_back(nlohmann::json::parse(page[0].payload).size());
    EXPECT_EQ(page[0].Property("kv-count"), std::to_string(counts.back()));
  }
  EXPECT_EQ(counts, (std::vector<std::size_t>{120, 120, 10}));
}

TEST_F(Paging, AnEmptyBucketIsOneEmptyPage) {
  ASSERT_NO_FATAL_FAILURE(Start());
  for (const std::string verb : {"entries", "history"}) {
    const auto page = client().Request("$KV/b/" + verb);
    ASSERT_EQ(page.size(), 1U);
    EXPECT_EQ(page[0].Property("kv-status"), "end");
    EXPECT_EQ(page[0].Property("kv-count"), "0");
  }
  EXPECT_EQ(ToAnswer(client().Request("$KV/b/keys")).value, "[]");
}

TEST_F(Paging, FiveHundredEntriesComeWithoutLossThroughTheBrokersDefaultQueue) {
  ASSERT_NO_FATAL_FAILURE(Start());
  ASSERT_NO_FATAL_FAILURE(WriteKeys(0, 500));
  // Asked twice before anything is read or acknowledged: 1,002 messages of QoS 1.
  KvClient reader(broker().port());
  ASSERT_TRUE(reader.Connect({.automatic_acks = false})) << reader.error();
  const auto options = Properties().ResponseTopic("r").User("kv-limit", "500");
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(reader.PublishAsync("$KV/b/entries", "", {.properties = options}));
  }
  std::size_t entries = 0;
  for (std::size_t ends = 0; ends < 2;) {
    const auto reply = reader.WaitMessage();
    ASSERT_TRUE(reply) << reader.error() << " after " << entries << " entries";
    ASSERT_TRUE(reader.SendPacket(AckPacket{.packet_id = reply->packet_id}));
    (reply->Property("kv-status") == "end" ? ends : entries) += 1;
  }
  EXPECT_EQ(entries, 1000U);
}

TEST_F(Paging, ASmallReceiveMaximumSlowsAReplyDownAndLosesNothing) {
  ASSERT_NO_FATAL_FAILURE(Start());
  ASSERT_NO_FATAL_FAILURE(WriteKeys(0, 500));
  KvClient reader(broker().port());
  ASSERT_TRUE(reader.Connect({.properties = Properties().ReceiveMaximum(1)})) << reader.error();
  const auto page = reader.Request("$KV/b/history", {}, Properties().User("kv-limit", "500"));
  EXPECT_EQ(page.size(), 501U);
}

TEST_F(Paging, ThousandsOfEntriesComeExactlyOnceWhileAnotherClientWrites) {
  constexpr std::size_t key_count = 4000;
  ASSERT_NO_FATAL_FAILURE(Start());
  ASSERT_NO_FATAL_FAILURE(WriteKeys(0, key_count));
  MqttClient writer(broker().port());
  ASSERT_TRUE(writer.Connect()) << writer.error();
  // New keys in front and behind, new values of keys already read and still to come, deletes.
  const auto disturb = [&](std::size_t page) {
    for (const std::string& key : {"a-new/" + std::to_string(page),
                                   "z-new/" + std::to_string(page),
                                   KeyOf(page),
                                   KeyOf(key_count - page)}) {
      ASSERT_TRUE(writer.Publish("kv/b/" + key, "disturbed"));
    }
    ASSERT_TRUE(writer.Publish("kv/b/z-new/" + std::to_string(page), ""));
  };
  const auto limit = Properties().User("kv-limit", "300");

  std::set<Revision> history;
  Revision last = 0;
  for (const auto& page : Pages("$KV/b/history", limit, disturb)) {
    for (std::size_t i = 0; i + 1 < page.size(); ++i) {
      EXPECT_GT(RevisionOf(page[i]), last) << "in revision order, also across pages";
      last = RevisionOf(page[i]);
      history.insert(last);
    }
  }
  for (Revision revision = 1; revision <= key_count; ++revision) {
    ASSERT_TRUE(history.contains(revision)) << revision << " was there from the start";
  }

  std::map<std::string, Revision> newest;
  last = 0;
  for (const auto& page : Pages("$KV/b/entries", limit, disturb)) {
    for (std::size_t i = 0; i + 1 < page.size(); ++i) {
      EXPECT_GT(RevisionOf(page[i]), last);
      last = RevisionOf(page[i]);
      newest[page[i].Property("kv-key").value_or("")] = last;
    }
  }
  std::set<std::string> keys;
  for (const auto& page : Pages("$KV/b/keys", limit, disturb)) {
    for (const auto& item : nlohmann::json::parse(page[0].payload)) {
      const std::string key = item;
      EXPECT_TRUE(keys.empty() || key > *keys.rbegin()) << "in key order, also across pages";
      keys.insert(key);
    }
  }
  for (std::size_t i = 0; i < key_count; ++i) {
    ASSERT_TRUE(newest.contains(KeyOf(i))) << KeyOf(i);
    ASSERT_TRUE(keys.contains(KeyOf(i))) << KeyOf(i);
  }
}

// The broker's resident memory.
std::size_t ResidentBytes(pid_t broker) {
  std::ifstream file("/proc/" + std::to_string(broker) + "/statm");
  std::size_t all = 0;
  std::size_t resident = 0;
  file >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

TEST_F(Paging, AHundredThousandKeysComeExactlyOnceWhileOthersWrite) {
  constexpr std::size_t key_count = 100'000;
  ASSERT_NO_FATAL_FAILURE(Start());
  ASSERT_NO_FATAL_FAILURE(WriteKeys(0, key_count));
  MqttClient writer(broker().port());
  ASSERT_TRUE(writer.Connect()) << writer.error();
  // One that was read already and one that was not, and a key that comes and goes.
  const auto disturb = [&](std::size_t page) {
    for (const std::string& key : {KeyOf(page), KeyOf(key_count - page)}) {
      ASSERT_TRUE(writer.Publish("kv/b/" + key, "disturbed"));
    }
    ASSERT_TRUE(writer.Publish("kv/b/passing", page % 2 == 0 ? "v" : ""));
  };
  std::size_t count = 0;
  std::string last;
  for (const auto& page : Pages("$KV/b/keys", {}, disturb)) {
    for (const auto& item : nlohmann::json::parse(page[0].payload)) {
      const std::string key = item;
      ASSERT_GT(key, last) << "in key order, so none twice";
      last = key;
      count += key == KeyOf(count) ? 1U : 0U;
    }
  }
  EXPECT_EQ(count, key_count);
}

TEST_F(Paging, ReplyThatIsLeftInTheMiddleKeepsNothingInMemory) {
  constexpr std::size_t key_count = 20'000;
  constexpr std::size_t reply_count = 100;
  ASSERT_NO_FATAL_FAILURE(Start());
  ASSERT_NO_FATAL_FAILURE(WriteKeys(0, key_count));
  ASSERT_TRUE(client().Put("b/last", "v").ok()) << "nothing is left to be written";
  ASSERT_FALSE(client().Request("$KV/b/keys").empty());
  const std::size_t before = ResidentBytes(broker().process().pid());

  for (std::size_t i = 0; i < reply_count; ++i) {
    const auto page = client().Request("$KV/b/keys");
    ASSERT_FALSE(page.empty()) << client().error();
    ASSERT_TRUE(page.back().Property("kv-cursor")) << "there is more";
  }
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they keep what is freed
  const std::size_t keys_of_each = key_count * KeyOf(0).size();
  EXPECT_LT(ResidentBytes(broker().process().pid()), before + reply_count * keys_of_each / 4);
#else
  static_cast<void>(before);
#endif
}

TEST_F(Paging, UndisturbedEveryEntryAndKeyComesExactlyOnce) {
  constexpr std::size_t key_count = 3000;
  ASSERT_NO_FATAL_FAILURE(Start());
  ASSERT_NO_FATAL_FAILURE(WriteKeys(0, key_count));
  ASSERT_NO_FATAL_FAILURE(WriteKeys(1000, 2000));
  ASSERT_TRUE(client().Publish("kv/b/elsewhere", "v"));
  for (const std::string prefix : {"", "/area"}) {
    SCOPED_TRACE(prefix);
    const std::size_t more = prefix.empty() ? 1 : 0;
    EXPECT_EQ(client().History("b" + prefix).size(), key_count + 1000 + more);
    std::set<std::string> keys;
    std::size_t entries = 0;
    for (const auto& page : Pages("$KV/b/entries" + prefix, Properties().User("kv-limit", "499"))) {
      for (std::size_t i = 0; i + 1 < page.size(); ++i, ++entries) {
        keys.insert(page[i].Property("kv-key").value_or(""));
      }
    }
    EXPECT_EQ(entries, key_count + more);
    EXPECT_EQ(keys.size(), key_count + more);
  }
  const auto one = Properties().User("kv-filter", "+/001500/state");
  const auto found = client().History("b", one);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[1].payload, "1500");
}

TEST_F(Paging, AFilterThatMatchesLittleIsFoundThroughPagesWithoutEntries) {
  // More keys than one request may look at.
  constexpr std::size_t key_count = 45'000;
  ASSERT_NO_FATAL_FAILURE(Start());
  ASSERT_NO_FATAL_FAILURE(WriteKeys(0, key_count));
  const auto filter = Properties().User("kv-filter", "+/044999/#");
  for (const std::string verb : {"entries", "history", "keys"}) {
    SCOPED_TRACE(verb);
    std::size_t found = 0;
    const auto pages = Pages("$KV/b/" + verb, filter);
    EXPECT_GT(pages.size(), 1U);
    for (const auto& page : pages) {
      found += verb == "keys" ? nlohmann::json::parse(page[0].payload).size() : page.size() - 1;
    }
    EXPECT_EQ(found, 1U);
  }
}

}  // namespace
}  // namespace kv::testing
