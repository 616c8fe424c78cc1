// Loader: builds buckets and their indexes from the database, at start.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>

#include "kv/result.h"
#include "store/bucket.h"
#include "store/engine.h"
#include "store/leaving.h"

namespace kv::store {

struct Loaded {
  std::map<std::string, std::unique_ptr<Bucket>, std::less<>> buckets;
  BucketId next_id = 1;
  std::deque<Leaving> leaving;
  std::map<std::string, Grave, std::less<>> graves;
};

struct LoadOptions {
  // The newest writes may be gone: go on above what was reserved instead of what is there.
  bool tail_may_be_lost = false;
  // Nothing of a memory bucket is there, and its last revision only after a clean end.
  bool ended_cleanly = false;
};

// Errors: storage-error.
Result<Loaded> LoadBuckets(Engine& engine, const LoadOptions& options);

}  // namespace kv::store
