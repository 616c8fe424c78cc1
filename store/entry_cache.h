// EntryCache: the records of single entries that were read lately. What an entry says never
// changes and no revision is given out twice, so what is in here is never wrong; whether an entry
// is still kept, who asks knows from the index.
//
// Not thread-safe: the broker's thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/codec.h"

namespace kv::store {

class EntryCache {
 public:
  // A longer record is not kept: to find it takes no longer than to copy it.
  static constexpr std::size_t kMostBytes = 1024;

  // Takes nothing before the first Add, and then at most `bytes` for records.
  explicit EntryCache(std::size_t bytes) : set_count_(bytes / (kItems * kMostBytes)) {}

  std::size_t set_count() const { return set_count_; }

  // nullptr: not here. Good until the next Add.
  const std::string* Find(BucketId id, Revision revision) {
    if (sets_.empty()) {
      return nullptr;
    }
    auto& [newer, older] = SetOf(id, revision);
    if (older.Is(id, revision)) {
      std::swap(newer, older);
    }
    return newer.Is(id, revision) ? &newer.record : nullptr;
  }

  // In place of the one in its set that was not asked for longer.
  void Add(BucketId id, Revision revision, std::string_view record) {
    if (record.size() > kMostBytes || set_count_ == 0) {
      return;
    }
    sets_.resize(set_count_);
    auto& [newer, older] = SetOf(id, revision);
    std::swap(newer, older);
    newer.record = record;  // if that throws, the set is what it was
    newer.id = id;
    newer.revision = revision;
  }

 private:
  struct Item {
    BucketId id = 0;
    Revision revision = 0;  // no entry has it
    std::string record;

    bool Is(BucketId its_id, Revision its_revision) const {
      return revision == its_revision && id == its_id;
    }
  };
  static constexpr std::size_t kItems = 2;
  using Set = std::array<Item, kItems>;

  // Neighbours in the stream are in neighbouring sets, and each bucket begins elsewhere.
  Set& SetOf(BucketId id, Revision revision) {
    constexpr std::uint64_t spread = 0x9E3779B97F4A7C15;
    return sets_[(revision + ((id * spread) >> 32)) % set_count_];
  }

  const std::size_t set_count_;
  std::vector<Set> sets_;  // none, or all
};

}  // namespace kv::store
