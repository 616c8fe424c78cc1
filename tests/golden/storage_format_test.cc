// The bytes of the store, format 1. They must never change their meaning: stores that are out
// there hold them. A test that fails here asks for a new version of a record and a reader for the
// old one, not for new bytes in the test.
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "store/change_set.h"
#include "store/codec.h"
#include "store/revisions.h"
#include "tests/golden/hex.h"

namespace kv::store::testing {
namespace {

using kv::testing::FromHex;
using kv::testing::ToHex;

std::string Packed(std::string_view hex) {
  return ToHex(FromHex(hex));
}

// --- keys: a tag, then numbers, the most significant byte first ---

TEST(GoldenKeyTest, OfEveryKindKeepsItsBytes) {
  EXPECT_EQ(ToHex(kAppliedKey), "61");
  EXPECT_EQ(ToHex(BucketKey("config")), Packed("62 636f6e666967"));
  EXPECT_EQ(ToHex(ReservedKey(0x01020304)), Packed("63 01020304"));
  EXPECT_EQ(ToHex(LastRevisionKey(0x01020304)), Packed("64 01020304"));
  // The time's sign bit is flipped.
  EXPECT_EQ(ToHex(DuplicateKey(7, 0x1122334455667788, "id")),
            Packed("65 00000007 9122334455667788 6964"));
  EXPECT_EQ(ToHex(DuplicateKey(7, -2, "")), Packed("65 00000007 7ffffffffffffffe"));
  EXPECT_EQ(ToHex(kLifeKey), "66");
  EXPECT_EQ(ToHex(LeavingKey(0x01020304)), Packed("67 01020304"));
  EXPECT_EQ(ToHex(ForgottenKey(0x01020304)), Packed("68 01020304"));
  EXPECT_EQ(ToHex(StreamKey(0x01020304, 0x1112131415161718)),
            Packed("73 01020304 1112131415161718"));
  EXPECT_EQ(ToHex(EndOfBucket(kStreamTag, 0xFF)), Packed("73 00000100"));
}

TEST(GoldenNumberTest, IsEightBytesTheLeastSignificantFirst) {
  EXPECT_EQ(ToHex(EncodeNumber(0x1112131415161718)), "1817161514131211");
}

TEST(GoldenLifeTest, IsAFlagAndTheKernelsName) {
  EXPECT_EQ(ToHex(EncodeLife({.clean = true, .boot_id = "abc"})), Packed("01 616263"));
  EXPECT_EQ(ToHex(EncodeLife({.clean = false, .boot_id = ""})), "00");
}

TEST(GoldenDuplicateTest, IsTheRevisionAndWhatTheReplySaid) {
  EXPECT_EQ(ToHex(EncodeDuplicate({7, ""})), Packed("0700000000000000"));
  EXPECT_EQ(ToHex(EncodeDuplicate({0, "42"})), Packed("0000000000000000 3432"));
  const std::string bytes = FromHex("0700000000000000 7b7d");
  const auto record = DecodeDuplicate(bytes);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->revision, 7U);
  EXPECT_EQ(record->result, "{}");
}

TEST(GoldenLeavingTest, IsTheFirstRevisionAFlagAndTheName) {
  constexpr std::string_view documented = "0800000000000000 01 636f6e666967";
  EXPECT_EQ(ToHex(EncodeLeaving({8, true, "config"})), Packed(documented));
  EXPECT_EQ(ToHex(EncodeLeaving({8, false, "b"})), Packed("0800000000000000 00 62"));
  const std::string bytes = FromHex(documented);
  const auto record = DecodeLeaving(bytes);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->first, 8U);
  EXPECT_TRUE(record->retained);
  EXPECT_EQ(record->name, "config");
}

// --- entry records ---

// version 1, flags: PUT, QoS 0; time; key "k"; value "v"
constexpr std::string_view kPlainPut = "01 0000 8877665544332211 01 6b 76";

TEST(GoldenEntryTest, OfAPlainPutKeepsItsBytes) {
  const auto entry = DecodeEntry(FromHex(kPlainPut), 9);
  ASSERT_TRUE(entry.ok());
  EXPECT_EQ(*entry, (Entry{.key = "k", .revision = 9, .time = 0x1122334455667788, .value = "v"}));
  std::string record;
  AppendEntry(record, {.key = "k", .time = 0x1122334455667788, .value = "v"});
  EXPECT_EQ(ToHex(record), Packed(kPlainPut));
}

// version 1; flags 0x01f8: QoS 2, expires, reason, format, content type, user properties;
// time -1; expires 2; reason "disconnected"; key "a/b"; format 1; content type "t";
// 2 properties: n=v, n=""; value 00 ff
constexpr std::string_view kFullPut =
    "01 f801 ffffffffffffffff 0200000000000000 03 03 612f62 01 01 74 02 01 6e 01 76 01 6e 00 00ff";

Entry FullPut() {
  return {.key = "a/b",
          .revision = 1,
          .reason = Reason::kDisconnected,
          .qos = 2,
          .time = -1,
          .expires = 2,
          .properties = {.payload_format = std::uint8_t{1},
                         .content_type = "t",
                         .user = {{"n", "v"}, {"n", ""}}},
          .value = std::string("\0\xFF", 2)};
}

TEST(GoldenEntryTest, WithEverythingKeepsItsBytes) {
  const auto entry = DecodeEntry(FromHex(kFullPut), 1);
  ASSERT_TRUE(entry.ok());
  const Entry expected = FullPut();
  EXPECT_EQ(*entry, expected);
  std::string record;
  AppendEntry(record,
              {.key = expected.key,
               .reason = expected.reason,
               .qos = expected.qos,
               .time = expected.time,
               .expires = expected.expires,
               .properties = &expected.properties,
               .value = expected.value});
  EXPECT_EQ(ToHex(record), Packed(kFullPut));
}

// version 1; flags 0x0700: user properties, ephemeral, author; time 1; key "k"; 1 property: n=v;
// client "c1", username "ann"; value "v"
constexpr std::string_view kEphemeralPut =
    "01 0007 0100000000000000 01 6b 01 01 6e 01 76 02 6331 03 616e6e 76";

TEST(GoldenEntryTest, OfAnEphemeralPutWithItsAuthorKeepsItsBytes) {
  const Entry expected{.key = "k",
                       .revision = 3,
                       .time = 1,
                       .ephemeral = true,
                       .author = Author{"c1", "ann"},
                       .properties = {.user = {{"n", "v"}}},
                       .value = "v"};
  const auto entry = DecodeEntry(FromHex(kEphemeralPut), 3);
  ASSERT_TRUE(entry.ok());
  EXPECT_EQ(*entry, expected);
  std::string record;
  AppendEntry(record,
              {.key = "k",
               .time = 1,
               .ephemeral = true,
               .author = &*expected.author,
               .properties = &expected.properties,
               .value = "v"});
  EXPECT_EQ(ToHex(record), Packed(kEphemeralPut));
}

TEST(GoldenEntryTest, OfAMarkerWithAnAnonymousAuthorKeepsItsBytes) {
  const Author author{"c1", ""};
  std::string record;
  AppendEntry(record, {.key = "k", .operation = Operation::kDelete, .time = 1, .author = &author});
  EXPECT_EQ(ToHex(record), Packed("01 0104 0100000000000000 01 6b 02 6331 00"));
  const auto entry = DecodeEntry(record, 1);
  ASSERT_TRUE(entry.ok());
  EXPECT_EQ(entry->author, author);
}

TEST(GoldenEntryTest, OfAFormerRevisionKeepsItsBytes) {
  constexpr std::string_view bytes = "01 0008 0100000000000000 01 6b ac02 76";
  std::string record;
  AppendEntry(record, {.key = "k", .time = 1, .former = 300, .value = "v"});
  EXPECT_EQ(ToHex(record), Packed(bytes));
  const auto head = DecodeEntryHead(record);
  ASSERT_TRUE(head.ok());
  EXPECT_EQ(head->former, 300U);
  EXPECT_EQ(head->key, "k");
  EXPECT_EQ(head->value, "v");
}

TEST(GoldenEntryTest, OfMarkersKeepsItsBytes) {
  std::string deleted;
  AppendEntry(deleted, {.key = "k", .operation = Operation::kDelete, .qos = 1, .time = 1});
  EXPECT_EQ(ToHex(deleted), Packed("01 0500 0100000000000000 01 6b"));
  std::string purged;
  AppendEntry(purged,
              {.key = "k", .operation = Operation::kPurge, .reason = Reason::kExpired, .time = 1});
  EXPECT_EQ(ToHex(purged), Packed("01 2200 0100000000000000 01 01 6b"));
}

TEST(GoldenEntryTest, NumbersOfOperationsAndReasonsStay) {
  EXPECT_EQ(static_cast<int>(Operation::kPut), 0);
  EXPECT_EQ(static_cast<int>(Operation::kDelete), 1);
  EXPECT_EQ(static_cast<int>(Operation::kPurge), 2);
  EXPECT_EQ(static_cast<int>(Reason::kNone), 0);
  EXPECT_EQ(static_cast<int>(Reason::kExpired), 1);
  EXPECT_EQ(static_cast<int>(Reason::kBucketDeleted), 2);
  EXPECT_EQ(static_cast<int>(Reason::kDisconnected), 3);
}

// --- bucket records ---

TEST(GoldenBucketTest, WithDefaultsKeepsItsBytes) {
  const BucketRecord record{.id = 0x01020304, .created = 0x1122334455667788};
  constexpr std::string_view bytes = "01 04030201 8877665544332211 00";
  EXPECT_EQ(ToHex(EncodeBucket(record)), Packed(bytes));
  const auto decoded = DecodeBucket(FromHex(bytes));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->id, 0x01020304U);
  EXPECT_EQ(decoded->created, 0x1122334455667788);
  EXPECT_FALSE(decoded->dropped);
  EXPECT_EQ(decoded->config, BucketConfig());
}

// dropped; history=5 ttl=90s max_value_size=4KiB max_bytes=1GiB max_keys=10 retained=false
// storage=memory marker_ttl=1h audit=true capture=a/# description=d metadata.m=x
constexpr std::string_view kFullBucket =
    "01 01000000 0000000000000000 01"
    " 07 686973746f7279 01 35"
    " 03 74746c 03 393073"
    " 0e 6d61785f76616c75655f73697a65 04 344b6942"
    " 09 6d61785f6279746573 04 31476942"
    " 08 6d61785f6b657973 02 3130"
    " 08 72657461696e6564 05 66616c7365"
    " 07 73746f72616765 06 6d656d6f7279"
    " 0a 6d61726b65725f74746c 02 3168"
    " 05 6175646974 04 74727565"
    " 07 63617074757265 03 612f23"
    " 0b 6465736372697074696f6e 01 64"
    " 0a 6d657461646174612e6d 01 78";

TEST(GoldenBucketTest, WithEveryFieldKeepsItsBytes) {
  BucketRecord record{.id = 1, .dropped = true};
  ASSERT_TRUE(ReadFields(record.config,
                         "history=5 ttl=90s max_value_size=4KiB max_bytes=1GiB max_keys=10 "
                         "retained=false storage=memory marker_ttl=1h audit=true capture=a/# "
                         "description=d metadata.m=x")
                  .ok());
  EXPECT_EQ(ToHex(EncodeBucket(record)), Packed(kFullBucket));
  const auto decoded = DecodeBucket(FromHex(kFullBucket));
  ASSERT_TRUE(decoded.ok());
  EXPECT_TRUE(decoded->dropped);
  EXPECT_EQ(decoded->config, record.config);
}

// --- change sets: what the journal holds until the database has it ---

TEST(GoldenChangeSetTest, KeepsItsBytes) {
  ChangeSet changes;
  changes.Put("k", "v");
  changes.SingleDelete("ab");
  changes.Delete("c");
  changes.DeleteRange("d", "e");
  EXPECT_EQ(ToHex(changes.bytes()), Packed("01 01 6b 01 76  02 02 6162  03 01 63  04 01 64 01 65"));
}

TEST(GoldenChangeSetTest, DeletesAnEntryAsAnyKeyThatWasPutOnce) {
  ChangeSet changes;
  changes.DeleteEntry(0x01020304, 5);
  EXPECT_EQ(ToHex(changes.bytes()), Packed("02 0d 73 01020304 0000000000000005"));
}

TEST(GoldenChangeSetTest, OfAnEntryHasALengthOfFixedWidth) {
  ChangeSet changes;
  changes.PutEntry(0x01020304, 5, {.key = "k", .time = 0x1122334455667788, .value = "v"});
  EXPECT_EQ(ToHex(changes.bytes()), Packed("01 0d 73 01020304 0000000000000005 8e80808000") + Packed(kPlainPut));
}

// --- promises that are numbers on disk ---

TEST(GoldenRevisionsTest, ReservesBlocksOfThisSize) {
  EXPECT_EQ(Revisions::kBlock, 16384U);
}

}  // namespace
}  // namespace kv::store::testing
