// What a reading or admin request asks for, from its user properties or, for clients that have
// none, from a JSON object in its payload; properties win. Source: protocol.md, "Request plane".
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kv/clock.h"
#include "kv/entry.h"
#include "kv/result.h"

namespace kv::wire {

struct ReadOptions {
  std::optional<std::string> filter;
  std::optional<Revision> revision;
  std::optional<Revision> from_revision;
  std::optional<std::uint64_t> limit;
  std::optional<std::string> cursor;
  std::optional<Nanoseconds> older_than;
  bool meta_only = false;
  bool ignore_deletes = false;
  bool include_deleted = false;
  bool packed = false;
};

inline constexpr std::uint64_t kDefaultLimit = 100;
inline constexpr std::uint64_t kMaxLimit = 500;
// Of a payload with options: reading megabytes of JSON would hold up every client of the broker.
inline constexpr std::size_t kMaxOptionsBytes = std::size_t{16} << 10;

// Properties that no such request knows are passed over, unknown JSON members are not.
// Errors: bad-request, naming the option and what is accepted.
Result<ReadOptions> ParseReadOptions(const std::vector<UserProperty>& properties,
                                     std::string_view payload);

}  // namespace kv::wire
