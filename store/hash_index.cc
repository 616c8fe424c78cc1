#include "store/hash_index.h"

namespace kv::store {

HashIndex::HashIndex() {
  Clear();
}

void HashIndex::Clear() {
  owned_.clear();
  owned_.emplace_back(0, kFirstSlots);
  tables_.assign(1, &owned_.back());
  depth_ = 0;
  size_ = 0;
}

void HashIndex::Insert(std::uint64_t hash, KeyState* state) {
  while (tables_[NumberOf(hash)]->IsFull()) {
    MakeRoomIn(*tables_[NumberOf(hash)], hash);
  }
  tables_[NumberOf(hash)]->Insert({hash, state});
  ++size_;
}

void HashIndex::Erase(std::uint64_t hash, const KeyState* state) {
  Table& table = *tables_[NumberOf(hash)];
  std::size_t at = table.HomeOf(hash);
  while (table.slots[at].state != state) {
    at = table.After(at);
  }
  table.EraseAt(at);
  --size_;
}

void HashIndex::Table::Insert(const Slot& slot) {
  std::size_t at = HomeOf(slot.hash);
  while (slots[at].state != nullptr) {
    at = After(at);
  }
  slots[at] = slot;
  ++used;
}

// What follows moves up if it is on the way from its home to where it is: no probe ends too soon.
void HashIndex::Table::EraseAt(std::size_t at) {
  const std::size_t mask = slots.size() - 1;
  std::size_t hole = at;
  for (std::size_t next = After(at); slots[next].state != nullptr; next = After(next)) {
    const std::size_t distance = (next - HomeOf(slots[next].hash)) & mask;
    if (distance >= ((next - hole) & mask)) {
      slots[hole] = slots[next];
      hole = next;
    }
  }
  slots[hole] = {};
  --used;
}

// Hashes that crowd are not split in vain: the numbers, which double each time, stay fewer than the
// keys.
void HashIndex::MakeRoomIn(Table& table, std::uint64_t hash) {
  const bool may_split = table.depth < depth_ || kKeysForANumber * tables_.size() <= size_;
  if (table.slots.size() >= kMostSlots && may_split) {
    Split(table, hash);
    return;
  }
  Table larger(table.depth, 2 * table.slots.size());
  for (const Slot& slot : table.slots) {
    if (slot.state != nullptr) {
      larger.Insert(slot);
    }
  }
  table = std::move(larger);
}

void HashIndex::Split(Table& table, std::uint64_t hash) {
  if (table.depth == depth_) {  // each number becomes two
    std::vector<Table*> wider;
    wider.reserve(2 * tables_.size());
    for (Table* const each : tables_) {
      wider.insert(wider.end(), 2, each);
    }
    tables_ = std::move(wider);
    ++depth_;
  }
  const unsigned depth = table.depth + 1;
  const std::uint64_t bit = std::uint64_t{1} << (64 - depth);
  Table& ones = owned_.emplace_back(depth, table.slots.size());
  Table zeros(depth, table.slots.size());
  for (const Slot& slot : table.slots) {
    if (slot.state != nullptr) {
      ((slot.hash & bit) != 0 ? ones : zeros).Insert(slot);
    }
  }
  table = std::move(zeros);
  // The numbers whose first bits are the table's, and whose next bit is one.
  const std::size_t count = std::size_t{1} << (depth_ - depth);
  const std::size_t first = NumberOf((hash & ~(bit - 1)) | bit);
  for (std::size_t number = first; number < first + count; ++number) {
    tables_[number] = &ones;
  }
}

}  // namespace kv::store
