// Ephemerals: which connection wrote which ephemeral keys, so that they go with it. A key goes only
// while its newest entry is the one that the ended connection wrote. The broker's thread only.
// Source: protocol.md, `kv-ephemeral`.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "kv/clock.h"
#include "plugin/publisher.h"
#include "store/store.h"

namespace kv::plugin {

class Ephemerals {
 public:
  Ephemerals(store::Store& store, Publisher& publisher) : store_(store), publisher_(publisher) {}

  void Wrote(const void* connection, const store::Bucket& bucket, store::EphemeralKey key);
  void Ended(const void* connection);
  // At start: whoever wrote what is ephemeral, his connection ended with the last process.
  void EndAll();

  // Deletes at most `limit` keys of ended connections. While the store cannot write they wait.
  store::Progress Step(TimePoint now, std::size_t limit);

 private:
  using Name = std::pair<std::string, std::string>;  // bucket, key
  struct Owned {
    std::map<Name, store::EphemeralKey> keys;
    std::size_t look_through_at = 64;  // keys: then those are forgotten that someone else has now
  };
  struct Ending {
    std::string bucket;
    store::EphemeralKey key;
  };

  bool IsCurrent(const Name& name, Revision revision) const;
  void LookThrough(Owned& owned) const;
  bool Delete(const Ending& ending, TimePoint now);

  store::Store& store_;
  Publisher& publisher_;
  std::unordered_map<const void*, Owned> by_connection_;
  std::deque<Ending> ending_;
};

}  // namespace kv::plugin
