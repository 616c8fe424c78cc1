#include "tests/crash/packet.h"

#include <algorithm>

namespace kv::testing {
namespace {

using nlohmann::json;

const char* NameOf(WriteKind kind) {
  switch (kind) {
    case WriteKind::kPut: return "put";
    case WriteKind::kCreate: return "create";
    case WriteKind::kUpdate:
    case WriteKind::kWrongUpdate: return "update";
    case WriteKind::kDelete: return "delete";
    default: return "purge";
  }
}

bool IsUpdate(const Operation& operation) {
  return operation.kind == WriteKind::kUpdate || operation.kind == WriteKind::kWrongUpdate;
}

bool IsMarker(const Operation& operation) {
  return operation.kind == WriteKind::kDelete || operation.kind == WriteKind::kPurge;
}

std::string TransactionOf(const Operation& operation) {
  json parts = json::array();
  for (const Operation& part : operation.parts) {
    json item{{"op", NameOf(part.kind)}, {"key", part.key}};
    if (!IsMarker(part)) {
      item["value"] = part.value;
    }
    if (IsUpdate(part)) {
      item["expected_revision"] = part.expected;
    }
    parts.push_back(std::move(item));
  }
  return json{{"then", std::move(parts)}}.dump();
}

}  // namespace

Packet PacketOf(const std::string& bucket, const Operation& operation) {
  if (operation.kind == WriteKind::kDropBucket) {
    return {"$KV/" + bucket + "/admin/delete", "", {}};
  }
  Properties properties;
  if (!operation.message_id.empty()) {
    properties.User("kv-msg-id", operation.message_id);
  }
  if (operation.kind == WriteKind::kTransaction) {
    return {"$KV/" + bucket + "/txn", TransactionOf(operation), properties};
  }
  properties.User("kv-op", NameOf(operation.kind));
  if (IsUpdate(operation)) {
    properties.User("kv-expected-revision", std::to_string(operation.expected));
  }
  properties.ContentType("test").User("writer", "a writer's own");
  return {
      "kv/" + bucket + "/" + operation.key, IsMarker(operation) ? "" : operation.value, properties};
}

Revision HighestRevisionOf(const Message& reply) {
  const json results = json::parse(reply.payload, nullptr, false);
  Revision highest = RevisionOf(reply);
  if (results.is_object() && results.contains("results")) {
    for (const json& result : results["results"]) {
      highest = std::max(highest, result.at("revision").get<Revision>());
    }
  }
  return highest;
}

}  // namespace kv::testing
