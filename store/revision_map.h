// RevisionMap: who holds each kept revision of a bucket, in the order of revisions.
//
// Revisions come in ascending order and nearly without gaps, and most are dropped again soon: an
// array finds one with a cache miss where a tree takes several. So the recent ones stand in blocks
// of slots, which a table finds; what is left of a block when most of it is gone moves to a tree,
// or one old entry would keep a block.
//
// Not thread-safe.
#pragma once

#include <absl/container/btree_map.h>

#include <array>
#include <cassert>
#include <cstdint>
#include <memory>
#include <vector>

#include "kv/entry.h"

namespace kv::store {

struct KeyState;

class RevisionMap {
 public:
  // `revision` is above all former ones.
  void Append(Revision revision, KeyState* holder) {
    const Revision number = revision / kSlots;
    if (last_ == nullptr || number != last_number_) {
      Begin(number);
    }
    assert(last_->holders[revision % kSlots] == nullptr);
    last_->holders[revision % kSlots] = holder;
    ++last_->live;
    ++size_;
  }

  // It is there.
  void Erase(Revision revision) {
    --size_;
    const Revision number = revision / kSlots;
    Block* const block = BlockOf(number);
    if (block == nullptr) {
      sparse_.erase(revision);
      return;
    }
    block->holders[revision % kSlots] = nullptr;
    --block->live;
    if (block->live < kFewest && number != last_number_) {
      Dissolve(blocks_.find(number));
    }
  }

  // nullptr: nobody.
  KeyState* Find(Revision revision) const {
    if (const Block* const block = BlockOf(revision / kSlots)) {
      return block->holders[revision % kSlots];
    }
    const auto found = sparse_.find(revision);
    return found == sparse_.end() ? nullptr : found->second;
  }

  // Calls `visit(revision, holder)` from `from` on, in order, until it returns false.
  template <typename Visit>
  void ForEachFrom(Revision from, const Visit& visit) const {
    auto block = blocks_.lower_bound(from / kSlots);
    auto sparse = sparse_.lower_bound(from);
    for (;;) {
      if (sparse != sparse_.end() &&
          (block == blocks_.end() || sparse->first / kSlots < block->first)) {
        if (!visit(sparse->first, *sparse->second)) {
          return;
        }
        ++sparse;
      } else if (block != blocks_.end()) {
        if (!ForEachOf(block->first, *block->second, from, visit)) {
          return;
        }
        ++block;
      } else {
        return;
      }
    }
  }

  std::size_t size() const { return size_; }

  void Clear() { *this = RevisionMap(); }

 private:
  static constexpr std::size_t kSlots = 64;
  static constexpr std::size_t kFewest = kSlots / 8;  // below, a tree takes no more memory

  struct Block {
    std::array<KeyState*, kSlots> holders{};
    std::size_t live = 0;
  };
  using Blocks = absl::btree_map<Revision, std::unique_ptr<Block>>;  // by revision / kSlots

  // The newest block of those whose numbers share their last bits.
  struct Recent {
    Revision number = 0;
    Block* block = nullptr;  // nullptr: dissolved, or there was none
  };
  static constexpr std::size_t kMostRecent = std::size_t{1} << 16;  // 1 MiB, of 4 million revisions

  // nullptr: dissolved, or never there.
  Block* BlockOf(Revision number) const {
    const Recent& recent = RecentAt(number);
    if (recent.number <= number) {
      return recent.number == number ? recent.block : nullptr;
    }
    const auto found = blocks_.find(number);
    return found == blocks_.end() ? nullptr : found->second.get();
  }

  void Begin(Revision number) {
    if (last_ != nullptr && last_->live < kFewest) {
      Dissolve(blocks_.find(last_number_));
    }
    last_ = blocks_.emplace_hint(blocks_.end(), number, std::make_unique<Block>())->second.get();
    last_number_ = number;
    if (RecentAt(number).block != nullptr && recent_.size() < kMostRecent) {
      GrowRecent();
    } else {
      RecentAt(number) = {number, last_};
    }
  }

  Recent& RecentAt(Revision number) { return recent_[number & (recent_.size() - 1)]; }
  const Recent& RecentAt(Revision number) const { return recent_[number & (recent_.size() - 1)]; }

  void GrowRecent() {
    recent_.assign(2 * recent_.size(), {});
    for (const auto& [number, block] : blocks_) {
      RecentAt(number) = {number, block.get()};
    }
  }

  void Dissolve(Blocks::iterator at) {
    for (std::size_t i = 0; i < kSlots; ++i) {
      if (KeyState* const holder = at->second->holders[i]) {
        sparse_.emplace(at->first * kSlots + i, holder);
      }
    }
    if (RecentAt(at->first).number == at->first) {
      RecentAt(at->first).block = nullptr;
    }
    blocks_.erase(at);
  }

  template <typename Visit>
  static bool ForEachOf(Revision number, const Block& block, Revision from, const Visit& visit) {
    for (std::size_t i = 0; i < kSlots; ++i) {
      const Revision revision = number * kSlots + i;
      if (block.holders[i] != nullptr && revision >= from && !visit(revision, *block.holders[i])) {
        return false;
      }
    }
    return true;
  }

  Blocks blocks_;
  // Finds nearly every block at once. It grows, as a power of two, with the blocks.
  std::vector<Recent> recent_ = std::vector<Recent>(1);
  absl::btree_map<Revision, KeyState*> sparse_;  // of dissolved blocks
  Block* last_ = nullptr;                        // the newest of blocks_: Append goes on in it
  Revision last_number_ = 0;
  std::size_t size_ = 0;
};

}  // namespace kv::store
