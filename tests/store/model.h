// What a store must do, as a std::map would: the oracle of the model test. Written from the
// contract, not from the store; it knows no journal, no index, no disk.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kv/bucket_config.h"
#include "kv/entry.h"
#include "store/bucket.h"

namespace kv::store::testing {

// A write whose texts are its own.
struct ModelWrite {
  std::string bucket;
  std::string key;
  Operation operation = Operation::kPut;
  bool create = false;
  std::optional<Revision> expected;
  std::string value;
  std::optional<Nanoseconds> ttl;
  bool ephemeral = false;
  std::string message_id;
};

class ModelBucket {
 public:
  // `last`: the last revision of the dropped bucket that had the name before; 0 if there was none.
  ModelBucket(const BucketConfig& config, Revision last)
      : config_(config), last_(last), forgotten_(last) {}

  // What the write must answer: "12", "12 again", or an error code.
  std::string Apply(const ModelWrite& write, TimePoint now);
  // All or none: "12,0,13", "13 again 12,0,13", or an error code.
  std::string ApplyAll(const std::vector<ModelWrite>& writes, const std::string& id, TimePoint now);
  std::string SetConfig(const BucketConfig& config);
  // `expired` is what the store says of this bucket ("key@revision"): checks it and does the same.
  // Returns what is wrong with it; empty if nothing is.
  std::string Expire(const std::vector<std::string>& expired, TimePoint now);
  void ForgetIds(TimePoint before);
  // Forgets the keys whose newest entry is a marker from then or before. How many.
  std::size_t ForgetMarkers(TimePoint before);
  // Takes the oldest entry, or else a message id; false if there is none. `key` gets the key whose
  // value that was.
  bool TakeApart(std::string& key);
  // The store was opened anew; `last` is the last revision that it goes on from. As Expire.
  std::string Reopen(bool cleanly, Revision last);

  const BucketConfig& config() const { return config_; }
  const std::map<std::string, std::vector<Entry>>& keys() const { return keys_; }
  bool Has(const std::string& key) const { return keys_.contains(key); }
  const std::map<Revision, Entry>& by_revision() const { return by_revision_; }
  Revision newest_of(const std::string& key) const;
  BucketStats stats() const;
  // An entry of the prefix of this revision or later is no longer kept.
  bool IsCompacted(std::string_view prefix, Revision from) const;
  // The store cannot know better than that one may be missing.
  bool MayBeCompacted(Revision from) const { return forgotten_ != 0 && from <= forgotten_; }

 private:
  struct First {
    Revision revision = 0;
    TimePoint time = 0;
    std::string result;
  };

  Revision Do(const ModelWrite& write, TimePoint now);
  std::optional<std::string> Again(const std::string& id) const;
  std::optional<std::string> Refusal(const ModelWrite& write) const;
  void Add(Entry entry, std::size_t keep);
  void Drop(const Entry& entry);
  void EndOfKey(const std::string& key, TimePoint now);
  std::vector<Revision> OutlivedOf(const std::vector<Entry>& entries, TimePoint now) const;
  bool Ends(const Entry& entry, bool newest, TimePoint now) const;

  BucketConfig config_;
  std::map<std::string, std::vector<Entry>> keys_;  // oldest first
  std::map<Revision, Entry> by_revision_;
  std::map<std::string, First> ids_;
  Revision last_ = 0;
  std::map<Revision, std::string> dropped_;  // and the key that it was of
  Revision forgotten_ = 0;                   // the highest of those that went with their key
};

// A dropped bucket that is being taken apart.
struct ModelLeaving {
  int number;  // of its creation
  std::string name;
  ModelBucket dropped;
  ModelBucket left;  // of it
  Revision next;     // of the purge of its next value
};

using Model = std::map<std::string, ModelBucket>;

}  // namespace kv::store::testing
