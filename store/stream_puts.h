// StreamPuts: which change of a group puts an entry of the stream; each is put once in its life.
//
// A bucket's revisions come one after another, so that numbers stand in blocks in the order of
// revisions: a block is found once, and then used for all of its revisions. Not thread-safe.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "kv/entry.h"
#include "store/codec.h"

namespace kv::store {

class StreamPuts {
 public:
  // `change`: less than 2^32 - 1.
  void Note(BucketId id, Revision revision, std::size_t change) {
    const BlockName name{id, revision / kSlots};
    if (last_ == nullptr || name != last_name_) {
      auto& block = blocks_[name];
      if (block == nullptr) {
        block = std::make_unique<Block>();
      }
      last_ = block.get();
      last_name_ = name;
    }
    (*last_)[revision % kSlots] = static_cast<std::uint32_t>(change + 1);
  }

  // Where it was noted, and forgets it.
  std::optional<std::size_t> Take(BucketId id, Revision revision) {
    const auto block = blocks_.find(BlockName{id, revision / kSlots});
    if (block == blocks_.end()) {
      return std::nullopt;
    }
    const std::uint32_t noted = std::exchange((*block->second)[revision % kSlots], 0);
    return noted == 0 ? std::nullopt : std::optional<std::size_t>(noted - 1);
  }

  void Clear() { *this = StreamPuts(); }

 private:
  static constexpr std::size_t kSlots = 64;
  using BlockName = std::pair<BucketId, Revision>;
  using Block = std::array<std::uint32_t, kSlots>;  // the change's number + 1; 0: none

  absl::flat_hash_map<BlockName, std::unique_ptr<Block>> blocks_;
  Block* last_ = nullptr;  // where the last one was noted
  BlockName last_name_;
};

}  // namespace kv::store
