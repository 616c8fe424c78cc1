// ExpiryQueue: which entries of a bucket end their life when. Not thread-safe.
#pragma once

#include <absl/container/btree_set.h>
#include <absl/container/flat_hash_map.h>

#include <optional>

#include "kv/clock.h"
#include "kv/entry.h"

namespace kv::store {

class ExpiryQueue {
 public:
  struct Due {
    Revision revision;
    bool is_certain;
  };

  // The entry ends at `time`.
  void Set(Revision revision, TimePoint time) { Enter(revision, {time, true}); }
  // At `time` it is to be looked up when the entry ends.
  void LookAt(Revision revision, TimePoint time) { Enter(revision, {time, false}); }

  void Remove(Revision revision) {
    if (timers_.empty()) {
      return;  // the common case: a bucket in which nothing expires
    }
    const auto found = timers_.find(revision);
    if (found != timers_.end()) {
      queue_.erase({found->second.time, revision});
      timers_.erase(found);
    }
  }

  // The entry that is due longest, if one is.
  std::optional<Due> NextDue(TimePoint now) const {
    if (queue_.empty() || queue_.begin()->first > now) {
      return std::nullopt;
    }
    const Revision revision = queue_.begin()->second;
    return Due{revision, timers_.at(revision).is_certain};
  }

  std::optional<TimePoint> Next() const {
    return queue_.empty() ? std::nullopt : std::optional(queue_.begin()->first);
  }

 private:
  struct Timer {
    TimePoint time;
    bool is_certain;
  };

  void Enter(Revision revision, const Timer& timer) {
    Remove(revision);
    timers_.emplace(revision, timer);
    queue_.emplace(timer.time, revision);
  }

  absl::btree_set<std::pair<TimePoint, Revision>> queue_;
  absl::flat_hash_map<Revision, Timer> timers_;
};

}  // namespace kv::store
