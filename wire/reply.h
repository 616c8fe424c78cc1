// Replies, as the request plane gives them, and their two spellings: MQTT 5 messages with user
// properties, and one JSON text for clients that have none. Source: protocol.md, "Request plane".
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kv/entry.h"
#include "kv/result.h"

namespace kv::wire {

struct Field {
  std::string_view name;  // one of names.h
  std::string value;
  bool is_number = false;
  bool is_flag = false;
};

// One message of a reply.
struct Reply {
  std::string_view status;
  std::vector<Field> fields;  // after the status, in this order
  Properties own;             // of an entry: its writer's
  std::string payload;
  std::string_view document_name;  // set: the payload is JSON, and this its name (keys, info, …)
  bool has_value = false;          // the payload is a value, also when it is empty
};

// The document name of a JSON object whose members stand beside the other fields for MQTT 3.
inline constexpr std::string_view kTopOfReply = ".";

Reply OkReply();
Reply ErrorReply(const Error& error);
// The outcome of a write. Revision 0 (nothing was written): without revision and time.
Reply WriteReply(Revision revision, TimePoint time, bool duplicate);
// `status`: kStatusOk or kStatusEntry. With `meta_only` without the value.
Reply EntryReply(std::string_view status, Entry entry, bool meta_only);
Reply ValueReply(std::string value);
Reply DocumentReply(std::string_view name, std::string json);

void AddNumber(Reply& reply, std::string_view name, std::uint64_t number);
void AddText(Reply& reply, std::string_view name, std::string text);
void AddFlag(Reply& reply, std::string_view name);

// MQTT 5: the user properties of the message; the writer's own first.
std::vector<UserProperty> UserPropertiesOf(const Reply& reply);
// The same, in the memory of those of an earlier message.
void SpellUserProperties(const Reply& reply, std::vector<UserProperty>& into);
// MQTT 3: all messages of a reply in one JSON object; the last one's fields at its top, entries
// under `entries`.
std::string JsonOf(std::span<const Reply> replies);
inline std::string JsonOf(std::initializer_list<Reply> replies) {
  return JsonOf(std::span(replies.begin(), replies.size()));
}

}  // namespace kv::wire
