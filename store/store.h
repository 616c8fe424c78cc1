// Store: all buckets of one broker in one database.
//
// One store per directory and process; a second one is refused. Every method belongs to one
// thread (the broker's) unless it says otherwise; none waits for the disk, except Open, Close,
// CreateBucket (a new bucket is on disk before its first revision is seen) and, with
// Sync::kAlways, the writes of buckets.
#pragma once

#include <cstdint>
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
#include "kv/names.h"
#include "kv/result.h"
#include "store/bucket.h"
#include "store/engine.h"
#include "store/leaving.h"
#include "store/progress.h"

namespace rocksdb {
class Env;
}

namespace kv::store {

struct StoreOptions {
  std::string path;
  Sync sync = Sync::kBatch;
  Nanoseconds sync_interval = kSecond;
  std::size_t gather_bytes = kGroupBytes;  // see committer.h, like the next one
  Nanoseconds first_retry = 100 * kMillisecond;
  std::size_t cache_bytes = std::size_t{64} << 20;
  Nanoseconds duplicate_window = 120 * kSecond;
  std::size_t max_buckets = 1000;
  bool auto_create = true;
  BucketConfig bucket_defaults;
  std::size_t journal_segment_bytes = std::size_t{4} << 20;
  std::size_t journal_max_bytes = std::size_t{1} << 30;
  std::size_t memtable_bytes = std::size_t{32} << 20;  // see database.h
  // Tells kernels apart: when it changed without a clean end, the page cache was lost. Empty: the
  // kernel's own.
  std::string boot_id;
  // Called on the committer's thread when something that was waited for is on disk, or fails.
  std::function<void()> on_progress;
  rocksdb::Env* env = nullptr;  // tests put faults in here; not owned
};

struct StoreStats {
  std::uint64_t buckets = 0;
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
};

struct BucketExpiration {
  const Bucket* bucket = nullptr;
  Expiration expiration;
};

// What became of a key of a dropped bucket: its value was purged, with this revision.
struct TakenBack {
  std::string bucket;
  bool retained;  // its values were retained messages
  std::string key;
  Revision revision;
  TimePoint time;
};

class Store {
 public:
  // Errors: storage-error, a line for a sysadmin.
  static Result<std::unique_ptr<Store>> Open(StoreOptions options, TimePoint now);

  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  ~Store();  // Close()

  // nullptr if there is none. Stays good until the bucket is dropped.
  Bucket* Find(BucketName name) const;
  // Errors: bucket-not-found when auto_create is off; as CreateBucket.
  Result<Bucket*> FindOrCreate(BucketName name, TimePoint now);
  // The bucket that this write goes to; made if it is missing, unless the write would be refused
  // there. nullptr: there is no bucket and nothing to do in it (deleting what is not there).
  // Errors: as FindOrCreate, and as Bucket::ApplyAll.
  Result<Bucket*> FindForWrite(BucketName name, std::span<const KeyedWrite> writes, TimePoint now);
  // Ok if the bucket has this configuration already. Errors: bucket-exists, too-many-buckets,
  // storage-error.
  Result<Bucket*> CreateBucket(BucketName name, const BucketConfig& config, TimePoint now);
  // All at once, however long it takes. Errors: as Bucket::SetConfig.
  Status UpdateBucket(Bucket& bucket, const BucketConfig& config, TimePoint now);
  // Bucket::Trim is to follow. Errors: as Bucket::BeginConfig.
  Status BeginUpdate(Bucket& bucket, const BucketConfig& config);
  // The bucket and its entries are gone at once; its retained messages are taken back bit by bit,
  // by TakeBack. Its revisions are never given out again. Errors: bucket-not-found, storage-error,
  // unavailable.
  Result<Sequence> DropBucket(BucketName name);
  // Goes on taking apart dropped buckets, at most `limit` entries. `taken` gets the keys whose
  // value went, unless a later bucket of that name has the key. Errors: storage-error, unavailable:
  // what is left is done at a later call.
  Status TakeBack(TimePoint now, std::size_t limit, std::vector<TakenBack>& taken);
  // Whether TakeBack would find something to do.
  bool HasLeaving() const;
  // Whether a dropped bucket of this name has a retained message of the key that TakeBack has not
  // come to yet.
  bool IsToBeTakenBack(BucketName name, Key key) const;
  // Changes whenever a bucket comes, goes or gets another configuration.
  std::uint64_t catalog_version() const { return catalog_version_; }

  // A copy of everything that was written before, as a store directory that is not there yet.
  // `done` is called on the committer's thread.
  void Checkpoint(const std::string& path, std::function<void(Status)> done);

  // In the order of their names.
  const std::map<std::string, std::unique_ptr<Bucket>, std::less<>>& buckets() const {
    return buckets_;
  }

  // Ends the life of up to about `limit` entries that are due, everywhere. Errors as
  // Bucket::Expire.
  Result<Progress> Expire(TimePoint now, std::size_t limit, std::vector<BucketExpiration>& expired);
  // Forgets message ids beyond the duplicate window, `limit` of each bucket at most; to be called
  // now and then, and again at once when there are more.
  Progress PruneDuplicates(TimePoint now, std::size_t limit = 200);

  // Gives back the memory and the room on disk of what the journal need not keep any longer; to be
  // called now and then.
  void ReapJournal() { engine_->Reap(); }

  Sequence last_sequence() const { return engine_->last_sequence(); }
  bool IsDurable(Sequence sequence) const { return engine_->IsDurable(sequence); }
  void RequestDurable(Sequence sequence) { engine_->committer().RequestDurable(sequence); }
  Status WaitDurable(Sequence sequence) { return engine_->WaitDurable(sequence); }
  // The same for the database itself, whoever may read it but this store.
  Status WaitSettled(Sequence sequence) { return engine_->WaitSettled(sequence); }
  Status CheckWritable() const { return engine_->CheckWritable(); }
  Nanoseconds last_flush() const { return engine_->committer().last_flush(); }
  const StoreOptions& options() const { return options_; }
  StoreStats stats() const;

  // Everything on disk, and marked as ended in order. No other call may follow.
  Status Close();

 private:
  explicit Store(StoreOptions options) : options_(std::move(options)) {}
  DatabaseOptions OptionsOfDatabase() const;
  Status CheckManifest();
  Status OpenEngine();
  Status LearnLastLife(const Database& database);
  Status Load();
  Status BeginLife();
  Status MarkEnd();
  Status TakeBackFrom(Leaving& leaving,
                      TimePoint now,
                      std::size_t limit,
                      std::vector<TakenBack>& taken);
  bool LivesOn(const Bucket& left, std::string_view key) const;
  Status Finish(const Leaving& leaving);

  StoreOptions options_;
  std::unique_ptr<Engine> engine_;
  std::map<std::string, std::unique_ptr<Bucket>, std::less<>> buckets_;
  mutable Bucket* last_found_ = nullptr;  // one of them, who is likely to be looked for again
  std::map<std::string, Grave, std::less<>> graves_;
  std::deque<Leaving> leaving_;
  std::uint64_t catalog_version_ = 1;
  BucketId next_id_ = 1;
  bool begun_ = false;
  bool tail_may_be_lost_ = false;
  bool kernel_died_ = false;
  bool ended_cleanly_ = false;
  std::string sweep_from_;  // the bucket at which the next Expire begins
};

}  // namespace kv::store
