// Buckets as JSON. Source: protocol.md, "Buckets".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kv/bucket_config.h"
#include "kv/bucket_info.h"
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

// Every field, absent ones as null: what ReadConfigJson makes this configuration of, whatever it is
// read on top of.
std::string ConfigJson(const BucketConfig& config);

// Some fields by their names, with the texts that SetField reads; null for what is to be unset.
std::string FieldsJson(const std::map<std::string, std::optional<std::string>>& fields);

std::string KeysJson(const std::vector<std::string>& keys);
// `infos` are JSON texts already.
std::string ArrayJson(const std::vector<std::string>& infos);

// Those read back. Members that are not known are passed over. Errors: bad-reply.
Result<kv::BucketInfo> ReadInfoJson(std::string_view text);
Result<std::vector<kv::BucketInfo>> ReadInfosJson(std::string_view text);
Result<std::vector<std::string>> ReadKeysJson(std::string_view text);

}  // namespace kv::wire
