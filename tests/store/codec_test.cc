// Properties of the codec: what is written reads back, keys sort like their numbers, and bytes
// that are damaged are refused without a crash.
#include "store/codec.h"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kv/bytes.h"
#include "tests/store/random_entries.h"

namespace kv::store::testing {
namespace {

constexpr std::uint64_t kSeed = 20241122;

TEST(EntryCodecTest, ReadsBackWhatItWrote) {
  RandomEntries random(kSeed);
  for (int i = 0; i < 2000; ++i) {
    const Entry entry = random.Next();
    const auto decoded = DecodeEntry(RecordOf(entry), entry.revision);
    ASSERT_TRUE(decoded.ok()) << decoded.error().message;
    ASSERT_EQ(*decoded, entry) << "entry " << i;
  }
}

TEST(EntryCodecTest, HeadTellsWhatTheWholeEntryTells) {
  RandomEntries random(kSeed + 1);
  for (int i = 0; i < 2000; ++i) {
    const Entry entry = random.Next();
    const std::string record = RecordOf(entry);
    const auto head = DecodeEntryHead(record);
    ASSERT_TRUE(head.ok()) << head.error().message;
    EXPECT_EQ(head->key, entry.key);
    EXPECT_EQ(head->operation, entry.operation);
    EXPECT_EQ(head->reason, entry.reason);
    EXPECT_EQ(head->qos, entry.qos);
    EXPECT_EQ(head->time, entry.time);
    EXPECT_EQ(head->expires, entry.expires);
    EXPECT_EQ(head->ephemeral, entry.ephemeral);
    EXPECT_EQ(head->property_bytes, entry.properties.size());
    EXPECT_EQ(head->value, entry.value);
  }
}

// The value runs to the record's end, so that a cut value is a shorter value: RocksDB's checksums
// are what tells those. Cut anywhere else the record must be refused.
TEST(EntryCodecTest, RefusesARecordThatIsCutBeforeItsValue) {
  RandomEntries random(kSeed + 2);
  for (int i = 0; i < 50; ++i) {
    const Entry entry = random.Next();
    const std::string record = RecordOf(entry);
    const std::size_t head_bytes = record.size() - entry.value.size();
    for (std::size_t length = 0; length < head_bytes; ++length) {
      const std::string cut = record.substr(0, length);
      ASSERT_FALSE(DecodeEntry(cut, 1).ok()) << "cut at " << length << " of " << head_bytes;
      ASSERT_EQ(DecodeEntryHead(cut).error().code, ErrorCode::kStorageError);
    }
  }
}

TEST(EntryCodecTest, SurvivesAnyFlippedBit) {
  RandomEntries random(kSeed + 3);
  std::size_t refused = 0;
  for (int i = 0; i < 50; ++i) {
    Entry entry = random.Next();
    entry.value.resize(std::min<std::size_t>(entry.value.size(), 20));
    std::string record = RecordOf(entry);
    for (std::size_t bit = 0; bit < record.size() * 8; ++bit) {
      record[bit / 8] = static_cast<char>(record[bit / 8] ^ (1 << (bit % 8)));
      const auto decoded = DecodeEntry(record, 1);
      refused += decoded.ok() ? 0U : 1U;
      ASSERT_TRUE(!decoded.ok() || RecordOf(*decoded).size() <= record.size() + 16);
      record[bit / 8] = static_cast<char>(record[bit / 8] ^ (1 << (bit % 8)));
    }
  }
  EXPECT_GT(refused, 0U);
}

TEST(EntryCodecTest, RefusesWhatANewerVersionWrote) {
  RandomEntries random(kSeed + 4);
  const std::string record = RecordOf(random.Next());
  std::string newer = record;
  newer[0] = 2;
  EXPECT_NE(DecodeEntryHead(newer).error().message.find("newer"), std::string::npos);
  std::string unknown_flag = record;
  unknown_flag[2] = static_cast<char>(unknown_flag[2] | 0x80);
  EXPECT_NE(DecodeEntryHead(unknown_flag).error().message.find("newer"), std::string::npos);
  std::string version_zero = record;
  version_zero[0] = 0;
  EXPECT_FALSE(DecodeEntryHead(version_zero).ok());
}

TEST(EntryCodecTest, RefusesOperationQosAndReasonThatDoNotExist) {
  const std::string record = RecordOf({.key = "k", .reason = Reason::kExpired});
  for (const int flags : {0x23, 0x2C}) {  // operation 3; QoS 3
    std::string damaged = record;
    damaged[1] = static_cast<char>(flags);
    EXPECT_FALSE(DecodeEntryHead(damaged).ok()) << flags;
  }
  std::string reason = record;
  reason[1 + 2 + 8] = 4;
  EXPECT_FALSE(DecodeEntryHead(reason).ok());
}

TEST(EntryCodecTest, RefusesACountOfPropertiesThatIsNotThere) {
  std::string record(1, '\1');
  PutLittleEndian(record, std::uint16_t{1U << 8});
  PutLittleEndian(record, std::uint64_t{0});
  PutPrefixed(record, "k");
  PutVarint(record, std::numeric_limits<std::uint64_t>::max());
  EXPECT_FALSE(DecodeEntry(record, 1).ok());
}

TEST(StreamKeyTest, SortsLikeIdAndRevision) {
  const std::vector<std::uint64_t> numbers{
      0, 1, 127, 128, 255, 256, 65535, 65536, 0xFFFFFFFF, 0x100000000, ~std::uint64_t{0}};
  std::vector<std::string> keys;
  for (const BucketId id : {1U, 2U, 255U, 256U, 65536U, 0xFFFFFFFEU}) {
    for (const Revision revision : numbers) {
      keys.push_back(StreamKey(id, revision));
      const auto ref = ParseStreamKey(keys.back());
      ASSERT_TRUE(ref);
      EXPECT_EQ(ref->id, id);
      EXPECT_EQ(ref->revision, revision);
      EXPECT_LT(keys.back(), EndOfBucket(kStreamTag, id));
      EXPECT_GT(keys.back(), EndOfBucket(kStreamTag, id - 1));
    }
  }
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
}

TEST(DuplicateKeyTest, SortsLikeItsTime) {
  std::vector<std::string> keys;
  for (const TimePoint time : {std::numeric_limits<TimePoint>::min(),
                               TimePoint{-256},
                               TimePoint{-1},
                               TimePoint{0},
                               TimePoint{1},
                               TimePoint{255},
                               TimePoint{256},
                               std::numeric_limits<TimePoint>::max()}) {
    keys.push_back(DuplicateKey(7, time, std::string("\0id\xFF", 4)));
    const auto ref = ParseDuplicateKey(keys.back());
    ASSERT_TRUE(ref);
    EXPECT_EQ(ref->id, 7U);
    EXPECT_EQ(ref->time, time);
    EXPECT_EQ(ref->message_id, std::string_view("\0id\xFF", 4));
  }
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
}

TEST(KeyParserTest, RefusesKeysOfAnotherLength) {
  for (std::size_t length = 0; length < 13; ++length) {
    EXPECT_FALSE(ParseStreamKey(StreamKey(1, 2).substr(0, length))) << length;
    EXPECT_FALSE(ParseDuplicateKey(DuplicateKey(1, 2, {}).substr(0, length))) << length;
  }
  EXPECT_FALSE(ParseStreamKey(StreamKey(1, 2) + "x"));
  EXPECT_TRUE(ParseIdKey(ReservedKey(9)));
  EXPECT_FALSE(ParseIdKey(ReservedKey(9).substr(0, 4)));
  EXPECT_FALSE(ParseIdKey(LastRevisionKey(9) + "x"));
}

TEST(NumberTest, ReadsBackExactlyEightBytes) {
  EXPECT_EQ(DecodeNumber(EncodeNumber(0x0102030405060708)), 0x0102030405060708U);
  EXPECT_EQ(DecodeNumber(EncodeNumber(1).substr(1)), std::nullopt);
  EXPECT_EQ(DecodeNumber(EncodeNumber(1) + "x"), std::nullopt);
}

TEST(DuplicateRecordTest, ReadsBackAnyResult) {
  for (const std::string& result : {std::string(), std::string("{}"), std::string("\0\xFF", 2)}) {
    const std::string bytes = EncodeDuplicate({0x0102030405060708, result});
    const auto record = DecodeDuplicate(bytes);
    ASSERT_TRUE(record);
    EXPECT_EQ(record->revision, 0x0102030405060708U);
    EXPECT_EQ(record->result, result);
    for (std::size_t length = 0; length < 8; ++length) {
      EXPECT_FALSE(DecodeDuplicate(std::string_view(bytes).substr(0, length))) << length;
    }
  }
}

TEST(LeavingRecordTest, ReadsBack) {
  for (const bool retained : {true, false}) {
    const std::string bytes = EncodeLeaving({7, retained, "name"});
    const auto record = DecodeLeaving(bytes);
    ASSERT_TRUE(record);
    EXPECT_EQ(record->first, 7U);
    EXPECT_EQ(record->retained, retained);
    EXPECT_EQ(record->name, "name");
    for (std::size_t length = 0; length < 9; ++length) {
      EXPECT_FALSE(DecodeLeaving(std::string_view(bytes).substr(0, length))) << length;
    }
  }
  EXPECT_EQ(ParseIdKey(LeavingKey(0x01020304)), 0x01020304U);
  EXPECT_FALSE(ParseIdKey(LeavingKey(9) + "x"));
}

TEST(LifeRecordTest, ReadsBack) {
  const auto life = DecodeLife(EncodeLife({.clean = true, .boot_id = "boot"}));
  ASSERT_TRUE(life);
  EXPECT_TRUE(life->clean);
  EXPECT_EQ(life->boot_id, "boot");
  EXPECT_FALSE(DecodeLife(EncodeLife({}))->clean);
  EXPECT_FALSE(DecodeLife(""));
}

BucketRecord SomeBucket() {
  BucketRecord record{.id = 0x01020304, .created = -5, .dropped = true};
  record.config.history = 64;
  record.config.ttl = 90 * kSecond;
  record.config.storage = Storage::kMemory;
  record.config.capture = "a/#";
  record.config.metadata = {{"a", "1"}, {"b", ""}};
  return record;
}

TEST(BucketCodecTest, ReadsBackWhatItWrote) {
  const BucketRecord record = SomeBucket();
  const auto decoded = DecodeBucket(EncodeBucket(record));
  ASSERT_TRUE(decoded.ok()) << decoded.error().message;
  EXPECT_EQ(decoded->id, record.id);
  EXPECT_EQ(decoded->created, record.created);
  EXPECT_EQ(decoded->dropped, record.dropped);
  EXPECT_EQ(decoded->config, record.config);
}

TEST(BucketCodecTest, NeverTakesDamageForAnotherBucket) {
  const std::string bytes = EncodeBucket(SomeBucket());
  std::vector<std::size_t> whole;  // cuts between two fields cannot be told from fewer fields
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    if (DecodeBucket(bytes.substr(0, length)).ok()) {
      whole.push_back(length);
    }
  }
  EXPECT_EQ(whole.size(), 6U);  // before each of the six fields
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const auto decoded = DecodeBucket(flipped);
    EXPECT_TRUE(decoded.ok() || decoded.error().code == ErrorCode::kStorageError);
  }
}

TEST(BucketCodecTest, RefusesANewerVersionAndUnknownFields) {
  std::string newer = EncodeBucket(SomeBucket());
  newer[0] = 2;
  EXPECT_NE(DecodeBucket(newer).error().message.find("newer"), std::string::npos);
  std::string unknown = EncodeBucket({.id = 1});
  PutPrefixed(unknown, "shards");
  PutPrefixed(unknown, "3");
  EXPECT_NE(DecodeBucket(unknown).error().message.find("shards"), std::string::npos);
}

}  // namespace
}  // namespace kv::store::testing
