// What the kv- properties of a write ask for. Source: protocol.md, "Data plane".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kv/clock.h"
#include "kv/entry.h"
#include "kv/result.h"

namespace kv::wire {

enum class WriteVerb : std::uint8_t {
  kPut,
  kCreate,
  kUpdate,
  kDelete,
  kPurge,
};

constexpr Operation OperationOf(WriteVerb verb) {
  switch (verb) {
    case WriteVerb::kDelete: return Operation::kDelete;
    case WriteVerb::kPurge: return Operation::kPurge;
    default: return Operation::kPut;
  }
}

constexpr std::string_view NameOf(WriteVerb verb) {
  switch (verb) {
    case WriteVerb::kPut: return "put";
    case WriteVerb::kCreate: return "create";
    case WriteVerb::kUpdate: return "update";
    case WriteVerb::kDelete: return "delete";
    case WriteVerb::kPurge: return "purge";
  }
  return "";
}

struct WriteOptions {
  WriteVerb verb = WriteVerb::kPut;
  std::optional<Revision> expected;
  std::optional<Nanoseconds> ttl;
  bool ephemeral = false;
  std::string message_id;  // empty: none

  Operation operation() const { return OperationOf(verb); }
};

inline constexpr std::size_t kMaxMessageIdBytes = 256;
inline constexpr std::string_view kVerbForm = "put, create, update, delete or purge";

// Without regard to case, DEL being delete.
std::optional<WriteVerb> ParseVerb(std::string_view text);

// Without kv-op an empty payload deletes and any other puts. Properties that a write cannot use
// are passed over; so is kv-op where `verb` says it already.
// Errors: bad-request, naming the property and what is accepted.
Result<WriteOptions> ParseWriteOptions(const std::vector<UserProperty>& options,
                                       bool payload_is_empty,
                                       std::optional<WriteVerb> verb = std::nullopt);

}  // namespace kv::wire
