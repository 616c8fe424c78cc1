// KeyIndex: what a bucket knows of its keys without asking the disk. Ordered by key, so that keys
// and prefixes can be paged, and by revision, so that histories can.
//
// A write looks for one key, and a tree of texts is slow at that: each comparison is a cache miss.
// So there is an index by the keys' hashes, too.
//
// Pointers to KeyState stay good until the key is erased. Not thread-safe: the broker's thread.
#pragma once

#include <absl/container/inlined_vector.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kv/entry.h"
#include "store/hash_index.h"
#include "store/key_order.h"
#include "store/revision_map.h"

namespace kv::store {

// One kept entry of a key.
struct Version {
  Revision revision;
  std::uint32_t bytes;  // of key, value and properties
  Operation operation;
};

// What the broker's own memory had as the retained message of a key when it started.
enum class BrokerHeld : std::uint8_t {
  kNothing,
  kOther,   // something else than the newest entry
  kNewest,  // the same revision and the same value
};

struct KeyState {
  std::string key;
  absl::InlinedVector<Version, 1> versions;  // oldest first, never empty
  Revision dropped = 0;  // the highest revision of this key that is no longer kept
  // Scratch for the restore at start.
  BrokerHeld broker_held = BrokerHeld::kNothing;
  std::uint32_t loaded_check = 0;  // CheckOf the newest value that was there

  const Version& newest() const { return versions.back(); }
  bool has_value() const { return newest().operation == Operation::kPut; }
};

// Tells one value from another, within one process.
std::uint32_t CheckOf(std::string_view value);

class KeyIndex {
 public:
  KeyState* Find(std::string_view key) const;
  // For the sake of time alone, where many keys are to be found: one after the other for all of them
  // before the first Find, so that they wait for memory together and not each for itself.
  void FetchSlots(std::string_view key) const;
  void FetchState(std::string_view key) const;
  // The key's newest entry from now on; forgets the `pushed_out` oldest ones. `state` is what Find
  // said of the key: looked up once a write. Creates the key.
  KeyState& Append(KeyState* state,
                   std::string_view key,
                   const Version& version,
                   std::size_t pushed_out = 0);
  // The same at start, for a great many keys: what is in the order of keys is there only after
  // FinishLoading, which has a thread of its own do that.
  KeyState& Load(KeyState* state, std::string_view key, const Version& version);
  void FinishLoading();
  // Waits until that is done.
  void AwaitOrder() const { static_cast<void>(order_.keys()); }
  // Forgets one kept entry; erases the key with its last one.
  void Remove(KeyState& state, Revision revision);
  void Clear();

  // Who holds this revision; nullptr if it is not kept.
  KeyState* HolderOf(Revision revision) const { return by_revision_.Find(revision); }

  const KeyOrder::ByKey& by_key() const { return order_.keys(); }
  const RevisionMap& by_revision() const { return by_revision_; }
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t values() const { return values_; }  // keys whose newest entry is a put

 private:
  std::unique_ptr<KeyState> Make(std::string_view key);
  KeyState& Add(KeyState& state, const Version& version, std::size_t pushed_out);

  HashIndex by_hash_;
  KeyOrder order_;  // owns the keys
  RevisionMap by_revision_;
  std::uint64_t bytes_ = 0;
  std::uint64_t values_ = 0;
};

}  // namespace kv::store
