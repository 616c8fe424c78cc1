#include "wire/reply.h"

#include <absl/strings/escaping.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "kv/names.h"
#include "kv/units.h"
#include "wire/entry_json.h"
#include "wire/names.h"
#include "wire/time_text.h"

namespace kv::wire {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostEntryFields = 7;

std::string JsonName(std::string_view property) {
  std::string name(property.substr(kReservedPrefix.size()));
  for (char& c : name) {
    c = c == '-' ? '_' : c;
  }
  return name;
}

Json JsonValue(const Field& field) {
  if (field.is_number) {
    if (const auto number = ParseUnsigned(field.value)) {
      return *number;
    }
  }
  return field.is_flag ? Json(true) : Json(field.value);
}

void PutValue(Json& object, const std::string& value) {
  if (IsUtf8(value)) {
    object["value"] = value;
  } else {
    object["value_base64"] = absl::Base64Escape(absl::string_view(value.data(), value.size()));
  }
}

void PutOwn(Json& object, const Properties& own) {
  if (own.content_type) {
    object["content_type"] = *own.content_type;
  }
  if (own.payload_format) {
    object["payload_format"] = *own.payload_format;
  }
  if (!own.user.empty()) {
    Json list = Json::array();
    for (const auto& property : own.user) {
      list.push_back({property.name, property.value});  // names may repeat: pairs, in order
    }
    object["properties"] = std::move(list);
  }
}

void PutMessage(Json& object, const Reply& reply) {
  for (const auto& field : reply.fields) {
    object[JsonName(field.name)] = JsonValue(field);
  }
  PutOwn(object, reply.own);
  if (reply.document_name == kTopOfReply) {
    object.update(Json::parse(reply.payload, nullptr, false));
  } else if (!reply.document_name.empty()) {
    object[std::string(reply.document_name)] = Json::parse(reply.payload, nullptr, false);
  } else if (reply.has_value) {
    PutValue(object, reply.payload);
  }
}

}  // namespace

void AddNumber(Reply& reply, std::string_view name, std::uint64_t number) {
  reply.fields.push_back({name, std::to_string(number), true, false});
}

void AddText(Reply& reply, std::string_view name, std::string text) {
  reply.fields.push_back({name, std::move(text), false, false});
}

void AddFlag(Reply& reply, std::string_view name) {
  reply.fields.push_back({name, "true", false, true});
}

Reply OkReply() {
  Reply reply;
  reply.status = kStatusOk;
  return reply;
}

Reply ErrorReply(const Error& error) {
  Reply reply;
  reply.status = error.token();
  // It may quote what a client sent, and a property must not hold everything that JSON can.
  AddText(reply, kError, CleanedUtf8(error.message));
  if (error.revision) {
    AddNumber(reply, kRevision, *error.revision);
  }
  return reply;
}

Reply WriteReply(Revision revision, TimePoint time, bool duplicate) {
  Reply reply = OkReply();
  reply.fields.reserve(3);
  if (revision != 0) {
    AddNumber(reply, kRevision, revision);
    AddText(reply, kTime, FormatTime(time));
  }
  if (duplicate) {
    AddFlag(reply, kDuplicate);
  }
  return reply;
}

Reply EntryReply(std::string_view status, Entry entry, bool meta_only) {
  Reply reply;
  reply.status = status;
  reply.fields.reserve(kMostEntryFields);
  AddText(reply, kKey, std::move(entry.key));
  AddText(reply, kOp, std::string(NameOf(entry.operation)));
  AddNumber(reply, kRevision, entry.revision);
  AddText(reply, kTime, FormatTime(entry.time));
  if (entry.reason != Reason::kNone) {
    AddText(reply, kReason, std::string(NameOf(entry.reason)));
  }
  if (entry.author) {
    AddText(reply, kClient, std::move(entry.author->client));
    if (!entry.author->username.empty()) {
      AddText(reply, kUsername, std::move(entry.author->username));
    }
  }
  reply.own = std::move(entry.properties);
  if (!meta_only && entry.operation == Operation::kPut) {
    reply.payload = std::move(entry.value);
    reply.has_value = true;
  }
  return reply;
}

Reply ValueReply(std::string value) {
  Reply reply = OkReply();
  reply.payload = std::move(value);
  reply.has_value = true;
  return reply;
}

Reply DocumentReply(std::string_view name, std::string json) {
  Reply reply = OkReply();
  reply.payload = std::move(json);
  reply.document_name = name;
  reply.own.content_type = "application/json";
  reply.own.payload_format = 1;
  return reply;
}

std::vector<UserProperty> UserPropertiesOf(const Reply& reply) {
  std::vector<UserProperty> properties;
  SpellUserProperties(reply, properties);
  return properties;
}

void SpellUserProperties(const Reply& reply, std::vector<UserProperty>& into) {
  const auto& own = reply.own.user;
  into.resize(own.size() + 1 + reply.fields.size());
  auto next = std::copy(own.begin(), own.end(), into.begin());
  const auto put = [&next](std::string_view name, std::string_view value) {
    next->name = name;
    next->value = value;
    ++next;
  };
  put(kStatus, reply.status);
  for (const auto& field : reply.fields) {
    put(field.name, field.value);
  }
}

std::string JsonOf(std::span<const Reply> replies) {
  Json object = Json::object();
  const Reply& last = replies.back();
  object["status"] = std::string(last.status);
  if (last.document_name.empty()) {
    PutMessage(object, last);
  } else {
    Reply plain = last;  // the content type is the reply's, not an entry's
    plain.own = {};
    PutMessage(object, plain);
  }
  if (last.status == kStatusEnd) {
    Json entries = Json::array();
    for (std::size_t i = 0; i + 1 < replies.size(); ++i) {
      Json entry = Json::object();
      PutMessage(entry, replies[i]);
      entries.push_back(std::move(entry));
    }
    object["entries"] = std::move(entries);
  }
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string EntryJson(const Entry& entry) {
  Json object = Json::object();
  PutMessage(object, EntryReply(kStatusEntry, entry, /*meta_only=*/false));
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace kv::wire
