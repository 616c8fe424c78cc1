#include "store/change_set.h"

#include <array>
#include <cassert>

#include "kv/bytes.h"

namespace kv::store {
namespace {

enum class Change : std::uint8_t {
  kPut = 1,
  kSingleDelete = 2,
  kDelete = 3,
  kDeleteRange = 4,
};

constexpr std::size_t kLengthBytes = 5;

// What stands before the second text of a change, or before the end: tag and first text.
void PutFirst(std::string& out, Change change, std::string_view text) {
  out.push_back(static_cast<char>(change));
  PutPrefixed(out, text);
}

constexpr std::size_t kStreamHeadBytes = 2 + kStreamKeyBytes;

// The same where the text is the key of an entry.
char* WriteStreamHead(char* at, Change change, BucketId id, Revision revision) {
  ByteWriter writer(at);
  writer.Byte(static_cast<std::uint8_t>(change));
  writer.Varint(kStreamKeyBytes);
  return WriteStreamKey(writer.at(), id, revision);
}

// The length of an entry is known only once its head is encoded: it gets a varint of fixed width.
void WriteLength(char* at, std::size_t length) {
  for (std::size_t i = 0; i < kLengthBytes; ++i) {
    const bool last = i + 1 == kLengthBytes;
    at[i] = static_cast<char>((length & 0x7F) | (last ? 0 : 0x80));
    length >>= 7;
  }
}

}  // namespace

void ChangeSet::Put(std::string_view key, std::string_view value) {
  PutFirst(bytes_, Change::kPut, key);
  PutPrefixed(bytes_, value);
}

std::pair<std::size_t, std::size_t> ChangeSet::PutEntry(BucketId id,
                                                        Revision revision,
                                                        const EntryParts& parts) {
  const std::size_t head_at = bytes_.size();
  bytes_.resize(head_at + kStreamHeadBytes + kLengthBytes + MostEntryHeadBytes(parts));
  char* const length_at = WriteStreamHead(bytes_.data() + head_at, Change::kPut, id, revision);
  char* const record = length_at + kLengthBytes;
  const char* const value_at = WriteEntryHead(record, parts);
  assert(value_at <= bytes_.data() + bytes_.size());
  // 35 bits: an MQTT packet holds less than 256 MiB, a record little more.
  const std::size_t length = static_cast<std::size_t>(value_at - record) + parts.value.size();
  WriteLength(length_at, length);
  const auto start = static_cast<std::size_t>(record - bytes_.data());
  bytes_.resize(static_cast<std::size_t>(value_at - bytes_.data()));
  bytes_.append(parts.value);
  return {start, length};
}

void ChangeSet::DeleteEntry(BucketId id, Revision revision) {
  std::array<char, kStreamHeadBytes> head;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  WriteStreamHead(head.data(), Change::kSingleDelete, id, revision);
  bytes_.append(head.data(), head.size());
}

void ChangeSet::SingleDelete(std::string_view key) {
  PutFirst(bytes_, Change::kSingleDelete, key);
}

void ChangeSet::Delete(std::string_view key) {
  PutFirst(bytes_, Change::kDelete, key);
}

void ChangeSet::DeleteRange(std::string_view from, std::string_view to) {
  PutFirst(bytes_, Change::kDeleteRange, from);
  PutPrefixed(bytes_, to);
}

void ChangeSet::Clear() {
  constexpr std::size_t most_kept = std::size_t{64} << 10;
  bytes_.clear();
  if (bytes_.capacity() > most_kept) {
    bytes_.shrink_to_fit();
  }
}

Status VisitChanges(std::string_view bytes, ChangeVisitor& visitor) {
  ByteReader reader(bytes);
  while (reader.ok() && !reader.rest().empty()) {
    const auto change = static_cast<Change>(reader.Byte());
    const std::string_view key = reader.Prefixed();
    const bool has_second = change == Change::kPut || change == Change::kDeleteRange;
    const std::string_view second = has_second ? reader.Prefixed() : std::string_view();
    if (!reader.ok()) {
      break;
    }
    switch (change) {
      case Change::kPut: visitor.Put(key, second); break;
      case Change::kSingleDelete: visitor.SingleDelete(key); break;
      case Change::kDelete: visitor.Delete(key); break;
      case Change::kDeleteRange: visitor.DeleteRange(key, second); break;
      default: return Error(ErrorCode::kStorageError, "the journal holds an unknown change");
    }
  }
  if (!reader.ok()) {
    return Error(ErrorCode::kStorageError, "the journal holds a damaged change set");
  }
  return Ok{};
}

}  // namespace kv::store
