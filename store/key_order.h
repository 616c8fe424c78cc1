// KeyOrder: a bucket's keys in their order. Owns them.
//
// At a start a great many keys come at once, in any order. A thread of their own brings them into
// theirs, while the broker's thread goes on with what needs none.
//
// The broker's thread only. As long as the other thread is at it, nobody may change the text of a
// key, and what is asked for here waits for it.
#pragma once

#include <absl/container/btree_map.h>

#include <future>
#include <memory>
#include <string_view>
#include <vector>

namespace kv::store {

struct KeyState;

class KeyOrder {
 public:
  using ByKey = absl::btree_map<std::string_view, std::unique_ptr<KeyState>>;

  KeyOrder();
  KeyOrder(const KeyOrder&) = delete;
  KeyOrder& operator=(const KeyOrder&) = delete;
  ~KeyOrder();

  const ByKey& keys() const {
    Await();
    return by_key_;
  }
  // It is not there yet.
  void Insert(std::unique_ptr<KeyState> state);
  // It is there, and ceases to be.
  void Erase(const KeyState& state);
  void Clear();

  // --- at start, before anything else ---
  // The same as Insert, but not among keys() before BringIntoOrder.
  void Load(std::unique_ptr<KeyState> state);
  void BringIntoOrder();

 private:
  // So many, and a thread is worth its while.
  static constexpr std::size_t kMany = 50'000;

  void Sort();
  void Await() const {
    if (ordering_.valid()) {
      ordering_.get();
    }
  }

  mutable std::future<void> ordering_;  // what follows is the other thread's, until this is over
  ByKey by_key_;                        // views into the states' own keys
  std::vector<std::unique_ptr<KeyState>> loaded_;  // to be in by_key_
};

}  // namespace kv::store
