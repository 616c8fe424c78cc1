// HashIndex: finds a bucket's key by its hash with one or two cache misses, where a tree takes
// many.
//
// Extendible hashing (Fagin et al., 1979): the first bits of a hash choose one of many small
// tables, and a table that is full is split in two. So it grows by some hundred slots at a time,
// and never stops the broker as a table that doubles would.
//
// Does not own what it points to. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "store/prefetch.h"

namespace kv::store {

struct KeyState;

class HashIndex {
 public:
  HashIndex();
  HashIndex(const HashIndex&) = delete;
  HashIndex& operator=(const HashIndex&) = delete;
  ~HashIndex() = default;

  // The one with this hash for which `is_it(state)` holds; nullptr: none.
  template <typename IsIt>
  KeyState* Find(std::uint64_t hash, const IsIt& is_it) const {
    const Table& table = *tables_[NumberOf(hash)];
    for (std::size_t at = table.HomeOf(hash); table.slots[at].state != nullptr;
         at = table.After(at)) {
      if (table.slots[at].hash == hash && is_it(*table.slots[at].state)) {
        return table.slots[at].state;
      }
    }
    return nullptr;
  }

  // For the sake of time alone: begins to fetch from memory what Find will look at, and once that is
  // there, what it will find.
  void FetchSlots(std::uint64_t hash) const {
    const Table& table = *tables_[NumberOf(hash)];
    Prefetch(&table.slots[table.HomeOf(hash)]);
  }
  void FetchState(std::uint64_t hash) const {
    Find(hash, [](const KeyState& state) {
      Prefetch(&state);
      return true;
    });
  }

  // It is not there yet.
  void Insert(std::uint64_t hash, KeyState* state);
  // It is there.
  void Erase(std::uint64_t hash, const KeyState* state);
  void Clear();

 private:
  struct Slot {
    std::uint64_t hash = 0;
    KeyState* state = nullptr;  // nullptr: free
  };

  // By linear probing. At least one slot is free.
  struct Table {
    explicit Table(unsigned table_depth, std::size_t size) : depth(table_depth), slots(size) {}

    std::size_t HomeOf(std::uint64_t hash) const { return hash & (slots.size() - 1); }
    std::size_t After(std::size_t at) const { return (at + 1) & (slots.size() - 1); }
    bool IsFull() const { return 4 * (used + 1) > 3 * slots.size(); }
    void Insert(const Slot& slot);
    void EraseAt(std::size_t at);

    unsigned depth;  // so many first bits do all of its hashes share
    std::size_t used = 0;
    std::vector<Slot> slots;  // a power of two
  };

  static constexpr std::size_t kFirstSlots = 8;  // there may be thousands of buckets
  static constexpr std::size_t kMostSlots = 256;
  static constexpr std::size_t kKeysForANumber = 8;

  std::size_t NumberOf(std::uint64_t hash) const { return hash >> 1 >> (63 - depth_); }
  void MakeRoomIn(Table& table, std::uint64_t hash);
  void Split(Table& table, std::uint64_t hash);

  std::size_t size_ = 0;
  unsigned depth_ = 0;
  std::vector<Table*>
      tables_;  // by the first depth_ bits of the hash; of lower depth: several times
  std::deque<Table> owned_;
};

}  // namespace kv::store
