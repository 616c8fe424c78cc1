// Entry: one operation on one key, as the stream keeps it.
// Source: protocol.md, first section.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kv/clock.h"

namespace kv {

using Revision = std::uint64_t;  // a bucket's sequence number; 0 means "none"

enum class Operation : std::uint8_t {
  kPut = 0,
  kDelete = 1,
  kPurge = 2,
};

// Why an operation happened that no client asked for.
enum class Reason : std::uint8_t {
  kNone = 0,
  kExpired = 1,
  kBucketDeleted = 2,
  kDisconnected = 3,
};

struct UserProperty {
  std::string name;
  std::string value;

  friend bool operator==(const UserProperty&, const UserProperty&) = default;
};

// What a writer says about its value: kept with the entry and handed to every reader. Never holds
// a name that begins with "kv-".
struct Properties {
  std::optional<std::uint8_t> payload_format;
  std::optional<std::string> content_type;
  std::vector<UserProperty> user;

  bool empty() const { return !payload_format && !content_type && user.empty(); }
  // The bytes that count towards a bucket's size.
  std::size_t size() const {
    std::size_t total = content_type ? content_type->size() : 0;
    for (const auto& property : user) {
      total += property.name.size() + property.value.size();
    }
    return total;
  }

  friend bool operator==(const Properties&, const Properties&) = default;
};

// Who wrote an entry, as the broker knows him.
struct Author {
  std::string client;
  std::string username;  // empty: anonymous

  friend bool operator==(const Author&, const Author&) = default;
};

struct Entry {
  std::string key;
  Revision revision = 0;
  Operation operation = Operation::kPut;
  Reason reason = Reason::kNone;
  std::uint8_t qos = 0;  // the writer's, 0 to 2: a restored retained message has it again
  TimePoint time = 0;
  TimePoint expires = 0;         // from kv-ttl; 0: never. The bucket's own ttl is not in here
  bool ephemeral = false;        // goes with the connection of its writer
  std::optional<Author> author;  // kept by buckets with audit
  Properties properties;
  std::string value;

  bool is_marker() const { return operation != Operation::kPut; }

  friend bool operator==(const Entry&, const Entry&) = default;
};

constexpr std::string_view NameOf(Operation operation) {
  switch (operation) {
    case Operation::kPut: return "PUT";
    case Operation::kDelete: return "DEL";
    case Operation::kPurge: return "PURGE";
  }
  return "";
}

constexpr std::optional<Operation> OperationNamed(std::string_view name) {
  for (const auto operation : {Operation::kPut, Operation::kDelete, Operation::kPurge}) {
    if (NameOf(operation) == name) {
      return operation;
    }
  }
  return std::nullopt;
}

constexpr std::string_view NameOf(Reason reason) {
  switch (reason) {
    case Reason::kNone: return "";
    case Reason::kExpired: return "expired";
    case Reason::kBucketDeleted: return "bucket-deleted";
    case Reason::kDisconnected: return "disconnected";
  }
  return "";
}

}  // namespace kv
