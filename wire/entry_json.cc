#include "wire/entry_json.h"

#include <absl/strings/escaping.h>

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "wire/reply.h"

namespace kv::wire {
namespace {

using Json = nlohmann::json;

Error Bad(std::string_view member, std::string_view accepted) {
  return Error(ErrorCode::kBadRequest,
               std::string(member) + ": accepted is " + std::string(accepted));
}

Status ReadText(const Json& object, const char* name, std::optional<std::string>& text) {
  if (const auto member = object.find(name); member != object.end()) {
    if (!member->is_string()) {
      return Bad(name, "a text");
    }
    text = member->get<std::string>();
  }
  return Ok{};
}

Status ReadOperation(const Json& object, Operation& operation) {
  std::optional<std::string> name;
  if (auto read = ReadText(object, "op", name); !read || !name) {
    return read;
  }
  constexpr std::array operations{Operation::kPut, Operation::kDelete, Operation::kPurge};
  const auto* const found = std::find_if(
      operations.begin(), operations.end(), [&](Operation one) { return NameOf(one) == *name; });
  if (found == operations.end()) {
    return Bad("op", "PUT, DEL or PURGE");
  }
  operation = *found;
  return Ok{};
}

Status ReadValue(const Json& object, Entry& entry) {
  std::optional<std::string> text;
  std::optional<std::string> base64;
  for (auto read : {ReadText(object, "value", text), ReadText(object, "value_base64", base64)}) {
    if (!read) {
      return read;
    }
  }
  if (entry.is_marker()) {
    return Ok{};
  }
  if (text.has_value() == base64.has_value()) {
    return Bad("value", "one of value and value_base64");
  }
  if (text) {
    entry.value = std::move(*text);
  } else if (!absl::Base64Unescape(*base64, &entry.value)) {
    return Bad("value_base64", "base64");
  }
  return Ok{};
}

Status ReadProperties(const Json& object, Properties& properties) {
  if (auto read = ReadText(object, "content_type", properties.content_type); !read) {
    return read;
  }
  if (const auto format = object.find("payload_format"); format != object.end()) {
    if (*format != 0 && *format != 1) {
      return Bad("payload_format", "0 or 1");
    }
    properties.payload_format = format->get<std::uint8_t>();
  }
  const auto list = object.find("properties");
  if (list == object.end()) {
    return Ok{};
  }
  const auto is_pair = [](const Json& item) {
    return item.is_array() && item.size() == 2 && item[0].is_string() && item[1].is_string();
  };
  if (!list->is_array() || !std::all_of(list->begin(), list->end(), is_pair)) {
    return Bad("properties", "a list of [name, value]");
  }
  for (const Json& item : *list) {
    properties.user.push_back({item[0].get<std::string>(), item[1].get<std::string>()});
  }
  return Ok{};
}

}  // namespace

Result<Entry> ReadEntryJson(std::string_view text) {
  const Json object = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) {
    return Error(ErrorCode::kBadRequest, "accepted is a JSON object");
  }
  std::optional<std::string> key;
  if (auto read = ReadText(object, "key", key); !read || !key) {
    return Bad("key", "a text");
  }
  Entry entry{.key = std::move(*key)};
  if (auto read = ReadOperation(object, entry.operation); !read) {
    return std::move(read).error();
  }
  if (auto read = ReadValue(object, entry); !read) {
    return std::move(read).error();
  }
  if (auto read = ReadProperties(object, entry.properties); !read) {
    return std::move(read).error();
  }
  return entry;
}

}  // namespace kv::wire
