// Bucket: the entries of one bucket, read, written and watched. AsyncBucket: the same, by futures
// and callbacks. Both are light handles: copy them, use them from any thread. They may outlive
// their Client; each call then ends as `cancelled`.
//
// Besides the errors named at each function any may end as
//   invalid-bucket, invalid-key  the name is none
//   timeout                      no reply in time; whether a write was done is not known
//   disconnected                 no connection within the timeout: it was not sent; or, for what
//                                cannot be sent twice, the connection was lost before the reply
//   not-authorized               the broker's access rules
//   storage-error, unavailable   the store cannot at the moment
//   cancelled                    the client was closed
// An error that names an actual revision has it in Error::revision.
//
// A write carries a message id, and is sent again after a reconnect until its timeout: it is done
// once, as long as the broker remembers the id. That is the broker's duplicate window (2 minutes by
// default: a longer timeout needs a longer one), and less in a bucket in which the ids of that time
// take more than 16 MiB (some 60,000 writes). An ephemeral write is repeated as a new one: what the
// lost connection wrote is gone.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kv/api.h"
#include "kv/bucket_info.h"
#include "kv/result.h"
#include "mosquitto_kv/call.h"
#include "mosquitto_kv/types.h"
#include "mosquitto_kv/watch.h"

namespace kv {

class ClientCore;  // what all handles of a Client share

inline constexpr Nanoseconds kDefaultMarkerAge = 1800 * kSecond;

class KV_API AsyncBucket {
 public:
  // See Bucket, function by function.
  Call<Entry> Get(std::string_view key) const;
  Call<Entry> GetRevision(std::string_view key, Revision revision) const;
  Call<Written> Put(std::string_view key,
                    std::string_view value,
                    const PutSettings& settings = {}) const;
  Call<Written> Create(std::string_view key,
                       std::string_view value,
                       const PutSettings& settings = {}) const;
  Call<Written> Update(std::string_view key,
                       std::string_view value,
                       Revision expected,
                       const PutSettings& settings = {}) const;
  Call<Written> Delete(std::string_view key, const WriteSettings& settings = {}) const;
  Call<Written> Purge(std::string_view key, const WriteSettings& settings = {}) const;
  Call<Counted> Increment(std::string_view key,
                          std::int64_t delta = 1,
                          const WriteSettings& settings = {}) const;
  Call<TxnOutcome> Commit(const Txn& txn) const;
  Call<TxnOutcome> CommitJson(std::string_view json) const;
  Call<KeyPage> Keys(const Selection& selection = {}) const;
  Call<EntryPage> Entries(const Selection& selection = {}) const;
  Call<EntryPage> History(const Selection& selection = {}) const;
  Call<KeyPage> KeysPage(const Selection& selection, const PageRequest& page) const;
  Call<EntryPage> EntriesPage(const Selection& selection, const PageRequest& page) const;
  Call<EntryPage> HistoryPage(const Selection& selection, const PageRequest& page) const;
  Call<BucketInfo> Info() const;
  Call<std::uint64_t> PurgeAll() const;
  Call<std::uint64_t> PurgeDeletes(Nanoseconds older_than = kDefaultMarkerAge) const;

  const std::string& name() const { return name_; }

 private:
  friend class Bucket;
  friend class Client;
  friend class LeaderElection;
  friend class Lock;
  AsyncBucket(std::shared_ptr<ClientCore> core, std::string name);

  std::shared_ptr<ClientCore> core_;
  std::string name_;
  std::chrono::milliseconds timeout_;
};

class KV_API Bucket {
 public:
  // The key's newest value. Errors: bucket-not-found, key-not-found (with the revision of the
  // marker, if the newest entry is one).
  Result<Entry> Get(std::string_view key) const;
  // The entry of that revision, be it a marker. Errors: bucket-not-found, key-not-found (it is no
  // longer kept, or another key's).
  Result<Entry> GetRevision(std::string_view key, Revision revision) const;

  // The writes. Errors: bucket-not-found, too-many-buckets, wrong-last-revision, value-too-large,
  // bucket-full, bad-request.
  Result<Written> Put(std::string_view key,
                      std::string_view value,
                      const PutSettings& settings = {}) const;
  // Only if the key has no value. Errors: also key-exists.
  Result<Written> Create(std::string_view key,
                         std::string_view value,
                         const PutSettings& settings = {}) const;
  // Only if the key's newest entry has the expected revision.
  Result<Written> Update(std::string_view key,
                         std::string_view value,
                         Revision expected,
                         const PutSettings& settings = {}) const;
  // Writes a marker; the history stays.
  Result<Written> Delete(std::string_view key, const WriteSettings& settings = {}) const;
  // Writes a marker and drops the key's older entries.
  Result<Written> Purge(std::string_view key, const WriteSettings& settings = {}) const;
  // Adds to a decimal integer; no value counts as 0. Errors: also bad-request (the value is no
  // such number, or the sum none of 64 bits).
  Result<Counted> Increment(std::string_view key,
                            std::int64_t delta = 1,
                            const WriteSettings& settings = {}) const;
  // Errors: those of its writes; then none of them was done.
  Result<TxnOutcome> Commit(const Txn& txn) const;
  // With the contract's JSON: {"if": […], "then": […], "else": […]}.
  Result<TxnOutcome> CommitJson(std::string_view json) const;

  // All pages in one. Errors: bucket-not-found, bad-request.
  Result<KeyPage> Keys(const Selection& selection = {}) const;
  // The newest entry of each key, markers included.
  Result<EntryPage> Entries(const Selection& selection = {}) const;
  // Every kept entry.
  Result<EntryPage> History(const Selection& selection = {}) const;
  // Page by page, for buckets that do not fit into memory.
  Result<KeyPage> KeysPage(const Selection& selection, const PageRequest& page) const;
  Result<EntryPage> EntriesPage(const Selection& selection, const PageRequest& page) const;
  Result<EntryPage> HistoryPage(const Selection& selection, const PageRequest& page) const;

  // Errors: bucket-not-found.
  Result<BucketInfo> Info() const;
  // Purges every key: all values are gone. The number of keys that had one. Errors:
  // bucket-not-found.
  Result<std::uint64_t> PurgeAll() const;
  // Forgets keys whose newest entry is a marker of at least this age (0: all). The number of keys.
  // Errors: bucket-not-found.
  Result<std::uint64_t> PurgeDeletes(Nanoseconds older_than = kDefaultMarkerAge) const;

  // Returns once the watch is established: no change after that is missed. A bucket that does not
  // exist yet counts as empty. The user needs to be allowed to read the filter's topics and to
  // publish $KV/<bucket>/info, entries and history. Errors: bad-request (the filter).
  Result<Watcher> Watch(const WatchSettings& settings = {}) const;
  Result<Watcher> Watch(const WatchSettings& settings, WatchHandler handler) const;

  // The same bucket with another timeout than the client's for each request.
  Bucket WithTimeout(std::chrono::milliseconds timeout) const;
  const AsyncBucket& async() const { return async_; }
  const std::string& name() const { return async_.name(); }

 private:
  friend class Client;
  explicit Bucket(AsyncBucket async) : async_(std::move(async)) {}

  AsyncBucket async_;
};

}  // namespace kv
