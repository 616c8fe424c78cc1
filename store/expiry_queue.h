// ExpiryQueue: which entries of a bucket end their life when. Not thread-safe.
#pragma once

#include <optional>

#include <absl/container/btree_set.h>
#include <absl/container/flat_hash_map.h>

#include "kv/clock.h"
#include "kv/entry.h"

namespace kv::store {

class ExpiryQueue {
 public:
  void Set(Revision revision, TimePoint expires) {
    Remove(revision);
    times_.emplace(revision, expires);
    queue_.emplace(expires, revision);
  }

  void Remove(Revision revision) {
    if (times_.empty()) {
      return;  // the common case: a bucket in which nothing expires
    }
    const auto found = times_.find(revision);
    if (found != times_.end()) {
      queue_.erase({found->second, revision});
      times_.erase(found);
    }
  }

  void Clear() {
    times_.clear();
    queue_.clear();
  }

  // The entry that is due longest, if one is.
  std::optional<Revision> Due(TimePoint now) const {
    if (queue_.empty() || queue_.begin()->first > now) {
      return std::nullopt;
    }
    return queue_.begin()->second;
  }

  std::optional<TimePoint> Next() const {
    return queue_.empty() ? std::nullopt : std::optional(queue_.begin()->first);
  }

 private:
  absl::btree_set<std::pair<TimePoint, Revision>> queue_;
  absl::flat_hash_map<Revision, TimePoint> times_;
};

}  // namespace kv::store
