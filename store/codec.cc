#include "store/codec.h"

#include <cassert>

#include "kv/bytes.h"

namespace kv::store {
namespace {

constexpr std::uint8_t kEntryVersion = 1;
constexpr std::uint8_t kBucketVersion = 1;

// Version, flags, time, expires and reason.
constexpr std::size_t kMostFixedBytes = 1 + 2 + 8 + 8 + 1;

constexpr unsigned kQosShift = 2;
constexpr std::uint16_t kHasExpires = 1U << 4;
constexpr std::uint16_t kHasReason = 1U << 5;
constexpr std::uint16_t kHasPayloadFormat = 1U << 6;
constexpr std::uint16_t kHasContentType = 1U << 7;
constexpr std::uint16_t kHasUserProperties = 1U << 8;
constexpr std::uint16_t kIsEphemeral = 1U << 9;
constexpr std::uint16_t kHasAuthor = 1U << 10;
constexpr std::uint16_t kHasFormer = 1U << 11;
constexpr std::uint16_t kKnownFlags = (1U << 12) - 1;

std::string IdKey(char tag, BucketId id) {
  std::string key(1, tag);
  PutBigEndian(key, id);
  return key;
}

// Times are signed; flipping the sign bit makes big-endian bytes sort like them.
std::uint64_t Sortable(TimePoint time) {
  return static_cast<std::uint64_t>(time) ^ (1ULL << 63);
}
TimePoint FromSortable(std::uint64_t bits) {
  return static_cast<TimePoint>(bits ^ (1ULL << 63));
}

std::uint16_t FlagsOf(const EntryParts& parts) {
  unsigned flags = static_cast<unsigned>(parts.operation);
  flags |= static_cast<unsigned>(parts.qos) << kQosShift;
  flags |= parts.expires != 0 ? kHasExpires : 0U;
  flags |= parts.reason != Reason::kNone ? kHasReason : 0U;
  flags |= parts.ephemeral ? kIsEphemeral : 0U;
  flags |= parts.author != nullptr ? kHasAuthor : 0U;
  flags |= parts.former != 0 ? kHasFormer : 0U;
  if (parts.properties != nullptr) {
    flags |= parts.properties->payload_format ? kHasPayloadFormat : 0U;
    flags |= parts.properties->content_type ? kHasContentType : 0U;
    flags |= !parts.properties->user.empty() ? kHasUserProperties : 0U;
  }
  return static_cast<std::uint16_t>(flags);
}

std::size_t MostPropertyBytes(const Properties& properties) {
  return 1 + 2 * kMostVarintBytes * (1 + properties.user.size()) + properties.size();
}

void WriteProperties(ByteWriter& writer, const Properties& properties) {
  if (properties.payload_format) {
    writer.Byte(*properties.payload_format);
  }
  if (properties.content_type) {
    writer.Prefixed(*properties.content_type);
  }
  if (!properties.user.empty()) {
    writer.Varint(properties.user.size());
    for (const auto& property : properties.user) {
      writer.Prefixed(property.name);
      writer.Prefixed(property.value);
    }
  }
}

// Reads the properties; fills `into` where it is wanted and returns the bytes that they count for.
std::size_t ReadProperties(ByteReader& reader, std::uint16_t flags, Properties* into) {
  std::size_t bytes = 0;
  if ((flags & kHasPayloadFormat) != 0) {
    const std::uint8_t format = reader.Byte();
    if (into != nullptr) {
      into->payload_format = format;
    }
  }
  if ((flags & kHasContentType) != 0) {
    const std::string_view type = reader.Prefixed();
    bytes += type.size();
    if (into != nullptr) {
      into->content_type.emplace(type);
    }
  }
  if ((flags & kHasUserProperties) != 0) {
    const std::uint64_t count = reader.Varint();
    for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
      const std::string_view name = reader.Prefixed();
      const std::string_view value = reader.Prefixed();
      bytes += name.size() + value.size();
      if (into != nullptr) {
        into->user.push_back({std::string(name), std::string(value)});
      }
    }
  }
  return bytes;
}

void ReadAuthor(ByteReader& reader, std::uint16_t flags, Entry* into) {
  if ((flags & kHasAuthor) == 0) {
    return;
  }
  const std::string_view client = reader.Prefixed();
  const std::string_view username = reader.Prefixed();
  if (into != nullptr) {
    into->author = Author{std::string(client), std::string(username)};
  }
}

// Decodes the head; fills properties and writer of `into` where they are wanted.
Result<EntryHead> DecodeRecord(std::string_view record, Entry* into) {
  ByteReader reader(record);
  const std::uint8_t version = reader.Byte();
  const auto flags = reader.LittleEndian<std::uint16_t>();
  if (reader.ok() && (version > kEntryVersion || (flags & ~kKnownFlags) != 0)) {
    return Error(ErrorCode::kStorageError, "an entry was written by a newer version");
  }
  EntryHead head;
  head.operation = static_cast<Operation>(flags & 3U);
  head.qos = static_cast<std::uint8_t>((flags >> kQosShift) & 3U);
  head.time = reader.LittleEndian<TimePoint>();
  if ((flags & kHasExpires) != 0) {
    head.expires = reader.LittleEndian<TimePoint>();
  }
  if ((flags & kHasReason) != 0) {
    head.reason = static_cast<Reason>(reader.Byte());
  }
  head.key = reader.Prefixed();
  if ((flags & kHasFormer) != 0) {
    head.former = reader.Varint();
  }
  head.ephemeral = (flags & kIsEphemeral) != 0;
  head.property_bytes =
      ReadProperties(reader, flags, into != nullptr ? &into->properties : nullptr);
  ReadAuthor(reader, flags, into);
  head.value = reader.rest();
  if (!reader.ok() || version != kEntryVersion || (flags & 3U) == 3 || head.qos > 2 ||
      head.reason > Reason::kDisconnected) {
    return Error(ErrorCode::kStorageError, "an entry of the stream is damaged");
  }
  return head;
}

}  // namespace

std::string BucketKey(std::string_view name) {
  return kBucketTag + std::string(name);
}
std::string ReservedKey(BucketId id) {
  return IdKey(kReservedTag, id);
}
std::string LastRevisionKey(BucketId id) {
  return IdKey(kLastRevisionTag, id);
}

std::string ForgottenKey(BucketId id) {
  return IdKey(kForgottenTag, id);
}
std::string LeavingKey(BucketId id) {
  return IdKey(kLeavingTag, id);
}

std::string DuplicateKey(BucketId id, TimePoint time, std::string_view message_id) {
  std::string key = IdKey(kDuplicateTag, id);
  PutBigEndian(key, Sortable(time));
  key.append(message_id);
  return key;
}

char* WriteStreamKey(char* at, BucketId id, Revision revision) {
  ByteWriter writer(at);
  writer.Byte(kStreamTag);
  writer.BigEndian(id);
  writer.BigEndian(revision);
  return writer.at();
}

std::string StreamKey(BucketId id, Revision revision) {
  std::string key(kStreamKeyBytes, '\0');  // so few that a string holds them in itself
  WriteStreamKey(key.data(), id, revision);
  return key;
}

std::string EndOfBucket(char tag, BucketId id) {
  // Ids begin at 1 and are handed out one by one: the last one is never reached.
  return IdKey(tag, id + 1);
}

std::optional<BucketId> ParseIdKey(std::string_view key) {
  ByteReader reader(key);
  reader.Byte();
  const auto id = reader.BigEndian<BucketId>();
  return reader.ok() && reader.rest().empty() ? std::optional(id) : std::nullopt;
}

std::optional<DuplicateRef> ParseDuplicateKey(std::string_view key) {
  ByteReader reader(key);
  reader.Byte();
  const auto id = reader.BigEndian<BucketId>();
  const TimePoint time = FromSortable(reader.BigEndian<std::uint64_t>());
  return reader.ok() ? std::optional(DuplicateRef{id, time, reader.rest()}) : std::nullopt;
}

std::optional<StreamRef> ParseStreamKey(std::string_view key) {
  ByteReader reader(key);
  reader.Byte();
  const auto id = reader.BigEndian<BucketId>();
  const auto revision = reader.BigEndian<Revision>();
  return reader.ok() && reader.rest().empty() ? std::optional(StreamRef{id, revision})
                                              : std::nullopt;
}

std::string EncodeLife(const LifeRecord& life) {
  return std::string(1, life.clean ? '\1' : '\0') + life.boot_id;
}

std::optional<LifeRecord> DecodeLife(std::string_view bytes) {
  if (bytes.empty()) {
    return std::nullopt;
  }
  return LifeRecord{bytes.front() != '\0', std::string(bytes.substr(1))};
}

std::string EncodeNumber(std::uint64_t number) {
  std::string bytes;
  PutLittleEndian(bytes, number);
  return bytes;
}

std::optional<std::uint64_t> DecodeNumber(std::string_view bytes) {
  ByteReader reader(bytes);
  const auto number = reader.LittleEndian<std::uint64_t>();
  return reader.ok() && reader.rest().empty() ? std::optional(number) : std::nullopt;
}

std::string EncodeDuplicate(const DuplicateRecord& record) {
  return EncodeNumber(record.revision).append(record.result);
}

std::optional<DuplicateRecord> DecodeDuplicate(std::string_view bytes) {
  ByteReader reader(bytes);
  const auto revision = reader.LittleEndian<Revision>();
  return reader.ok() ? std::optional(DuplicateRecord{revision, reader.rest()}) : std::nullopt;
}

std::string EncodeLeaving(const LeavingRecord& record) {
  std::string bytes = EncodeNumber(record.first);
  bytes.push_back(record.retained ? 1 : 0);
  return bytes.append(record.name);
}

std::optional<LeavingRecord> DecodeLeaving(std::string_view bytes) {
  ByteReader reader(bytes);
  const auto first = reader.LittleEndian<Revision>();
  const bool retained = reader.Byte() != 0;
  return reader.ok() ? std::optional(LeavingRecord{first, retained, reader.rest()}) : std::nullopt;
}

std::size_t MostEntryHeadBytes(const EntryParts& parts) {
  std::size_t bytes = kMostFixedBytes + 2 * kMostVarintBytes + parts.key.size();
  if (parts.properties != nullptr) {
    bytes += MostPropertyBytes(*parts.properties);
  }
  if (parts.author != nullptr) {
    bytes += 2 * kMostVarintBytes + parts.author->client.size() + parts.author->username.size();
  }
  return bytes;
}

char* WriteEntryHead(char* at, const EntryParts& parts) {
  ByteWriter writer(at);
  writer.Byte(kEntryVersion);
  writer.LittleEndian(FlagsOf(parts));
  writer.LittleEndian(parts.time);
  if (parts.expires != 0) {
    writer.LittleEndian(parts.expires);
  }
  if (parts.reason != Reason::kNone) {
    writer.Byte(static_cast<std::uint8_t>(parts.reason));
  }
  writer.Prefixed(parts.key);
  if (parts.former != 0) {
    writer.Varint(parts.former);
  }
  if (parts.properties != nullptr) {
    WriteProperties(writer, *parts.properties);
  }
  if (parts.author != nullptr) {
    writer.Prefixed(parts.author->client);
    writer.Prefixed(parts.author->username);
  }
  return writer.at();
}

void AppendEntry(std::string& out, const EntryParts& parts) {
  const std::size_t start = out.size();
  out.resize(start + MostEntryHeadBytes(parts));
  const char* const end = WriteEntryHead(out.data() + start, parts);
  assert(end <= out.data() + out.size());
  out.resize(static_cast<std::size_t>(end - out.data()));
  out.append(parts.value);
}

Result<EntryHead> DecodeEntryHead(std::string_view record) {
  return DecodeRecord(record, nullptr);
}

Result<Entry> DecodeEntry(std::string_view record, Revision revision) {
  Entry entry;
  auto head = DecodeRecord(record, &entry);
  if (!head) {
    return std::move(head).error();
  }
  entry.key = head->key;
  entry.revision = revision;
  entry.operation = head->operation;
  entry.reason = head->reason;
  entry.qos = head->qos;
  entry.time = head->time;
  entry.expires = head->expires;
  entry.ephemeral = head->ephemeral;
  entry.value = head->value;
  return entry;
}

std::string EncodeBucket(const BucketRecord& record) {
  std::string bytes(1, static_cast<char>(kBucketVersion));
  PutLittleEndian(bytes, record.id);
  PutLittleEndian(bytes, record.created);
  bytes.push_back(record.dropped ? 1 : 0);
  VisitFields(record.config, [&bytes](const std::string& name, const std::string& text) {
    PutPrefixed(bytes, name);
    PutPrefixed(bytes, text);
  });
  return bytes;
}

Result<BucketRecord> DecodeBucket(std::string_view bytes) {
  ByteReader reader(bytes);
  if (reader.Byte() != kBucketVersion) {
    return Error(ErrorCode::kStorageError, "a bucket was written by a newer version");
  }
  BucketRecord record;
  record.id = reader.LittleEndian<BucketId>();
  record.created = reader.LittleEndian<TimePoint>();
  record.dropped = reader.Byte() != 0;
  while (reader.ok() && !reader.rest().empty()) {
    const std::string_view name = reader.Prefixed();
    const std::string_view text = reader.Prefixed();
    if (!reader.ok()) {
      break;
    }
    if (auto set = SetField(record.config, name, text); !set) {
      return Error(ErrorCode::kStorageError, "a bucket of the catalog: " + set.error().message);
    }
  }
  if (!reader.ok()) {
    return Error(ErrorCode::kStorageError, "a bucket of the catalog is damaged");
  }
  return record;
}

}  // namespace kv::store
