// A page of entries as one payload: what a reply with kv-packed is.
// Source: protocol.md, "Packed pages".
//
//   page    := version:u8 record*
//   record  := length:u32 operation:u8 reason:u8 revision:u64 time:i64 flags:u8 key:text
//              [payload-format:u8] [content-type:text] [count:u32 {name:text value:text}*]
//              [client:text username:text] value
//   flags   := bit 0 payload format, bit 1 content type, bit 2 user properties, bit 3 client and
//              username; the others are zero
//   text    := length:u16 bytes, as MQTT writes its strings
//
// Numbers are big-endian. A record's length counts what follows it; the value goes to its end.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kv/entry.h"
#include "kv/result.h"

namespace kv::wire {

// What messages of their own would say of the entries. With `meta_only` without the values.
std::string PackEntries(const std::vector<Entry>& entries, bool meta_only);
// Errors: bad-reply, when the bytes are damaged or of a newer version.
Result<std::vector<Entry>> UnpackEntries(std::string_view page);

}  // namespace kv::wire
