// Pages that are one message: kv-packed.
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/plugin/service_test.h"
#include "wire/names.h"
#include "wire/packed_entries.h"

namespace kv::plugin::testing {
namespace {

using Options = std::vector<UserProperty>;

const UserProperty kAskPacked{"kv-packed", "true"};
constexpr std::size_t kPageBytes = std::size_t{64} << 10;
constexpr std::size_t kMostHeads = std::size_t{500} * 25;

class PackedPagesTest : public ServiceTest {
 protected:
  void SetUp() override {
    Declare("b", "history=64");
    Declare("told", "history=64 audit=true");
    ASSERT_NO_FATAL_FAILURE(Start());
    Settle();
  }
  static std::string KeyOf(std::size_t i) { return "k/" + std::to_string(10'000 + i); }
  void PutMany(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      Put("kv/b/" + KeyOf(i), "v" + std::to_string(i));
    }
  }
  // The one message of a page.
  Sent AskPacked(std::string_view topic, Options options = {}) {
    options.push_back(kAskPacked);
    auto sent = Ask(topic, std::move(options));
    EXPECT_EQ(sent.size(), 1U);
    EXPECT_EQ(ValueOf(sent.at(0), "kv-status"), "end");
    EXPECT_EQ(sent.at(0).content_type, std::string(wire::kPackedEntriesType));
    EXPECT_EQ(sent.at(0).payload_format, std::nullopt) << "it is no text";
    return std::move(sent.at(0));
  }
  static std::vector<Entry> EntriesOf(const Sent& page) {
    auto entries = wire::UnpackEntries(page.payload);
    EXPECT_TRUE(entries.ok());
    EXPECT_EQ(ValueOf(page, "kv-count"), std::to_string(entries->size()));
    return std::move(*entries);
  }
  // All pages of one reply.
  std::vector<Sent> AllPages(std::string_view topic, const Options& options = {}) {
    std::vector<Sent> pages{AskPacked(topic, options)};
    while (const auto cursor = ValueOf(pages.back(), "kv-cursor")) {
      Options asked = options;
      asked.push_back({"kv-cursor", *cursor});
      pages.push_back(AskPacked(topic, asked));
      if (pages.size() > 1000) {
        ADD_FAILURE() << "it does not end";
        break;
      }
    }
    return pages;
  }
};

TEST_F(PackedPagesTest, PageIsItsEndWithTheEntriesAsPayload) {
  Handle({.topic = "kv/b/k", .payload = "on", .qos = 1, .own = {1, "text/plain", {{"n", "v"}}}});
  Put("kv/b/k", "");
  const Sent page = AskPacked("$KV/b/history/k", {{"kv-from-revision", "1"}});
  EXPECT_EQ(TextOf(page.user), "kv-status=end kv-count=2");
  EXPECT_EQ(EntriesOf(page),
            (std::vector<Entry>{
                {.key = "k",
                 .revision = 1,
                 .time = clock_.now,
                 .properties = {1, "text/plain", {{"n", "v"}}},
                 .value = "on"},
                {.key = "k", .revision = 2, .operation = Operation::kDelete, .time = clock_.now}}));
}

TEST_F(PackedPagesTest, PageWithoutEntriesIsAPageToo) {
  const Sent page = AskPacked("$KV/b/entries");
  EXPECT_EQ(TextOf(page.user), "kv-status=end kv-count=0");
  EXPECT_TRUE(EntriesOf(page).empty());
}

TEST_F(PackedPagesTest, LimitCursorAndCompactedAreThoseOfTheEnd) {
  PutMany(250);
  std::vector<std::size_t> sizes;
  for (const Sent& page : AllPages("$KV/b/entries")) {
    sizes.push_back(EntriesOf(page).size());
  }
  EXPECT_EQ(sizes, (std::vector<std::size_t>{100, 100, 50})) << "100 by default";
  EXPECT_EQ(AllPages("$KV/b/history/k", {{"kv-limit", "250"}}).size(), 1U);
  Handle({.topic = "kv/b/" + KeyOf(7), .qos = 1, .options = {{"kv-op", "purge"}}});
  EXPECT_EQ(ValueOf(AskPacked("$KV/b/history", {{"kv-from-revision", "1"}}), "kv-compacted"),
            "true");
}

TEST_F(PackedPagesTest, EveryOtherOptionHolds) {
  PutMany(20);
  Put("kv/b/" + KeyOf(3), "");
  Put("kv/b/other", "x");
  const auto count = [&](std::string_view topic, Options options) {
    return EntriesOf(AskPacked(topic, std::move(options))).size();
  };
  EXPECT_EQ(count("$KV/b/entries", {}), 21U);
  EXPECT_EQ(count("$KV/b/history", {}), 22U);
  EXPECT_EQ(count("$KV/b/entries/k", {}), 20U);
  EXPECT_EQ(count("$KV/b/entries", {{"kv-filter", "+"}}), 1U);
  EXPECT_EQ(count("$KV/b/entries", {{"kv-ignore-deletes", "true"}}), 20U);
  EXPECT_EQ(count("$KV/b/history", {{"kv-from-revision", "21"}}), 2U);
  for (const Entry& entry : EntriesOf(AskPacked("$KV/b/entries", {{"kv-meta-only", "true"}}))) {
    EXPECT_EQ(entry.value, "");
    EXPECT_NE(entry.revision, 0U);
  }
}

TEST_F(PackedPagesTest, FormMayChangeFromPageToPage) {
  PutMany(6);
  const auto packed = AskPacked("$KV/b/entries", {{"kv-limit", "2"}});
  const auto single =
      Ask("$KV/b/entries", {{"kv-limit", "2"}, {"kv-cursor", *ValueOf(packed, "kv-cursor")}});
  ASSERT_EQ(single.size(), 3U);
  EXPECT_EQ(ValueOf(single[0], "kv-revision"), "3");
  const auto last =
      EntriesOf(AskPacked("$KV/b/entries", {{"kv-cursor", *ValueOf(single[2], "kv-cursor")}}));
  ASSERT_EQ(last.size(), 2U);
  EXPECT_EQ(last[0].revision, 5U);
}

TEST_F(PackedPagesTest, PageEndsAfter64KiBWhateverTakesThem) {
  const std::string level(900, 'x');
  const Properties properties{.user = {{"p", level}}};
  for (std::size_t i = 0; i < 300; ++i) {
    const std::string key = KeyOf(i);
    Put("kv/b/value/" + key, level);
    Put("kv/b/key/" + key + "/" + level, "v");
    Handle({.topic = "kv/b/property/" + key, .payload = "v", .qos = 1, .own = properties});
    service_->OnMessage({.id = level, .is_v5 = true},
                        {.topic = "kv/told/client/" + key, .payload = "v", .qos = 1});
  }
  for (const auto* const topic :
       {"$KV/b/entries/value", "$KV/b/entries/key", "$KV/b/history/property", "$KV/told/entries"}) {
    const auto pages = AllPages(topic, {{"kv-limit", "500"}});
    EXPECT_EQ(pages.size(), 5U) << topic;
    for (const Sent& page : pages) {
      EXPECT_LT(page.payload.size(), kPageBytes + 1024 + kMostHeads) << topic;
    }
  }
}

TEST_F(PackedPagesTest, AValueOfAnySizeFits) {
  const std::string large(std::size_t{3} << 20, 'x');
  for (std::size_t i = 0; i < 3; ++i) {
    Put("kv/b/" + KeyOf(2 * i), "small");
    Put("kv/b/" + KeyOf(2 * i + 1), large);
  }
  std::vector<std::size_t> sizes;
  for (const Sent& page : AllPages("$KV/b/entries")) {
    for (const Entry& entry : EntriesOf(page)) {
      sizes.push_back(entry.value.size());
    }
    EXPECT_LT(page.payload.size(), kPageBytes + large.size());
  }
  EXPECT_EQ(sizes, (std::vector<std::size_t>{5, large.size(), 5, large.size(), 5, large.size()}));
}

TEST_F(PackedPagesTest, AskedForInThePayloadItIsTheSame) {
  PutMany(3);
  broker_.Take();
  Handle({.topic = "$KV/b/entries",
          .payload = R"({"packed": true, "limit": 2})",
          .qos = 1,
          .response_topic = "replies"});
  const auto sent = broker_.Take();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(EntriesOf(sent[0]).size(), 2U);
}

TEST_F(PackedPagesTest, OfMqtt3IsABadRequest) {
  PutMany(1);
  const auto reply = nlohmann::json::parse(AskV3("$KV/b/entries", R"({"packed": true})"));
  EXPECT_EQ(reply.at("status"), "bad-request");
  EXPECT_EQ(reply.at("error"),
            "kv-packed: accepted is from MQTT 5; a page for MQTT 3 is one message already");
  EXPECT_EQ(nlohmann::json::parse(AskV3("$KV/b/entries", R"({"packed": false})")).at("count"), 1);
}

TEST_F(PackedPagesTest, RequestsWithoutEntriesPassItOver) {
  PutMany(2);
  const auto keys = Ask("$KV/b/keys", {kAskPacked});
  ASSERT_EQ(keys.size(), 1U);
  EXPECT_EQ(keys[0].content_type, "application/json");
  EXPECT_EQ(Ask("$KV/b/get/" + KeyOf(0), {kAskPacked}).at(0).payload, "v0");
  EXPECT_EQ(ValueOf(Ask("$KV/none/entries", {kAskPacked}).at(0), "kv-status"), "bucket-not-found");
}

}  // namespace
}  // namespace kv::plugin::testing
