#include "store/change_set.h"

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
  FewBytes<1 + kMostVarintBytes> head;
  head.Byte(static_cast<std::uint8_t>(change));
  head.Varint(text.size());
  out.append(head.view());
  out.append(text);
}

// The length of an entry is known only once it is encoded: it gets a varint of fixed width.
void PatchLength(std::string& out, std::size_t at, std::size_t length) {
  for (std::size_t i = 0; i < kLengthBytes; ++i) {
    const bool last = i + 1 == kLengthBytes;
    out[at + i] = static_cast<char>((length & 0x7F) | (last ? 0 : 0x80));
    length >>= 7;
  }
}

}  // namespace

void ChangeSet::Put(std::string_view key, std::string_view value) {
  PutFirst(bytes_, Change::kPut, key);
  PutPrefixed(bytes_, value);
}

std::pair<std::size_t, std::size_t> ChangeSet::PutEntry(std::string_view key,
                                                        const EntryParts& parts) {
  PutFirst(bytes_, Change::kPut, key);
  const std::size_t length_at = bytes_.size();
  bytes_.append(kLengthBytes, '\0');
  const std::size_t start = bytes_.size();
  AppendEntry(bytes_, parts);
  // 35 bits: an MQTT packet holds less than 256 MiB, a record little more.
  PatchLength(bytes_, length_at, bytes_.size() - start);
  return {start, bytes_.size() - start};
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
