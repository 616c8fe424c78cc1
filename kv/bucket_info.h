// BucketInfo: a bucket's configuration and state, as `info` tells it.
// Source: protocol.md, "Buckets".
#pragma once

#include <cstdint>
#include <string>

#include "kv/bucket_config.h"
#include "kv/clock.h"
#include "kv/entry.h"

namespace kv {

struct BucketInfo {
  std::string name;
  BucketConfig config;
  TimePoint created = 0;
  std::uint64_t keys = 0;      // that have a value
  std::uint64_t entries = 0;   // kept, markers included
  std::uint64_t bytes = 0;     // keys, values and properties of the kept entries
  Revision last_revision = 0;  // 0: none was given out yet

  friend bool operator==(const BucketInfo&, const BucketInfo&) = default;
};

}  // namespace kv
