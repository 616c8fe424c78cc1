#include "plugin/broker_snapshot_format.h"

#include <arpa/inet.h>

#include <cstring>
#include <string>
#include <utility>

#include "kv/units.h"

namespace kv::plugin {
namespace {

constexpr std::string_view kMagic("\x00\xB5\x00mosquitto db", 15);
constexpr std::string_view kRevisionProperty = "kv-revision";
static_assert(kFirstChunkOffset == kMagic.size() + 2 * sizeof(std::uint32_t));

// The broker writes these as they lie in its memory, padding included: ids and times in the host's
// byte order, but whatever is called a length, and the chunk's type, in network order.
struct ChunkHeader {
  std::uint32_t type;
  std::uint32_t length;  // of what follows, in bytes
};
struct ConfigRecord {
  std::uint64_t last_store_id;
  std::uint8_t shutdown;
  std::uint8_t store_id_size;  // bytes
};
struct MessageRecord {  // followed by source id, user name, topic, payload and properties
  std::uint64_t store_id;
  std::int64_t expiry_time;  // seconds since the Unix epoch, 0: never
  std::uint32_t payload_length;
  std::uint16_t source_mid;
  std::uint16_t source_id_length;
  std::uint16_t source_username_length;
  std::uint16_t topic_length;
  std::uint16_t source_port;
  std::uint8_t qos;
  std::uint8_t retain;  // of the PUBLISH; says nothing about whether it is still retained
};
struct RetainRecord {
  std::uint64_t store_id;
};

// The only way to the bytes: nothing is read that was not checked to be there.
class Cursor {
 public:
  explicit Cursor(std::string_view rest) : rest_(rest) {}

  bool AtEnd() const { return rest_.empty(); }
  std::size_t remaining() const { return rest_.size(); }

  bool Take(std::size_t size, std::string_view& taken) {
    if (size > rest_.size()) {
      return false;
    }
    taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }
  bool Skip(std::size_t size) {
    std::string_view ignored;
    return Take(size, ignored);
  }
  template <typename Record>
  bool Read(Record& record) {
    std::string_view bytes;
    if (!Take(sizeof(Record), bytes)) {
      return false;
    }
    std::memcpy(&record, bytes.data(), sizeof(Record));
    return true;
  }

 private:
  std::string_view rest_;
};

// MQTT 5.0, 1.5.5: 7 bits a byte, the lowest first, at most 4 bytes.
bool ReadVariableInteger(Cursor& in, std::uint32_t& number) {
  number = 0;
  for (unsigned shift = 0; shift < 28; shift += 7) {
    std::uint8_t byte = 0;
    if (!in.Read(byte)) {
      return false;
    }
    number |= (byte & 0x7FU) << shift;
    if ((byte & 0x80U) == 0) {
      return true;
    }
  }
  return false;
}

bool TakeString(Cursor& in, std::string_view& text) {
  std::uint16_t length = 0;
  return in.Read(length) && in.Take(ntohs(length), text);
}

// MQTT 5.0, 2.2.2.2, those of a PUBLISH. Only a user property has a name and a value here.
bool TakeProperty(Cursor& in, std::string_view& name, std::string_view& value) {
  std::uint8_t identifier = 0;
  std::uint32_t number = 0;
  std::string_view ignored;
  if (!in.Read(identifier)) {
    return false;
  }
  switch (identifier) {
    case 0x01: return in.Skip(1);                       // payload format indicator
    case 0x02: return in.Skip(4);                       // message expiry interval
    case 0x03:                                          // content type
    case 0x08:                                          // response topic
    case 0x09: return TakeString(in, ignored);          // correlation data
    case 0x0B: return ReadVariableInteger(in, number);  // subscription identifier
    case 0x23: return in.Skip(2);                       // topic alias
    case 0x26: return TakeString(in, name) && TakeString(in, value);
    default: return false;
  }
}

Error StorageError(std::string sentence) {
  return Error(ErrorCode::kStorageError, std::move(sentence));
}

}  // namespace

Status CheckFileHeader(std::string_view contents) {
  Cursor in(contents);
  std::string_view magic;
  if (!in.Take(kMagic.size(), magic) || magic != kMagic) {
    return StorageError("it is not a persistence file of Mosquitto");
  }
  std::uint32_t version = 0;
  if (!in.Skip(sizeof(std::uint32_t)) || !in.Read(version)) {
    return StorageError("it is cut off in its header");
  }
  version = ntohl(version);
  if (version != 5 && version != 6) {
    return StorageError("its format version is " + std::to_string(version) +
                        ", but only 5 (Mosquitto 1.6) and 6 (Mosquitto 2) can be read");
  }
  ChunkHeader header{};
  ConfigRecord config{};
  if (!in.Read(header) || ntohl(header.type) != kConfigChunk ||
      ntohl(header.length) != sizeof(ConfigRecord) || !in.Read(config)) {
    return StorageError("it is damaged: it does not begin with the broker's settings");
  }
  if (config.store_id_size != sizeof(std::uint64_t)) {
    return StorageError("its message ids have " + std::to_string(config.store_id_size) +
                        " bytes, but only 8 can be read");
  }
  return Ok{};
}

std::optional<Chunk> ParseChunk(std::string_view contents) {
  Cursor in(contents);
  ChunkHeader header{};
  Chunk chunk;
  if (!in.Read(header) || !in.Take(ntohl(header.length), chunk.body)) {
    return std::nullopt;
  }
  chunk.type = ntohl(header.type);
  chunk.size = contents.size() - in.remaining();
  return chunk;
}

std::optional<StoredMessage> ParseMessage(std::string_view body) {
  Cursor in(body);
  MessageRecord record{};
  StoredMessage message;
  const bool whole = in.Read(record) && in.Skip(ntohs(record.source_id_length)) &&
                     in.Skip(ntohs(record.source_username_length)) &&
                     in.Take(ntohs(record.topic_length), message.topic) &&
                     in.Take(ntohl(record.payload_length), message.payload) &&
                     in.Take(in.remaining(), message.properties);
  if (!whole || message.topic.empty()) {
    return std::nullopt;
  }
  message.store_id = record.store_id;
  message.expiry_time = record.expiry_time;
  return message;
}

std::optional<std::uint64_t> ParseRetainMark(std::string_view body) {
  RetainRecord record{};
  Cursor in(body);
  return in.Read(record) && in.AtEnd() ? std::optional(record.store_id) : std::nullopt;
}

std::optional<Revision> RevisionOf(std::string_view properties) {
  Cursor in(properties);
  std::uint32_t length = 0;
  if (!ReadVariableInteger(in, length) || length != in.remaining()) {
    return std::nullopt;
  }
  std::optional<std::string_view> found;
  while (!in.AtEnd()) {
    std::string_view name;
    std::string_view value;
    if (!TakeProperty(in, name, value) || (found && name == kRevisionProperty)) {
      return std::nullopt;
    }
    if (name == kRevisionProperty) {
      found = value;
    }
  }
  return found ? ParseUnsigned(*found) : std::nullopt;
}

}  // namespace kv::plugin
