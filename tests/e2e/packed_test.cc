// Pages that are one message, through a broker: they say what messages of their own say.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "kv/entry.h"
#include "tests/e2e/kv_broker.h"
#include "tests/e2e/paging.h"
#include "wire/names.h"
#include "wire/packed_entries.h"
#include "wire/received.h"

namespace kv::testing {
namespace {

Properties Packed(Properties options = {}) {
  return options.User("kv-packed", "true").User("kv-limit", "500");
}

// The entry of a message of its own.
Entry EntryOf(const Message& message) {
  kv::Properties all;
  if (const auto format = message.properties.FindNumber(PropertyId::kPayloadFormat)) {
    all.payload_format = static_cast<std::uint8_t>(*format);
  }
  all.content_type = message.properties.FindText(PropertyId::kContentType);
  for (const auto& [name, value] : message.properties.Users()) {
    all.user.push_back({name, value});
  }
  auto entry = wire::ReadEntry(std::move(all), message.payload);
  EXPECT_TRUE(entry.ok()) << entry.error().message;
  return entry ? std::move(*entry) : Entry{};
}

class Packing : public Paging {
 protected:
  // All that a writer can say, and every kind of marker that comes by itself or by a client.
  void WriteMany(std::size_t keys) {
    const auto said =
        Properties().ContentType("text/plain").PayloadFormat(1).User("n", "v").User("n", "ü");
    for (std::size_t i = 0; i < keys; ++i) {
      Properties properties = i % 3 == 0 ? said : Properties();
      if (i % 50 == 7) {
        properties.User("kv-ttl", "1ms");
      }
      Write(KeyOf(i), std::string(1 + i % 300, static_cast<char>('a' + i % 26)), properties);
      if (i % 10 == 1) {
        Write(KeyOf(i), "", Properties().User("kv-op", i % 20 == 1 ? "delete" : "purge"));
      }
    }
    ASSERT_TRUE(client().Ping()) << client().error();
    ASSERT_TRUE(Eventually([&] {
      const auto history = client().History("b", Properties().User("kv-meta-only", "true"));
      return std::count_if(history.begin(), history.end(), [](const Message& entry) {
               return entry.Property("kv-reason") == "expired";
             }) == static_cast<std::ptrdiff_t>(keys / 50);
    }));
  }

  void Write(const std::string& key, const std::string& value, Properties properties) {
    ASSERT_TRUE(client().PublishAsync(
        "kv/b/" + key, value, {.qos = 0, .properties = properties.User("kv-other", "dropped")}));
  }

  std::vector<Entry> BySingleMessages(const std::string& topic, Properties options) {
    std::vector<Entry> entries;
    for (const auto& page : Pages(topic, options.User("kv-limit", "500"))) {
      for (std::size_t i = 0; i + 1 < page.size(); ++i) {
        entries.push_back(EntryOf(page[i]));
      }
    }
    return entries;
  }

  std::vector<Entry> ByPackedPages(const std::string& topic, const Properties& options) {
    std::vector<Entry> all;
    for (const auto& page : Pages(topic, Packed(options))) {
      EXPECT_EQ(page.size(), 1U);
      EXPECT_EQ(page[0].Property("kv-status"), "end");
      EXPECT_EQ(page[0].properties.FindText(PropertyId::kContentType), wire::kPackedEntriesType);
      auto entries = wire::UnpackEntries(page[0].payload);
      EXPECT_TRUE(entries.ok()) << entries.error().message;
      EXPECT_EQ(page[0].Property("kv-count"), std::to_string(entries->size()));
      std::move(entries->begin(), entries->end(), std::back_inserter(all));
    }
    return all;
  }
};

TEST_F(Packing, TenThousandKeysAreTheSamePackedAndUnpacked) {
  constexpr std::size_t key_count = 10'000;
  ASSERT_NO_FATAL_FAILURE(Start({.plugin = {{"bucket_defaults", "audit=true"}}}));
  ASSERT_NO_FATAL_FAILURE(WriteMany(key_count));
  const Properties none;
  const std::vector<std::pair<std::string, Properties>> requests{
      {"$KV/b/entries", none},
      {"$KV/b/history", none},
      {"$KV/b/entries/area", Properties().User("kv-meta-only", "true")},
      {"$KV/b/history/" + KeyOf(1), none},
      {"$KV/b/entries", Properties().User("kv-ignore-deletes", "true")},
      {"$KV/b/history", Properties().User("kv-filter", "+/+/state").User("kv-from-revision", "99")},
  };
  for (const auto& [topic, options] : requests) {
    const auto packed = ByPackedPages(topic, options);
    EXPECT_TRUE(packed == BySingleMessages(topic, options)) << topic;
    EXPECT_GE(packed.size(), topic.find("000001") == std::string::npos ? key_count * 8 / 10 : 1U);
  }
  EXPECT_EQ(ByPackedPages("$KV/b/entries", none).size(), key_count);
}

TEST_F(Packing, PagesThatWereAskedForAtOnceAllFitTheBrokersDefaultQueue) {
  constexpr std::size_t page_count = 200;
  ASSERT_NO_FATAL_FAILURE(Start());
  ASSERT_NO_FATAL_FAILURE(WriteKeys(0, 500));
  // Asked for before anything is read or acknowledged: 100,000 entries.
  KvClient reader(broker().port());
  ASSERT_TRUE(reader.Connect({.automatic_acks = false})) << reader.error();
  for (std::size_t i = 0; i < page_count; ++i) {
    ASSERT_TRUE(
        reader.PublishAsync("$KV/b/entries", "", {.properties = Packed().ResponseTopic("r")}));
  }
  for (std::size_t i = 0; i < page_count; ++i) {
    const auto page = reader.WaitMessage();
    ASSERT_TRUE(page) << reader.error() << " after " << i << " pages";
    ASSERT_TRUE(reader.SendPacket(AckPacket{.packet_id = page->packet_id}));
    const auto entries = wire::UnpackEntries(page->payload);
    ASSERT_TRUE(entries.ok()) << entries.error().message;
    EXPECT_EQ(entries->size(), 500U);
  }
}

// So docs/protocol.md tells clients that state one to leave room.
TEST_F(Packing, APageBeyondTheClientsMaximumPacketSizeIsDroppedAndNothingElse) {
  ASSERT_NO_FATAL_FAILURE(Start());
  ASSERT_NO_FATAL_FAILURE(WriteKeys(0, 500));
  KvClient reader(broker().port());
  const auto size = Properties().Number(PropertyId::kMaximumPacketSize, 10'000);
  ASSERT_TRUE(reader.Connect({.properties = size})) << reader.error();
  ASSERT_TRUE(
      reader.PublishAsync("$KV/b/entries", "", {.properties = Packed().ResponseTopic("r")}));
  const auto page = reader.Request(
      "$KV/b/entries", {}, Properties().User("kv-packed", "true").User("kv-limit", "50"));
  ASSERT_EQ(page.size(), 1U) << reader.error();
  EXPECT_EQ(page[0].Property("kv-count"), "50");
  EXPECT_TRUE(reader.TakeMessages().empty());
}

}  // namespace
}  // namespace kv::testing
