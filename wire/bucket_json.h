// Buckets as JSON. Source: protocol.md, "Buckets".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kv/bucket_config.h"
#include "kv/clock.h"
#include "kv/entry.h"
#include "kv/result.h"

namespace kv::wire {

struct BucketInfo {
  std::string_view name;
  const BucketConfig& config;
  TimePoint created;
  std::uint64_t keys;
  std::uint64_t entries;
  std::uint64_t bytes;
  Revision last_revision;
};

// Durations and sizes as the configuration takes them, absent limits as null.
std::string InfoJson(const BucketInfo& info);

inline constexpr std::size_t kMaxConfigBytes = std::size_t{64} << 10;

// Sets the fields that the JSON object has, on top of `config`; null unsets one.
// Errors: bad-request, naming the field and what is accepted; `config` may have changed in part.
Status ReadConfigJson(BucketConfig& config, std::string_view payload);

std::string KeysJson(const std::vector<std::string>& keys);
// `infos` are JSON texts already.
std::string ArrayJson(const std::vector<std::string>& infos);

}  // namespace kv::wire
