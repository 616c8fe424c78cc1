#include "wire/txn.h"

#include <absl/strings/escaping.h>

#include <set>

#include <nlohmann/json.hpp>

#include "kv/names.h"
#include "kv/units.h"
#include "wire/json_text.h"

namespace kv::wire {
namespace {

using Json = nlohmann::json;

Error Bad(const std::string& where, const std::string& what) {
  return Error(ErrorCode::kBadRequest, where + ": " + what);
}

Result<std::string> ReadKey(const Json& item, const std::string& where) {
  const auto key = item.find("key");
  if (key == item.end() || !key->is_string()) {
    return Bad(where, "needs a key, a text");
  }
  auto text = key->get<std::string>();
  if (auto parsed = Key::Parse(text); !parsed) {
    return Error(parsed.error().code, where + ": " + parsed.error().message);
  }
  return text;
}

Status CheckMembers(const Json& item,
                    const std::string& where,
                    const std::set<std::string_view>& accepted) {
  if (!item.is_object()) {
    return Bad(where, "is not a list of objects");
  }
  for (const auto& [name, value] : item.items()) {
    if (!accepted.contains(name)) {
      std::string names;
      for (const auto known : accepted) {
        names += (names.empty() ? "" : ", ") + std::string(known);
      }
      return Bad(where, "has an unknown member: accepted are " + names);
    }
  }
  return Ok{};
}

// A list of objects, nothing if it is not given; no key twice.
template <typename Item, typename Read>
Status ReadList(const Json& txn,
                const std::string& name,
                std::vector<Item>& into,
                const Read& read) {
  const auto list = txn.find(name);
  if (list == txn.end()) {
    return Ok{};
  }
  if (!list->is_array() || list->size() > kMaxTxnOperations) {
    return Bad(name, "accepted is a list of at most " + std::to_string(kMaxTxnOperations));
  }
  std::set<std::string> keys;
  for (const Json& item : *list) {
    auto one = read(item, name);
    if (!one) {
      return std::move(one).error();
    }
    if (!keys.insert(one->key).second) {
      return Bad(name, "a key stands twice, accepted is once");
    }
    into.push_back(std::move(*one));
  }
  return Ok{};
}

Result<TxnCondition> ReadCondition(const Json& item, const std::string& where) {
  if (auto checked = CheckMembers(item, where, {"key", "revision"}); !checked) {
    return std::move(checked).error();
  }
  auto key = ReadKey(item, where);
  if (!key) {
    return std::move(key).error();
  }
  const auto revision = item.find("revision");
  if (revision == item.end() || !revision->is_number_unsigned()) {
    return Bad(where, "needs a revision, a whole number, 0 for a key without an entry");
  }
  return TxnCondition{std::move(*key), revision->get<Revision>()};
}

Status ReadValue(const Json& item, const std::string& where, TxnOperation& operation) {
  const auto text = item.find("value");
  const auto base64 = item.find("value_base64");
  const bool puts = OperationOf(operation.verb) == Operation::kPut;
  const bool has_text = text != item.end();
  const bool has_base64 = base64 != item.end();
  if (!puts) {
    return has_text || has_base64 ? Status(Bad(where, "a delete or purge takes no value"))
                                  : Status(Ok{});
  }
  if (has_text == has_base64) {
    return Bad(where, "a put, create or update needs one of value and value_base64");
  }
  const Json& given = has_text ? *text : *base64;
  if (!given.is_string()) {
    return Bad(where, "value and value_base64 are texts");
  }
  operation.value = given.get<std::string>();
  if (has_base64 && !absl::Base64Unescape(given.get<std::string>(), &operation.value)) {
    return Bad(where, "value_base64 is not base64");
  }
  return Ok{};
}

Status ReadTtl(const Json& item, const std::string& where, TxnOperation& operation) {
  const auto ttl = item.find("ttl");
  if (ttl == item.end()) {
    return Ok{};
  }
  const std::string text = ttl->is_string()            ? ttl->get<std::string>()
                           : ttl->is_number_unsigned() ? ttl->dump()
                                                       : std::string();
  operation.ttl = ParseDuration(text);
  return operation.ttl ? Status(Ok{})
                       : Status(Bad(where, "ttl: accepted is a duration (90, \"500ms\", \"30s\")"));
}

Status ReadConditionOf(const Json& item, const std::string& where, TxnOperation& operation) {
  const auto expected = item.find("expected_revision");
  if (expected != item.end()) {
    if (!expected->is_number_unsigned()) {
      return Bad(where, "expected_revision: accepted is a whole number");
    }
    operation.expected = expected->get<Revision>();
  }
  if (operation.verb == WriteVerb::kUpdate && !operation.expected) {
    return Bad(where, "an update needs expected_revision");
  }
  const auto ephemeral = item.find("ephemeral");
  if (ephemeral != item.end()) {
    if (!ephemeral->is_boolean()) {
      return Bad(where, "ephemeral: accepted is true or false");
    }
    operation.ephemeral = ephemeral->get<bool>();
  }
  return Ok{};
}

Result<TxnOperation> ReadOperation(const Json& item, const std::string& where) {
  if (auto checked = CheckMembers(
          item,
          where,
          {"op", "key", "value", "value_base64", "ttl", "expected_revision", "ephemeral"});
      !checked) {
    return std::move(checked).error();
  }
  const auto op = item.find("op");
  const auto verb =
      op != item.end() && op->is_string() ? ParseVerb(op->get<std::string>()) : std::nullopt;
  if (!verb) {
    return Bad(where, "op: accepted is " + std::string(kVerbForm));
  }
  auto key = ReadKey(item, where);
  if (!key) {
    return std::move(key).error();
  }
  TxnOperation operation{.key = std::move(*key), .verb = *verb};
  for (const auto step : {&ReadValue, &ReadTtl, &ReadConditionOf}) {
    if (auto read = step(item, where, operation); !read) {
      return std::move(read).error();
    }
  }
  return operation;
}

Json OperationJson(const TxnOperation& operation) {
  Json json{{"op", std::string(NameOf(operation.verb))}, {"key", operation.key}};
  if (OperationOf(operation.verb) == Operation::kPut) {
    if (IsUtf8(operation.value)) {
      json["value"] = operation.value;
    } else {
      json["value_base64"] = absl::Base64Escape(operation.value);
    }
  }
  if (operation.ttl) {
    json["ttl"] = FormatDuration(*operation.ttl);
  }
  if (operation.expected) {
    json["expected_revision"] = *operation.expected;
  }
  if (operation.ephemeral) {
    json["ephemeral"] = true;
  }
  return json;
}

}  // namespace

Result<Txn> ParseTxn(std::string_view payload) {
  if (payload.size() > kMaxTxnBytes) {
    return Error(ErrorCode::kBadRequest,
                 "the transaction is too long: accepted are at most " +
                     std::to_string(kMaxTxnBytes) + " bytes");
  }
  const auto parsed = ParseJson<Json>(payload);
  if (!parsed) {
    return parsed.error();
  }
  const Json& json = *parsed;
  if (!json.is_object()) {
    return Error(ErrorCode::kBadRequest,
                 "the payload is not a JSON object: accepted is "
                 R"({"if": [{"key": K, "revision": N}], "then": [...], "else": [...]})");
  }
  if (auto checked = CheckMembers(json, "the transaction", {"if", "then", "else"}); !checked) {
    return std::move(checked).error();
  }
  Txn txn;
  for (const auto& status : {ReadList(json, "if", txn.conditions, ReadCondition),
                             ReadList(json, "then", txn.then, ReadOperation),
                             ReadList(json, "else", txn.otherwise, ReadOperation)}) {
    if (!status) {
      return status.error();
    }
  }
  return txn;
}

std::string TxnJson(bool succeeded, const std::vector<TxnResult>& results) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  json["succeeded"] = succeeded;
  json["results"] = nlohmann::ordered_json::array();
  for (const auto& result : results) {
    json["results"].push_back({{"key", std::string(result.key)}, {"revision", result.revision}});
  }
  return json.dump();
}

std::string TxnRequestJson(const Txn& txn) {
  Json json = Json::object();
  for (const auto& condition : txn.conditions) {
    json["if"].push_back({{"key", condition.key}, {"revision", condition.revision}});
  }
  for (const auto& operation : txn.then) {
    json["then"].push_back(OperationJson(operation));
  }
  for (const auto& operation : txn.otherwise) {
    json["else"].push_back(OperationJson(operation));
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<TxnReply> ReadTxnReply(std::string_view payload) {
  const Error wrong(ErrorCode::kBadReply, "this is not the JSON of a transaction's outcome");
  const Json json = Json::parse(payload, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("succeeded") || !json["succeeded"].is_boolean() ||
      !json.contains("results") || !json["results"].is_array()) {
    return wrong;
  }
  TxnReply reply{.succeeded = json["succeeded"].get<bool>()};
  for (const Json& item : json["results"]) {
    const bool good = item.is_object() && item.contains("key") && item["key"].is_string() &&
                      item.contains("revision") && item["revision"].is_number_unsigned();
    if (!good) {
      return wrong;
    }
    reply.results.emplace_back(item["key"].get<std::string>(), item["revision"].get<Revision>());
  }
  return reply;
}

}  // namespace kv::wire
