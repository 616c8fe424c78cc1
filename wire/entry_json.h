// An entry as one JSON object, with the words that MQTT 3 clients get: key, op, revision, time,
// reason, client, username, content_type, payload_format, properties (pairs: names may repeat), and
// the value as `value` (UTF-8 text) or `value_base64`.
#pragma once

#include <string>
#include <string_view>

#include "kv/entry.h"
#include "kv/result.h"

namespace kv::wire {

// One line, without its end.
std::string EntryJson(const Entry& entry);

// Of such an object what can be written again: key, operation (a put if there is none), value and
// properties; other members are passed over. Errors: bad-request, naming the member and what is
// accepted; the key is not checked.
Result<Entry> ReadEntryJson(std::string_view text);

}  // namespace kv::wire
