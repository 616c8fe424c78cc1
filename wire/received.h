// What the plugin sends, read back: replies and changes, as a client gets them.
// Source: protocol.md, "Reading by subscription" and "Replies".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kv/entry.h"
#include "kv/result.h"

namespace kv::wire {

// Nothing if there is none of this name.
std::optional<std::string_view> FindProperty(const std::vector<UserProperty>& properties,
                                             std::string_view name);
// A property that is a number; nothing also if it is none.
std::optional<std::uint64_t> FindNumber(const std::vector<UserProperty>& properties,
                                        std::string_view name);

// The error that a reply with this kv-status is; nothing for ok, entry and end.
// An unknown status is bad-reply.
std::optional<Error> ReadError(const std::vector<UserProperty>& properties);

// An entry of a reply, or a change; its key is kv-key, empty if there is none (a change has it in
// its topic). `all` are the message's properties, those of the protocol among them: they go.
// Errors: bad-reply, naming the property that is missing or wrong.
Result<Entry> ReadEntry(Properties all, std::string payload);

}  // namespace kv::wire
