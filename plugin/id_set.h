// IdSet: which of many numbers are there, for numbers that were handed out one after the other.
//
// Bits of 64 neighbours share a place: a million of them fit into the processor's caches, where a
// set of numbers misses them each time. Numbers far apart take 20 to 40 bytes each. Not thread-safe.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>

namespace kv::plugin {

class IdSet {
 public:
  bool empty() const { return words_.empty(); }

  void Insert(std::uint64_t id) { words_[id / kBits] |= BitOf(id); }

  // Whether it was there.
  bool Erase(std::uint64_t id) {
    const auto word = words_.find(id / kBits);
    if (word == words_.end() || (word->second & BitOf(id)) == 0) {
      return false;
    }
    word->second &= ~BitOf(id);
    if (word->second == 0) {
      words_.erase(word);
    }
    return true;
  }

  void Clear() { *this = IdSet(); }

 private:
  static constexpr std::uint64_t kBits = 64;

  static std::uint64_t BitOf(std::uint64_t id) { return std::uint64_t{1} << (id % kBits); }

  absl::flat_hash_map<std::uint64_t, std::uint64_t> words_;  // none is 0
};

}  // namespace kv::plugin
