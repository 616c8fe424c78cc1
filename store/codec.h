// The records of the store, byte by byte. docs/storage-format.md is the prose of this file;
// tests/golden holds bytes that must never change their meaning.
//
//   key                                            value
//   'a'                                            sequence:u64le     journal records applied
//   'b' name                                       bucket record
//   'c' id:u32be                                   revision:u64le     reserved up to
//   'd' id:u32be                                   revision:u64le     last given out, when its
//                                                                     entry is no longer kept
//   'e' id:u32be time:i64be message-id             revision:u64le result    duplicate window
//   'f'                                            clean:u8 boot-id     of the last process
//   'g' id:u32be                                   revision:u64le retained:u8 name
//                                                                     a dropped bucket that is
//                                                                     being taken apart; the
//                                                                     first revision for that
//   'h' id:u32be                                   revision:u64le     of entries up to here some
//   may
//                                                                     have gone without a trace
//   's' id:u32be revision:u64be                    entry record       the stream
//
//   entry record := version:u8 flags:u16le time:i64le [expires:i64le] [reason:u8] key:lp
//                   [former:varint] [payload-format:u8] [content-type:lp] [count:varint {name:lp
//                   value:lp}] [client:lp username:lp] value (to the end)
//   flags        := bits 0-1 operation, bits 2-3 QoS, bit 4 expires, bit 5 reason, bit 6 payload
//                   format, bit 7 content type, bit 8 user properties, bit 9 ephemeral, bit 10
//                   client and username, bit 11 former; the others are zero
//   bucket record:= version:u8 id:u32le created:i64le dropped:u8 {name:lp text:lp}*
//   lp           := length:varint bytes
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kv/bucket_config.h"
#include "kv/entry.h"
#include "kv/result.h"

namespace kv::store {

using BucketId = std::uint32_t;
using Sequence = std::uint64_t;  // numbers the records of the journal, from 1

inline constexpr std::string_view kAppliedKey = "a";
inline constexpr char kBucketTag = 'b';
inline constexpr char kReservedTag = 'c';
inline constexpr char kLastRevisionTag = 'd';
inline constexpr char kDuplicateTag = 'e';
inline constexpr std::string_view kLifeKey = "f";
inline constexpr char kLeavingTag = 'g';
inline constexpr char kForgottenTag = 'h';
inline constexpr char kStreamTag = 's';

inline constexpr std::size_t kStreamKeyBytes = 1 + sizeof(BucketId) + sizeof(Revision);

std::string BucketKey(std::string_view name);
std::string ReservedKey(BucketId id);
std::string LastRevisionKey(BucketId id);
std::string DuplicateKey(BucketId id, TimePoint time, std::string_view message_id);
std::string LeavingKey(BucketId id);
std::string ForgottenKey(BucketId id);
std::string StreamKey(BucketId id, Revision revision);
// The same where there is room for kStreamKeyBytes. Returns where it ends.
char* WriteStreamKey(char* at, BucketId id, Revision revision);
// The first key after every key that begins with `tag` and `id`.
std::string EndOfBucket(char tag, BucketId id);

struct DuplicateRef {
  BucketId id;
  TimePoint time;
  std::string_view message_id;
};
struct StreamRef {
  BucketId id;
  Revision revision;
};
std::optional<BucketId> ParseIdKey(std::string_view key);  // of 'c', 'd', 'g' and 'h'
std::optional<DuplicateRef> ParseDuplicateKey(std::string_view key);
std::optional<StreamRef> ParseStreamKey(std::string_view key);

// How the last process that had the store open ended.
struct LifeRecord {
  bool clean = false;
  std::string boot_id;  // of the kernel it ran under
};
std::string EncodeLife(const LifeRecord& life);
std::optional<LifeRecord> DecodeLife(std::string_view bytes);

std::string EncodeNumber(std::uint64_t number);
std::optional<std::uint64_t> DecodeNumber(std::string_view bytes);

// What became of a write with a message id.
struct DuplicateRecord {
  Revision revision = 0;
  std::string_view result;
};
std::string EncodeDuplicate(const DuplicateRecord& record);
std::optional<DuplicateRecord> DecodeDuplicate(std::string_view bytes);

// A dropped bucket that is being taken apart.
struct LeavingRecord {
  Revision first = 0;  // of the purges that tell of it
  bool retained = true;
  std::string_view name;
};
std::string EncodeLeaving(const LeavingRecord& record);
std::optional<LeavingRecord> DecodeLeaving(std::string_view bytes);

// What an entry record is made of, by reference.
struct EntryParts {
  std::string_view key;
  Operation operation = Operation::kPut;
  Reason reason = Reason::kNone;
  std::uint8_t qos = 0;
  TimePoint time = 0;
  TimePoint expires = 0;
  Revision former = 0;  // of the key's entry before this one, kept or not; 0: none
  bool ephemeral = false;
  const Author* author = nullptr;          // nullptr: not kept
  const Properties* properties = nullptr;  // nullptr: none
  std::string_view value;
};
void AppendEntry(std::string& out, const EntryParts& parts);
// The same in two steps: all but the value, in at most so many bytes. Returns where they end, where
// the value follows.
std::size_t MostEntryHeadBytes(const EntryParts& parts);
char* WriteEntryHead(char* at, const EntryParts& parts);

// The head of a record, decoded without copying: what the index needs.
struct EntryHead {
  std::string_view key;
  Operation operation = Operation::kPut;
  Reason reason = Reason::kNone;
  std::uint8_t qos = 0;
  TimePoint time = 0;
  TimePoint expires = 0;
  Revision former = 0;
  bool ephemeral = false;
  std::size_t property_bytes = 0;  // as Properties::size() counts
  std::string_view value;
};
// Errors: storage-error, when the bytes are damaged or of a newer version.
Result<EntryHead> DecodeEntryHead(std::string_view record);
Result<Entry> DecodeEntry(std::string_view record, Revision revision);

struct BucketRecord {
  BucketId id = 0;
  TimePoint created = 0;
  bool dropped = false;  // the name is free, its revisions are not
  BucketConfig config;
};
std::string EncodeBucket(const BucketRecord& record);
// Errors: storage-error, as above or when a field is unknown to this version.
Result<BucketRecord> DecodeBucket(std::string_view bytes);

}  // namespace kv::store
