// The configuration of a bucket, and the one table of its fields: their names, how they are read
// and how they are written, for mosquitto.conf, the JSON of admin requests and the catalog alike.
// Source: protocol.md, "Buckets".
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "kv/api.h"
#include "kv/clock.h"
#include "kv/result.h"

namespace kv {

enum class Storage : std::uint8_t {
  kFile,
  kMemory,
};

struct BucketConfig {
  std::uint32_t history = 1;                    // entries kept per key, 1 to 64
  std::optional<Nanoseconds> ttl;               // an entry expires this long after its write
  std::optional<std::uint64_t> max_value_size;  // bytes
  std::optional<std::uint64_t> max_bytes;
  std::optional<std::uint64_t> max_keys;
  bool retained = true;
  Storage storage = Storage::kFile;
  std::optional<Nanoseconds> marker_ttl;
  bool audit = false;
  std::optional<std::string> capture;  // a topic filter
  std::string description;
  std::map<std::string, std::string> metadata;

  friend bool operator==(const BucketConfig&, const BucketConfig&) = default;
};

inline constexpr std::uint32_t kMaxHistory = 64;

enum class FieldKind : std::uint8_t {
  kNumber,
  kDuration,
  kSize,
  kFlag,
  kWord,
  kText,
  kMap,
};

struct BucketField {
  std::string_view name;
  FieldKind kind;
  std::string_view accepted;  // for error messages
  // Text of the field, nothing if it is unset.
  std::optional<std::string> (*get)(const BucketConfig&);
  // False if the text is not acceptable. Nothing (nullopt) resets the field to its default.
  bool (*set)(BucketConfig&, std::optional<std::string_view>);
};

// Every field, in the contract's order. `metadata` is not settable through this table as a whole:
// its members are the fields `metadata.<name>` (see SetField).
KV_API void VisitBucketFields(const std::function<void(const BucketField&)>& visit);
// nullptr if there is none of this name.
KV_API const BucketField* FindBucketField(std::string_view name);

// Sets one field from its text; nothing resets it. Errors: bad-request, naming the field and what
// is accepted.
KV_API Status SetField(BucketConfig& config,
                       std::string_view name,
                       std::optional<std::string_view> text);

// Calls `visit(name, text)` for each field that differs from the default configuration.
KV_API void VisitFields(const BucketConfig& config,
                        const std::function<void(const std::string&, const std::string&)>& visit);

// Reads `history=5 ttl=24h description="two words"`, as mosquitto.conf has it, on top of `config`.
// Errors: bad-request, naming the field.
KV_API Status ReadFields(BucketConfig& config, std::string_view line);

// A topic filter as MQTT defines it (section 4.7), not empty.
KV_API bool IsTopicFilter(std::string_view text);

}  // namespace kv
