#include "wire/packed_entries.h"

#include <utility>

#include "kv/bytes.h"
#include "wire/incoming.h"

namespace kv::wire {
namespace {

constexpr std::uint8_t kVersion = 1;

constexpr std::uint8_t kHasPayloadFormat = 1U << 0;
constexpr std::uint8_t kHasContentType = 1U << 1;
constexpr std::uint8_t kHasUserProperties = 1U << 2;
constexpr std::uint8_t kHasAuthor = 1U << 3;
constexpr std::uint8_t kKnownFlags = (1U << 4) - 1;

// Without texts, properties and value: for reserving.
constexpr std::size_t kBareRecordBytes = 25;

std::uint8_t FlagsOf(const Entry& entry) {
  unsigned flags = 0;
  flags |= entry.properties.payload_format ? kHasPayloadFormat : 0U;
  flags |= entry.properties.content_type ? kHasContentType : 0U;
  flags |= !entry.properties.user.empty() ? kHasUserProperties : 0U;
  flags |= entry.author ? kHasAuthor : 0U;
  return static_cast<std::uint8_t>(flags);
}

// All texts of an entry came as strings of MQTT: 16 bits hold their length.
void PutText(std::string& out, std::string_view text) {
  PutBigEndian(out, static_cast<std::uint16_t>(text.size()));
  out.append(text);
}

std::string_view ReadText(ByteReader& reader) {
  return reader.Take(reader.BigEndian<std::uint16_t>());
}

void PutProperties(std::string& out, const Properties& properties) {
  if (properties.payload_format) {
    out.push_back(static_cast<char>(*properties.payload_format));
  }
  if (properties.content_type) {
    PutText(out, *properties.content_type);
  }
  if (!properties.user.empty()) {
    PutBigEndian(out, static_cast<std::uint32_t>(properties.user.size()));
    for (const auto& property : properties.user) {
      PutText(out, property.name);
      PutText(out, property.value);
    }
  }
}

Properties ReadProperties(ByteReader& reader, std::uint8_t flags) {
  Properties properties;
  if ((flags & kHasPayloadFormat) != 0) {
    properties.payload_format = reader.Byte();
  }
  if ((flags & kHasContentType) != 0) {
    properties.content_type = ReadText(reader);
  }
  if ((flags & kHasUserProperties) != 0) {
    // The count may lie: it ends where the bytes do.
    const auto count = reader.BigEndian<std::uint32_t>();
    for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
      const std::string_view name = ReadText(reader);
      const std::string_view value = ReadText(reader);
      if (!IsReserved(name)) {
        properties.user.push_back({std::string(name), std::string(value)});
      }
    }
  }
  return properties;
}

void PutRecord(std::string& out, const Entry& entry, bool meta_only) {
  out.push_back(static_cast<char>(entry.operation));
  out.push_back(static_cast<char>(entry.reason));
  PutBigEndian(out, entry.revision);
  PutBigEndian(out, static_cast<std::uint64_t>(entry.time));
  out.push_back(static_cast<char>(FlagsOf(entry)));
  PutText(out, entry.key);
  PutProperties(out, entry.properties);
  if (entry.author) {
    PutText(out, entry.author->client);
    PutText(out, entry.author->username);
  }
  if (!meta_only && entry.operation == Operation::kPut) {
    out.append(entry.value);
  }
}

Error BadPage(const char* why) {
  return Error(ErrorCode::kBadReply, why);
}

Result<Entry> ReadRecord(std::string_view record) {
  ByteReader reader(record);
  Entry entry;
  const std::uint8_t operation = reader.Byte();
  const std::uint8_t reason = reader.Byte();
  entry.operation = static_cast<Operation>(operation);
  // One that is not known says nothing, as in a message of its own.
  entry.reason = reason <= static_cast<std::uint8_t>(Reason::kDisconnected)
                     ? static_cast<Reason>(reason)
                     : Reason::kNone;
  entry.revision = reader.BigEndian<Revision>();
  entry.time = static_cast<TimePoint>(reader.BigEndian<std::uint64_t>());
  const std::uint8_t flags = reader.Byte();
  entry.key = ReadText(reader);
  entry.properties = ReadProperties(reader, flags);
  if ((flags & kHasAuthor) != 0) {
    const std::string_view client = ReadText(reader);
    const std::string_view username = ReadText(reader);
    entry.author = Author{std::string(client), std::string(username)};
  }
  entry.value = reader.rest();
  if (!reader.ok() || operation > static_cast<std::uint8_t>(Operation::kPurge) ||
      (flags & ~kKnownFlags) != 0) {
    return BadPage("an entry of a packed page is not of its form");
  }
  return entry;
}

}  // namespace

std::string PackEntries(const std::vector<Entry>& entries, bool meta_only) {
  std::size_t most = 1;
  for (const Entry& entry : entries) {
    most += kBareRecordBytes + entry.key.size() + (meta_only ? 0 : entry.value.size());
  }
  std::string page;
  page.reserve(most);
  page.push_back(static_cast<char>(kVersion));
  std::string record;
  for (const Entry& entry : entries) {
    record.clear();
    PutRecord(record, entry, meta_only);
    PutBigEndian(page, static_cast<std::uint32_t>(record.size()));
    page.append(record);
  }
  return page;
}

Result<std::vector<Entry>> UnpackEntries(std::string_view page) {
  ByteReader reader(page);
  if (reader.Byte() != kVersion) {
    return BadPage("a packed page is empty or of a newer version");
  }
  std::vector<Entry> entries;
  while (!reader.rest().empty()) {
    const std::string_view record = reader.Take(reader.BigEndian<std::uint32_t>());
    if (!reader.ok()) {
      return BadPage("a packed page ends within an entry");
    }
    auto entry = ReadRecord(record);
    if (!entry) {
      return std::move(entry).error();
    }
    entries.push_back(std::move(*entry));
  }
  return entries;
}

}  // namespace kv::wire
