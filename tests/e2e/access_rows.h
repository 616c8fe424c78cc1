// Every verb of the request plane, for tests of who may ask it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/e2e/request_clients.h"

namespace kv::testing {

struct Row {
  std::string rule;     // the topic of an ACL that allows it
  std::string request;  // after $KV/
  std::string payload = {};
};

// Every verb; the last ones in an order in which each finds what it needs.
inline const std::vector<Row>& Rows() {
  static const std::vector<Row> kRows = {
      {"$KV/b/get/#", "b/get/k"},
      {"$KV/b/put/#", "b/put/k", "v"},
      {"$KV/b/create/#", "b/create/made", "v"},
      {"$KV/b/update/#", "b/update/0/updated", "v"},
      {"$KV/b/delete/#", "b/delete/k"},
      {"$KV/b/purge/+", "b/purge/k"},
      {"$KV/b/increment/#", "b/increment/n", "1"},
      {"$KV/b/txn", "b/txn", R"({"then": [{"op": "put", "key": "t", "value": "v"}]})"},
      {"$KV/b/keys/#", "b/keys"},
      {"$KV/b/entries/#", "b/entries"},
      {"$KV/b/history/#", "b/history"},
      {"$KV/b/info", "b/info"},
      {"$KV/buckets", "buckets"},
      {"$KV/checkpoint", "checkpoint"},
      {"$KV/b/admin/purge-deletes", "b/admin/purge-deletes"},
      {"$KV/b/purge", "b/purge"},
      {"$KV/b/admin/update", "b/admin/update", R"({"history": 7})"},
      {"$KV/b/admin/delete", "b/admin/delete"},
      {"$KV/b/admin/create", "b/admin/create", R"({"history": 7})"},
  };
  return kRows;
}

inline bool IsAnswer(const Message& message) {
  const std::string status = message.Property("kv-status").value_or("");
  return status == "ok" || status == "end" || status == "entry";
}

// Empty: it is not installed.
inline std::filesystem::path DynamicSecurityPath() {
  for (const std::string directory :
       {"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib"}) {
    std::filesystem::path path = std::filesystem::path(directory) / "mosquitto_dynamic_security.so";
    if (std::filesystem::exists(path)) {
      return path;
    }
  }
  return {};
}

}  // namespace kv::testing
