// The persistence file of Mosquitto, versions 5 and 6, as far as BrokerSnapshot looks at it. Pure
// functions over bytes that may be anything: none reads outside of the view that it is given.
//
// A file is a header and chunks up to its end, without a count of them and without a checksum that
// anybody fills in. All messages stand before all retain marks.
// Source: Mosquitto 2.0.11, src/persist.h and the persist_*.c beside it. Mosquitto 2.1 writes the
// same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "kv/entry.h"
#include "kv/result.h"

namespace kv::plugin {

// Where the chunks begin: after the magic, a checksum that is always 0, and the version.
inline constexpr std::size_t kFirstChunkOffset = 23;

inline constexpr std::uint32_t kConfigChunk = 1;
inline constexpr std::uint32_t kMessageChunk = 2;
inline constexpr std::uint32_t kRetainChunk = 4;

struct Chunk {
  std::uint32_t type = 0;
  std::string_view body;
  std::size_t size = 0;  // bytes, with its header
};

// The body of a message chunk. Says nothing about whether the message is retained.
struct StoredMessage {
  std::uint64_t store_id = 0;
  std::int64_t expiry_time = 0;  // seconds since the Unix epoch, 0: never
  std::string_view topic;        // never empty
  std::string_view payload;
  std::string_view properties;  // as in a PUBLISH, with their length; empty if there are none
};

// Checks the header and the first chunk, which describes the broker that wrote the file.
// Errors: storage-error; the message says what "it", the file, is or has.
Status CheckFileHeader(std::string_view contents);

// The first chunk of `contents`. Nothing if they end within it.
std::optional<Chunk> ParseChunk(std::string_view contents);

// Nothing if the body is damaged. The properties are not looked at.
std::optional<StoredMessage> ParseMessage(std::string_view body);

// The store id of a message that is retained; nothing if the body is damaged.
std::optional<std::uint64_t> ParseRetainMark(std::string_view body);

// The value of kv-revision. Nothing unless there is exactly one and it is a number, and for
// properties that are damaged.
std::optional<Revision> RevisionOf(std::string_view properties);

}  // namespace kv::plugin
