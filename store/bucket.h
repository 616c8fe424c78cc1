// Bucket: a stream of entries with revisions, and the index of its keys.
//
// It decides what a write does and says so; publishing is its caller's affair. Views that it is
// given are read during the call only. Not thread-safe: the broker's thread.
#pragma once

#include <absl/container/flat_hash_set.h>
#include <absl/container/inlined_vector.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kv/bucket_config.h"
#include "kv/clock.h"
#include "kv/entry.h"
#include "kv/names.h"
#include "kv/result.h"
#include "store/codec.h"
#include "store/duplicates.h"
#include "store/engine.h"
#include "store/expiry_queue.h"
#include "store/key_index.h"
#include "store/progress.h"
#include "store/revisions.h"

namespace kv::store {

using RevisionList = absl::InlinedVector<Revision, 4>;

struct Write {
  Operation operation = Operation::kPut;
  bool create = false;               // only if the key has no value
  std::optional<Revision> expected;  // only if this is the key's newest revision; 0: it has none
  std::string_view value;            // of a put
  const Properties* properties = nullptr;
  std::optional<Nanoseconds> ttl;  // of a put: the key expires unless written again
  bool ephemeral = false;          // of a put: goes with the connection of its writer
  const Author* author = nullptr;  // who writes, for a bucket with audit
  std::string_view message_id;     // for Apply alone; empty: none
  std::uint8_t qos = 0;
  Reason reason = Reason::kNone;
};

struct KeyedWrite {
  Key key;
  Write write;
};

// What makes writes that come again recognizable, and what they are answered then.
struct Identity {
  std::string_view message_id;  // empty: none
  // What to remember beside the revision; given a revision for each write, 0 where there was
  // nothing to do. Empty: nothing.
  std::function<std::string(const RevisionList&)> result;
  // A known message id that is forgotten with the writes; empty: none.
  std::string_view freed = {};
};

inline constexpr std::size_t kMaxWritesAtOnce = 1000;

struct Written {
  Revision revision = 0;  // the last one taken; 0: there was nothing to do
  TimePoint time = 0;
  Sequence sequence = 0;   // on disk with this record of the journal; 0: nothing to wait for
  bool duplicate = false;  // an earlier write with this message id has this result; nothing new
  std::string result;      // of a duplicate: what its Identity had remembered
  // Sync::kAlways only: it is applied and will stay, but the flush failed.
  std::optional<Error> not_flushed;

  bool is_new() const { return revision != 0 && !duplicate; }
};

// What Expire did to a key: its newest entry is now a PURGE with this revision.
struct Expiration {
  std::string key;
  Revision revision;
  TimePoint time;
};

// A key whose newest entry is ephemeral.
struct EphemeralKey {
  std::string key;
  Revision revision;
  std::string message_id;  // that it was written with; empty: none
};

struct PageRequest {
  std::string_view prefix;  // empty: the whole bucket
  const KeyFilter* filter = nullptr;
  Revision from = 0;         // this revision and later
  bool newest_only = false;  // the newest entry of each key, not its history
  bool ignore_markers = false;
  std::size_t limit = 100;                       // entries
  std::size_t max_bytes = std::size_t{1} << 20;  // of entries, about: a page ends after this
};

struct Page {
  std::vector<Entry> entries;  // in revision order
  Revision next = 0;           // where the following page begins; 0: this is the last
};

struct KeysRequest {
  std::string_view prefix;
  const KeyFilter* filter = nullptr;
  bool include_deleted = false;
  std::string_view after;                         // keys beyond this one
  std::size_t limit = 0;                          // 0: none
  std::size_t max_bytes = std::size_t{64} << 10;  // of the keys as a JSON array
};

struct KeysPage {
  std::vector<std::string> keys;  // in the order of their bytes
  bool more = false;
  std::string position;  // if there is more: the `after` of the next page
};

struct BucketStats {
  std::uint64_t keys = 0;  // that have a value
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
  Revision last_revision = 0;
};

class Bucket {
 public:
  Bucket(std::string name, BucketRecord record, Revisions revisions, Engine& engine);
  Bucket(const Bucket&) = delete;
  Bucket& operator=(const Bucket&) = delete;
  ~Bucket() = default;

  const std::string& name() const { return name_; }
  BucketId id() const { return record_.id; }
  TimePoint created() const { return record_.created; }
  const BucketConfig& config() const { return record_.config; }
  const BucketRecord& record() const { return record_; }
  // Of the entries up to this revision some may have gone without a trace.
  Revision forgotten() const { return forgotten_; }
  const KeyIndex& index() const { return index_; }
  KeyIndex& index() { return index_; }
  BucketStats stats() const;

  // Errors: key-exists, wrong-last-revision (with the actual one), value-too-large, bucket-full,
  // storage-error, unavailable. A refused write changes nothing and takes no revision.
  Result<Written> Apply(Key key, const Write& write, TimePoint now);

  // All of them, or none, each with a revision of its own, in order and with nothing in between.
  // Preconditions: no key twice, at most kMaxWritesAtOnce. `revisions` gets one for each write, 0
  // where there was nothing to do; nothing for a duplicate. Errors: as Apply.
  Result<Written> ApplyAll(std::span<const KeyedWrite> writes,
                           const Identity& identity,
                           TimePoint now,
                           RevisionList& revisions);
  // As ApplyAll, for what nobody waits for: with Sync::kAlways, too, it is on disk some time later.
  Result<Written> ApplyUnawaited(std::span<const KeyedWrite> writes,
                                 TimePoint now,
                                 RevisionList& revisions);
  // Ends an ephemeral key, as long as that is its newest entry: a DEL. Its message id is free
  // again: whoever sends the write again after a lost connection must not be told that the key is
  // there. Errors: as ApplyUnawaited.
  Result<Written> EndEphemeral(const EphemeralKey& key, TimePoint now);
  // Whether so many writes can be done, or refused, without waiting for the disk. If not it is
  // asked for what is missing.
  bool IsReadyFor(std::size_t writes) { return revisions_.IsReady(engine_, writes); }
  // Remembers a message id for something that took no write, or many. Errors: as Apply.
  Result<Written> Remember(std::string_view message_id, std::string_view result, TimePoint now);
  // The first result of this message id, if it is known.
  std::optional<Written> FindDuplicate(std::string_view message_id) const;

  // Whether ApplyAll would refuse the writes for what they ask. Errors: as Apply, without those of
  // the disk.
  Status Check(std::span<const KeyedWrite> writes) const;

  // The key's newest entry, be it a marker. Errors: key-not-found, storage-error.
  Result<Entry> Get(Key key) const;
  // That entry of the key. Errors: key-not-found, storage-error.
  Result<Entry> GetRevision(Key key, Revision revision) const;
  // One page of kept entries. Costs what it returns, plus a bounded search. Errors: storage-error.
  Result<Page> ReadPage(const PageRequest& request) const;
  KeysPage ReadKeys(const KeysRequest& request) const;
  // Whether an entry under the prefix of revision `from` or later is no longer kept. Exact, but for
  // keys of which no trace is left, and a `from` that is very many entries back: then it may say so
  // once too often. A bounded search.
  bool IsCompacted(std::string_view prefix, Revision from) const;
  // A kept entry. Errors: storage-error.
  Result<Entry> ReadEntry(Revision revision) const;
  // The same of each of many, which ascend.
  std::vector<Result<Entry>> ReadEntries(std::span<const Revision> revisions) const;

  // Ends the life of up to `limit` entries that are due; one that cannot be read is passed over for
  // a while. Errors: storage-error, unavailable, of writing: what is left is done at a later call.
  // `expired` gets the keys whose value ended, also then.
  Result<Progress> Expire(TimePoint now, std::size_t limit, std::vector<Expiration>& expired);
  std::optional<TimePoint> next_expiry() const { return expiry_.Next(); }
  // Forgets keys whose newest entry is a marker from before `before`, among the kept entries from
  // `next` up to `end`; looks at `limit` of them at most and moves `next` behind these (0: done).
  // Returns how many keys it forgot. Errors: storage-error, unavailable.
  Result<std::size_t> ForgetMarkers(TimePoint before,
                                    Revision end,
                                    std::size_t limit,
                                    Revision& next);
  std::vector<EphemeralKey> EphemeralKeys() const;
  // Forgets message ids from before `oldest`, `limit` at most; adds to `changes` what that means on
  // disk. Returns what is left of the limit; 0: there may be more.
  std::size_t PruneDuplicates(TimePoint oldest, std::size_t limit, ChangeSet& changes);

  // Errors: bucket-full, not-supported.
  Status CheckConfig(const BucketConfig& config) const;
  // From now on the bucket has this configuration; what a smaller history or another ttl excludes
  // is there until Trim has been through. Errors: as CheckConfig, storage-error, unavailable; in
  // all cases nothing changed.
  Status BeginConfig(const BucketConfig& config);
  // Goes on, for `limit` keys, with what BeginConfig, or a process that died meanwhile, has left to
  // do; Expire does so, too. Errors: storage-error, unavailable: to be called again.
  Result<Progress> Trim(TimePoint now, std::size_t limit);
  // Both at once.
  Status SetConfig(const BucketConfig& config, TimePoint now);

  // --- at start, before anything else; of a new bucket FinishLoading alone ---
  void Load(Revision revision, const EntryHead& head);
  void LoadDuplicate(std::string_view message_id,
                     Revision revision,
                     TimePoint time,
                     std::string_view result);
  // With `tail_may_be_lost` revisions go on above all that may have been given out. `forgotten` is
  // what forgotten() was; nothing: the store is older than that.
  void FinishLoading(bool tail_may_be_lost, std::optional<Revision> forgotten);

  // --- after it was dropped from the store, when nothing else may follow ---
  // Takes the oldest kept entry out of memory. `key` is set if that was the value of a key.
  // False: nothing is left.
  bool TakeApart(std::optional<std::string>& key);

 private:
  class PageMaker;

  struct Pending {
    Revision revision;
    Sequence sequence;
    std::string_view record;  // in the journal
  };

  // What the bucket holds, with the writes that come before in the same set.
  struct Totals {
    std::uint64_t bytes;
    std::uint64_t values;
  };
  // What one of several writes does.
  struct Step {
    KeyState* state = nullptr;   // of its key; nullptr: it has no entry
    std::size_t pushed_out = 0;  // so many of the key's entries, the oldest, are not kept any longer
    Revision revision = 0;       // 0: it does nothing
  };
  using Steps = absl::InlinedVector<Step, 2>;

  Status Check(std::span<const KeyedWrite> writes, Steps& steps) const;
  Revision Number(std::span<const KeyedWrite> writes, Steps& steps) const;
  static Status CheckConditions(const KeyState* state, const Write& write);
  Status CheckLimits(const KeyState* state, const KeyedWrite& item, const Totals& totals) const;
  void Count(const KeyState* state, const KeyedWrite& item, Totals& totals) const;
  std::uint64_t FreedBy(const KeyState* state, const Write& write) const;
  // How many of the key's kept entries are not kept any longer: the oldest.
  std::size_t PushedOut(const KeyState* state, const Write& write) const;
  EntryParts PartsOf(const KeyState* state, const KeyedWrite& item, TimePoint now) const;
  Result<Written> ApplyNow(std::span<const KeyedWrite> writes,
                           const Identity& identity,
                           TimePoint now,
                           RevisionList& revisions);
  Result<Sequence> Store(std::span<const KeyedWrite> writes,
                         const Steps& steps,
                         TimePoint now,
                         ChangeSet& changes);
  void KeepInMemory(std::span<const KeyedWrite> writes, const Steps& steps, TimePoint now);
  void ForgetApplied();
  void Enter(const Step& step, const KeyedWrite& item, TimePoint now);
  void AddIdentity(ChangeSet& changes, const Identity& identity, const Duplicates::First& first);
  void EnterIdentity(const Identity& identity, const Duplicates::First& first);
  void AddDuplicate(ChangeSet& changes,
                    std::string_view message_id,
                    const Duplicates::First& first);
  void DeleteDuplicate(ChangeSet& changes, TimePoint time, std::string_view message_id) const;
  void RetireFormer(const KeyState& state, TimePoint now);
  void ForgetEntry(KeyState& state, Revision revision);
  void SetTimer(Revision revision, const EntryHead& head);
  void Drop(KeyState& state, Revision revision);
  Revision HighestMissing() const;
  Revision HighestOfKeysGone(const std::vector<Revision>& revisions) const;
  void AddForgetting(const std::vector<Revision>& revisions, ChangeSet& changes) const;
  Result<bool> IsMarkerFrom(TimePoint before, Revision revision, const KeyState& state) const;
  Status Forget(const std::vector<Revision>& revisions);

  std::optional<TimePoint> DueTime(const EntryHead& head, bool newest) const;
  Result<bool> IsOver(const ExpiryQueue::Due& due, TimePoint now);
  Status ExpireOne(const ExpiryQueue::Due& due, TimePoint now, std::vector<Expiration>& expired);
  Status ExpireValue(const KeyState& state, TimePoint now, std::vector<Expiration>& expired);

  Result<std::string> ReadRecord(Revision revision) const;
  Revision FirstNotInDatabase() const;
  void ReadFromDatabase(std::span<const Revision> revisions,
                        std::vector<Result<Entry>>& entries) const;
  Result<std::string> Kept(Revision revision, Result<std::optional<std::string>> record) const;
  bool CollectByPrefix(const PageRequest& request, std::vector<Revision>& revisions) const;
  bool Wanted(const PageRequest& request, const KeyState& state, Revision revision) const;

  const std::string name_;
  BucketRecord record_;
  Revisions revisions_;
  Engine& engine_;
  KeyIndex index_;
  ExpiryQueue expiry_;
  absl::flat_hash_set<Revision> ephemeral_;  // kept entries
  Duplicates duplicates_;
  Revision max_dropped_ = 0;  // the highest revision that is no longer kept
  // The highest of those whose key went with them, or that nobody knows of.
  Revision forgotten_ = 0;
  std::optional<std::string> trim_from_;       // keys from here on are to be trimmed
  bool retime_ = false;                        // and their timers set anew
  std::deque<Pending> pending_;                // not in the database yet, by revision
  std::size_t unforgotten_ = 0;                // writes since some of those were forgotten
  std::map<Revision, std::string> in_memory_;  // Storage::kMemory: the records themselves
};

}  // namespace kv::store
