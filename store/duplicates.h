// Duplicates: the message ids of a bucket's recent writes and what became of them. A write that
// comes again within the window gets its first result. What they may take of the memory is limited:
// beyond that the oldest leave before the window has passed. Not thread-safe.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "kv/clock.h"
#include "kv/entry.h"
#include "store/text_hash.h"

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
    Forget(message_id);
    bytes_ += BytesInOrder(message_id) + BytesById(message_id, first);
    order_.emplace_back(first.time, std::string(message_id));
    by_id_.insert_or_assign(std::string(message_id), std::move(first));
  }

  // Forgets up to `limit` of those that are older than `oldest`, and calls `visit(time,
  // message_id)` for each. Returns what is left of the limit; 0: there may be more of them.
  template <typename Visit>
  std::size_t Prune(TimePoint oldest, std::size_t limit, const Visit& visit) {
    for (; limit > 0 && IsOlder(oldest); --limit) {
      TakeOldest(visit);
    }
    return limit;
  }

  // Forgets the oldest, and calls `visit` likewise, until there is room for one more.
  template <typename Visit>
  void MakeRoom(std::string_view message_id, std::string_view result, const Visit& visit) {
    const std::size_t more =
        BytesInOrder(message_id) + BytesById(message_id, {0, 0, std::string(result)});
    while (!order_.empty() && bytes_ + more > kMaxBytes) {
      TakeOldest(visit);
    }
  }

  // Its place in the queue stays: nothing is left for Prune to do then but to visit it.
  void Forget(std::string_view message_id) {
    const auto found = by_id_.find(message_id);
    if (found != by_id_.end()) {
      bytes_ -= BytesById(message_id, found->second);
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
    TakeOldest([](TimePoint, std::string_view) {});
    return true;
  }

  std::size_t size() const { return by_id_.size(); }

  // About: 60,000 ids of usual length.
  static constexpr std::size_t kMaxBytes = std::size_t{16} << 20;

 private:
  // What one takes in memory, about: its place in the queue, which stays until its time has come,
  // and the rest.
  static std::size_t BytesInOrder(std::string_view message_id) { return 80 + message_id.size(); }
  static std::size_t BytesById(std::string_view message_id, const First& first) {
    return 120 + message_id.size() + first.result.size();
  }

  bool IsOlder(TimePoint oldest) const { return !order_.empty() && order_.front().first < oldest; }

  template <typename Visit>
  void TakeOldest(const Visit& visit) {
    const auto& [time, message_id] = order_.front();
    const auto found = by_id_.find(message_id);
    if (found != by_id_.end() && found->second.time == time) {
      bytes_ -= BytesById(message_id, found->second);
      by_id_.erase(found);
    }
    bytes_ -= BytesInOrder(message_id);
    visit(time, message_id);
    order_.pop_front();
  }

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return HashOf(text);
    }
  };

  std::unordered_map<std::string, First, Hash, std::equal_to<>> by_id_;
  std::deque<std::pair<TimePoint, std::string>> order_;
  std::size_t bytes_ = 0;
};

}  // namespace kv::store
