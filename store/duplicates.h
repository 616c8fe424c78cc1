// Duplicates: the message ids of a bucket's recent writes and what became of them. A write that
// comes again within the window gets its first result. Not thread-safe.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "kv/clock.h"
#include "kv/entry.h"

namespace kv::store {

class Duplicates {
 public:
  struct First {
    Revision revision;  // 0: the write was fine and wrote nothing
    TimePoint time;
    std::string result;  // what the reply said beyond these
  };

  const First* Find(std::string_view message_id) const {
    const auto found = by_id_.find(message_id);
    return found == by_id_.end() ? nullptr : &found->second;
  }

  void Remember(std::string_view message_id, First first) {
    order_.emplace_back(first.time, std::string(message_id));
    by_id_.insert_or_assign(std::string(message_id), std::move(first));
  }

  // Forgets what is older than `oldest` and calls `visit(time, message_id)` for each.
  template <typename Visit>
  void Prune(TimePoint oldest, const Visit& visit) {
    while (!order_.empty() && order_.front().first < oldest) {
      const auto& [time, message_id] = order_.front();
      const auto found = by_id_.find(message_id);
      if (found != by_id_.end() && found->second.time == time) {
        by_id_.erase(found);
      }
      visit(time, message_id);
      order_.pop_front();
    }
  }

  // Its place in the queue stays: nothing is left for Prune to do then but to visit it.
  void Forget(std::string_view message_id) {
    const auto found = by_id_.find(message_id);
    if (found != by_id_.end()) {
      by_id_.erase(found);
    }
  }

  // Calls `visit(message_id, first)` for each, in no order.
  template <typename Visit>
  void ForEach(const Visit& visit) const {
    for (const auto& [message_id, first] : by_id_) {
      visit(message_id, first);
    }
  }

  // False: there is none.
  bool ForgetOldest() {
    if (order_.empty()) {
      return false;
    }
    by_id_.erase(order_.front().second);
    order_.pop_front();
    return true;
  }

  std::size_t size() const { return by_id_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };

  std::unordered_map<std::string, First, Hash, std::equal_to<>> by_id_;
  std::deque<std::pair<TimePoint, std::string>> order_;
};

}  // namespace kv::store
