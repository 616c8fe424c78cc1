// A packed page says what messages of their own would, and bytes that are none are refused.
#include "wire/packed_entries.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/golden/hex.h"
#include "tests/wire/random_entries.h"
#include "wire/names.h"
#include "wire/received.h"
#include "wire/reply.h"

namespace kv::wire::testing {
namespace {

using kv::testing::FromHex;

constexpr std::uint64_t kSeed = 20'261'125;

// The entries as a client reads them from messages of their own.
std::vector<Entry> ByMessages(const std::vector<Entry>& entries, bool meta_only) {
  std::vector<Entry> read;
  for (const Entry& entry : entries) {
    const Reply reply = EntryReply(kStatusEntry, entry, meta_only);
    Properties all = reply.own;
    all.user = UserPropertiesOf(reply);
    auto one = ReadEntry(std::move(all), reply.payload);
    EXPECT_TRUE(one.ok()) << one.error().message;
    read.push_back(one ? std::move(*one) : Entry{});
  }
  return read;
}

std::vector<Entry> MustUnpack(std::string_view page) {
  auto entries = UnpackEntries(page);
  EXPECT_TRUE(entries.ok()) << entries.error().message;
  return entries ? std::move(*entries) : std::vector<Entry>();
}

std::string Refusal(std::string_view page) {
  const auto entries = UnpackEntries(page);
  return entries ? "accepted"
                 : std::string(entries.error().token()) + " " + entries.error().message;
}

constexpr std::string_view kNotOfItsForm = "bad-reply an entry of a packed page is not of its form";
constexpr std::string_view kCutOff = "bad-reply a packed page ends within an entry";
constexpr std::string_view kOtherVersion = "bad-reply a packed page is empty or of a newer version";

// A page with one record, from the hex of what follows its length.
std::string PageOf(std::string_view hex) {
  const std::string record = FromHex(hex);
  std::string page = FromHex("01 000000");
  page.push_back(static_cast<char>(record.size()));
  return page + record;
}

TEST(PackedEntriesTest, SayWhatMessagesOfTheirOwnSay) {
  RandomEntries random(kSeed);
  for (int round = 0; round < 300; ++round) {
    std::vector<Entry> entries(random.Number(20));
    for (Entry& entry : entries) {
      entry = random.Next();
    }
    for (const bool meta_only : {false, true}) {
      ASSERT_EQ(MustUnpack(PackEntries(entries, meta_only)), ByMessages(entries, meta_only))
          << "round " << round;
    }
  }
}

TEST(PackedEntriesTest, ADamagedPageIsRefusedOrReadAsAnother) {
  RandomEntries random(kSeed + 1);
  for (int round = 0; round < 2000; ++round) {
    std::string page = PackEntries({random.Next(), random.Next()}, /*meta_only=*/false);
    char& byte = page[random.Number(page.size())];
    byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << random.Number(8)));
    if (const auto read = UnpackEntries(page)) {
      ASSERT_EQ(MustUnpack(PackEntries(*read, /*meta_only=*/false)).size(), read->size());
    }
  }
}

TEST(PackedEntriesTest, APageThatIsCutOffIsRefusedUnlessItEndsWithAnEntry) {
  const Entry entry{.key = "k",
                    .revision = 1,
                    .author = Author{"phone", "ann"},
                    .properties = {1, "text/plain", {{"n", "v"}}},
                    .value = "on"};
  const std::string page = PackEntries({entry, entry}, /*meta_only=*/false);
  const std::size_t one = 1 + (page.size() - 1) / 2;
  for (std::size_t size = 0; size < page.size(); ++size) {
    const std::string_view expected = size == 0 ? kOtherVersion : kCutOff;
    EXPECT_EQ(Refusal(page.substr(0, size)), size == 1 || size == one ? "accepted" : expected)
        << size;
  }
  EXPECT_EQ(Refusal(page + '\0'), kCutOff);
}

TEST(PackedEntriesTest, ARecordThatEndsWithinItsHeadIsRefused) {
  const std::string whole =
      "00 00 0000000000000001 0000000000000002 0f 0001 6b "
      "01 0001 74 00000001 0001 6e 0001 76 0001 63 0001 75";
  const std::string bytes = FromHex(whole);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    std::string page = FromHex("01 000000");
    page.push_back(static_cast<char>(size));
    EXPECT_EQ(Refusal(page + bytes.substr(0, size)), kNotOfItsForm) << size;
  }
  EXPECT_EQ(Refusal(PageOf(whole)), "accepted");
}

TEST(PackedEntriesTest, LengthsAndCountsThatLieAreRefused) {
  const std::string head = "00 00 0000000000000001 0000000000000002 ";
  EXPECT_EQ(Refusal(FromHex("01 ffffffff 00")), kCutOff) << "of a record";
  EXPECT_EQ(Refusal(FromHex("01 00000000")), kNotOfItsForm) << "a record of nothing";
  EXPECT_EQ(Refusal(PageOf(head + "00 ffff 6b")), kNotOfItsForm) << "of the key";
  EXPECT_EQ(Refusal(PageOf(head + "02 0001 6b ffff 74")), kNotOfItsForm) << "of the content type";
  EXPECT_EQ(Refusal(PageOf(head + "04 0001 6b ffffffff 0000 0000")), kNotOfItsForm)
      << "more properties than bytes";
  EXPECT_EQ(Refusal(PageOf(head + "08 0001 6b 0001 63 ffff 75")), kNotOfItsForm) << "of a username";
}

TEST(PackedEntriesTest, WhatThisVersionDoesNotKnowIsRefused) {
  const std::string tail = " 0000000000000001 0000000000000002 ";
  EXPECT_EQ(Refusal(""), kOtherVersion);
  EXPECT_EQ(Refusal(FromHex("00")), kOtherVersion);
  EXPECT_EQ(Refusal(FromHex("02")), kOtherVersion);
  EXPECT_EQ(Refusal(PageOf("03 00" + tail + "00 0001 6b")), kNotOfItsForm) << "an operation";
  EXPECT_EQ(Refusal(PageOf("00 00" + tail + "10 0001 6b")), kNotOfItsForm) << "a flag";
}

TEST(PackedEntriesTest, AReasonThatIsNotKnownSaysNothing) {
  const auto read = MustUnpack(PageOf("02 09 0000000000000001 0000000000000002 00 0001 6b"));
  ASSERT_EQ(read.size(), 1U);
  EXPECT_EQ(read[0].reason, Reason::kNone);
}

TEST(PackedEntriesTest, PropertiesOfTheProtocolAreNotTheWriters) {
  const auto read =
      MustUnpack(PageOf("00 00 0000000000000001 0000000000000002 04 0001 6b "
                        "00000002 0005 6b762d6f70 0001 76 0001 6e 0001 76"));
  ASSERT_EQ(read.size(), 1U);
  EXPECT_EQ(read[0].properties.user, (std::vector<UserProperty>{{"n", "v"}}));
}

}  // namespace
}  // namespace kv::wire::testing
