// The bytes of a packed page, version 1. Clients in any language read them: they must never change
// their meaning. What cannot be said in them needs a new version.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/golden/hex.h"
#include "wire/packed_entries.h"

namespace kv::wire::testing {
namespace {

using kv::testing::FromHex;
using kv::testing::ToHex;

constexpr TimePoint kTime = 0x1122334455667788;

std::string Spelled(std::string_view hex) {
  return ToHex(FromHex(hex));
}

TEST(PackedEntriesGoldenTest, AnEmptyPageIsItsVersion) {
  EXPECT_EQ(ToHex(PackEntries({}, false)), "01");
}

TEST(PackedEntriesGoldenTest, APlainValueIsHeadKeyAndValue) {
  const Entry entry{.key = "lamp/1", .revision = 0x0102030405060708, .time = kTime, .value = "on"};
  EXPECT_EQ(ToHex(PackEntries({entry}, false)),
            Spelled("01 0000001d 00 00 0102030405060708 1122334455667788 00"
                    " 0006 6c616d702f31 6f6e"));
  EXPECT_EQ(ToHex(PackEntries({entry}, true)),
            Spelled("01 0000001b 00 00 0102030405060708 1122334455667788 00"
                    " 0006 6c616d702f31"))
      << "meta-only";
}

TEST(PackedEntriesGoldenTest, AMarkerHasItsReason) {
  const std::vector<Entry> markers{{.key = "a",
                                    .revision = 13,
                                    .operation = Operation::kPurge,
                                    .reason = Reason::kExpired,
                                    .time = -1},
                                   {.key = "b",
                                    .revision = 14,
                                    .operation = Operation::kDelete,
                                    .reason = Reason::kDisconnected,
                                    .time = 0}};
  EXPECT_EQ(ToHex(PackEntries(markers, false)),
            Spelled("01 00000016 02 01 000000000000000d ffffffffffffffff 00 0001 61"
                    "   00000016 01 03 000000000000000e 0000000000000000 00 0001 62"));
}

TEST(PackedEntriesGoldenTest, OfAWriterEverythingStandsBetweenKeyAndValue) {
  const Entry entry{.key = "k",
                    .revision = 1,
                    .time = 2,
                    .author = Author{"phone", "ann"},
                    .properties = {1, "text/plain", {{"room", "hall"}, {"room", ""}}},
                    .value = "on"};
  EXPECT_EQ(ToHex(PackEntries({entry}, false)),
            Spelled("01 00000049 00 00 0000000000000001 0000000000000002 0f 0001 6b"
                    " 01 000a 746578742f706c61696e"
                    " 00000002 0004 726f6f6d 0004 68616c6c 0004 726f6f6d 0000"
                    " 0005 70686f6e65 0003 616e6e 6f6e"));
}

}  // namespace
}  // namespace kv::wire::testing
