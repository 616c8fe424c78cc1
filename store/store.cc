#include "store/store.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>

#include "store/checkpoint.h"
#include "store/directory.h"
#include "store/loader.h"
#include "store/manifest.h"

namespace kv::store {
namespace {

constexpr std::size_t kReplayBytes = std::size_t{4} << 20;

std::string KernelBootId() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

std::string JournalDirectory(const std::string& path) {
  return path + "/journal";
}

// Made after the database: where it is and the database is not, that was lost, and beginning with
// an empty one would clear every retained message.
bool HasJournal(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(JournalDirectory(path), error);
}

// The rest is for blocks of RocksDB's tables, which pages are read from.
std::size_t EntryCacheBytes(const StoreOptions& options) {
  return options.cache_bytes / 4;
}

Error LacksWrites(const std::string& path) {
  return Error(ErrorCode::kStorageError,
               "the database in " + path +
                   " lacks writes that it had: restore a backup, or remove " +
                   JournalDirectory(path) + " to go on without them");
}

Error DamagedManifest(const std::string& path) {
  return Error(
      ErrorCode::kStorageError,
      "the database in " + path + " is damaged: its manifest is cut or altered; restore a backup");
}

struct Replayed {
  Sequence last = 0;      // what the database holds now
  bool is_whole = true;   // the journal joined on to the database
  bool is_short = false;  // and the database lacks what it had on disk once
};

// Brings what the last process had acknowledged and not yet handed over into the database.
Result<Replayed> Replay(Database& database, const std::string& directory) {
  auto applied = database.Applied();
  if (!applied) {
    return std::move(applied).error();
  }
  WriteGroup group;
  Sequence last = *applied;
  const auto flush = [&]() -> Status {
    group.SetApplied(last);
    auto written = database.Write(group);
    group.Clear();
    return written;
  };
  auto recovered = Journal::Recover(directory, *applied, [&](const JournalRecord& record) {
    last = record.sequence;
    auto added = group.AddCopy(record.bytes);
    return added && group.bytes() >= kReplayBytes ? flush() : added;
  });
  if (!recovered) {
    return std::move(recovered).error();
  }
  if (last != *applied) {
    auto flushed = flush();
    flushed = flushed ? database.Sync() : flushed;
    if (!flushed) {
      return std::move(flushed).error();
    }
  }
  return Replayed{last, recovered->is_whole, last < recovered->durable};
}

}  // namespace

Result<std::unique_ptr<Store>> Store::Open(StoreOptions options, TimePoint now) {
  if (options.boot_id.empty()) {
    options.boot_id = KernelBootId();
  }
  std::unique_ptr<Store> store(new Store(std::move(options)));
  for (const auto step : {&Store::OpenEngine, &Store::Load, &Store::BeginLife}) {
    if (auto done = (store.get()->*step)(); !done) {
      return std::move(done).error();
    }
  }
  store->engine_->database().BeginMerging();
  while (store->PruneDuplicates(now) == Progress::kMore) {}
  return store;
}

Store::~Store() {
  IgnoreError(Close(), "the destructor has nobody to tell");
}

DatabaseOptions Store::OptionsOfDatabase() const {
  return {.path = options_.path + "/db",
          .cache_bytes = options_.cache_bytes - EntryCacheBytes(options_),
          .memtable_bytes = options_.memtable_bytes,
          .create = !HasJournal(options_.path),
          .merge_at_once = false,
          .env = options_.env};
}

// A manifest that was cut off is damaged, unless its writer ended in the middle: in a life, or at
// its start. One that was altered is damaged, unless power was lost; neither end leaves a record
// that is whole but for its length. To be found out before RocksDB
// opens the database: that makes a new one of what it could read. A copy was flushed whole, and no
// process has written in it.
Status Store::CheckManifest() {
  const ManifestState state = LookAtManifest(OptionsOfDatabase().path);
  const auto starting = StartUnderWay(options_.path);
  if (state == ManifestState::kWhole) {
    return Ok{};
  }
  if (state == ManifestState::kWrongLength) {
    return DamagedManifest(options_.path);
  }
  if (starting && (state == ManifestState::kCut || *starting != options_.boot_id)) {
    return Ok{};
  }
  auto database = Database::OpenReadOnly(OptionsOfDatabase());
  if (!database) {
    return std::move(database).error();
  }
  if (auto learned = LearnLastLife(**database); !learned) {
    return learned;
  }
  const bool may_be = state == ManifestState::kCut ? !ended_cleanly_ : kernel_died_;
  if (may_be && !IsFreshCheckpoint(options_.path)) {
    return Ok{};
  }
  return DamagedManifest(options_.path);
}

Status Store::OpenEngine() {
  if (auto prepared = PrepareDirectory(options_.path); !prepared) {
    return prepared;
  }
  if (auto checked = CheckManifest(); !checked) {
    return checked;
  }
  if (auto marked = MarkStarting(options_.path, options_.boot_id); !marked) {
    return marked;
  }
  auto database = Database::Open(OptionsOfDatabase());
  if (!database) {
    return std::move(database).error();
  }
  // A journal without its database is refused: the database's name must not be the one that is
  // lost.
  if (!SyncDirectory(options_.path)) {
    return Error(ErrorCode::kStorageError,
                 "store directory " + options_.path + ": cannot be flushed");
  }
  auto replayed = Replay(**database, JournalDirectory(options_.path));
  if (!replayed) {
    return std::move(replayed).error();
  }
  if (auto learned = LearnLastLife(**database); !learned) {
    return learned;
  }
  // A power cut may take what was not flushed; nothing may take what was, but damage.
  if (replayed->is_short || (!replayed->is_whole && !tail_may_be_lost_)) {
    return LacksWrites(options_.path);
  }
  auto journal = Journal::Create({.directory = JournalDirectory(options_.path),
                                  .segment_bytes = options_.journal_segment_bytes,
                                  .max_bytes = options_.journal_max_bytes},
                                 replayed->last + 1);
  if (!journal) {
    return std::move(journal).error();
  }
  engine_ = std::make_unique<Engine>(
      std::move(*database),
      std::move(*journal),
      options_.sync,
      CommitterOptions{.sync_interval = options_.sync_interval,
                       .gather_bytes = options_.gather_bytes,
                       .first_retry = options_.first_retry,
                       .on_progress = options_.on_progress,
                       .synced_log = {.directory = JournalDirectory(options_.path),
                                      .file_bytes = options_.journal_segment_bytes,
                                      .env = options_.env}},
      EntryCacheBytes(options_));
  return Ok{};
}

// Finds out how the last process ended.
Status Store::LearnLastLife(const Database& database) {
  auto bytes = database.Get(kLifeKey);
  if (!bytes) {
    return std::move(bytes).error();
  }
  const auto life = bytes->has_value() ? DecodeLife(**bytes) : std::nullopt;
  ended_cleanly_ = !life || life->clean;
  // Only the death of the kernel, never that of the process, takes what was written and not
  // flushed: under the same kernel the page cache is still there.
  const bool same_kernel = life && life->boot_id == options_.boot_id && !options_.boot_id.empty();
  const bool journal_was_removed = life && !HasJournal(options_.path);
  kernel_died_ = !ended_cleanly_ && !same_kernel;
  tail_may_be_lost_ = kernel_died_ || journal_was_removed || IsFreshCheckpoint(options_.path);
  return Ok{};
}

Status Store::Load() {
  auto loaded = LoadBuckets(
      *engine_, {.tail_may_be_lost = tail_may_be_lost_, .ended_cleanly = ended_cleanly_});
  if (!loaded) {
    return std::move(loaded).error();
  }
  buckets_ = std::move(loaded->buckets);
  next_id_ = loaded->next_id;
  graves_ = std::move(loaded->graves);
  leaving_ = std::move(loaded->leaving);
  for (const auto& [name, bucket] : buckets_) {
    auto trimmed = bucket->Trim(0, std::numeric_limits<std::size_t>::max());
    if (!trimmed) {
      return std::move(trimmed).error();
    }
  }
  return Ok{};
}

// Marks this life as not ended yet. From here on nobody can tell how the last one ended: the
// revisions that were skipped because of it must be on disk with the mark.
Status Store::BeginLife() {
  ChangeSet changes;
  changes.Put(kLifeKey, EncodeLife({.clean = false, .boot_id = options_.boot_id}));
  for (const auto& [name, bucket] : buckets_) {
    if (!ended_cleanly_ || tail_may_be_lost_) {
      changes.Put(LastRevisionKey(bucket->id()), EncodeNumber(bucket->stats().last_revision));
      changes.Put(ForgottenKey(bucket->id()), EncodeNumber(bucket->forgotten()));
    }
  }
  auto marked = engine_->Commit(changes);
  if (!marked) {
    return std::move(marked).error();
  }
  begun_ = true;
  // In the database: there the next start looks for it before it reads the journal.
  auto settled = WaitSettled(marked->sequence);
  if (settled) {
    MarkStarted(options_.path);
    ForgetCheckpoint(options_.path);
  }
  return settled;
}

Bucket* Store::Find(BucketName name) const {
  if (last_found_ != nullptr && last_found_->name() == name.text()) {
    return last_found_;
  }
  const auto found = buckets_.find(name.text());
  if (found == buckets_.end()) {
    return nullptr;
  }
  last_found_ = found->second.get();
  return last_found_;
}

Result<Bucket*> Store::FindOrCreate(BucketName name, TimePoint now) {
  if (Bucket* bucket = Find(name)) {
    return bucket;
  }
  if (!options_.auto_create) {
    return Error(ErrorCode::kBucketNotFound,
                 "there is no bucket " + std::string(name.text()) + " and auto_create is off");
  }
  return CreateBucket(name, options_.bucket_defaults, now);
}

Result<Bucket*> Store::FindForWrite(BucketName name,
                                    std::span<const KeyedWrite> writes,
                                    TimePoint now) {
  if (Bucket* bucket = Find(name)) {
    return bucket;
  }
  const bool puts = std::any_of(writes.begin(), writes.end(), [](const KeyedWrite& item) {
    return item.write.operation == Operation::kPut;
  });
  if (puts && !options_.auto_create) {
    return FindOrCreate(name, now);  // says that there is none, whatever else is wrong
  }
  // A refused write changes nothing: it must not leave an empty bucket behind either.
  const Bucket empty(std::string(name.text()),
                     BucketRecord{.config = options_.bucket_defaults},
                     Revisions(0, 0, 0),
                     *engine_);
  if (auto checked = empty.Check(writes); !checked) {
    return std::move(checked).error();
  }
  if (!puts) {
    return static_cast<Bucket*>(nullptr);
  }
  return FindOrCreate(name, now);
}

Result<Bucket*> Store::CreateBucket(BucketName name, const BucketConfig& config, TimePoint now) {
  if (Bucket* bucket = Find(name)) {
    return bucket->config() == config ? Result<Bucket*>(bucket)
                                      : Result<Bucket*>(Error(ErrorCode::kBucketExists));
  }
  if (buckets_.size() >= options_.max_buckets) {
    return Error(
        ErrorCode::kTooManyBuckets,
        "there are max_buckets " + std::to_string(options_.max_buckets) + " buckets already");
  }
  if (auto writable = engine_->CheckWritable(); !writable) {
    return std::move(writable).error();
  }
  const BucketRecord record{.id = next_id_, .created = now, .dropped = false, .config = config};
  const auto grave = graves_.find(name.text());
  const Revision last = grave == graves_.end() ? 0 : grave->second.last;
  ChangeSet changes;
  changes.Put(BucketKey(name.text()), EncodeBucket(record));
  changes.Put(ReservedKey(record.id), EncodeNumber(last + Revisions::kBlock));
  changes.Put(LastRevisionKey(record.id), EncodeNumber(last));
  changes.Put(ForgottenKey(record.id), EncodeNumber(last));
  if (grave != graves_.end()) {
    changes.Delete(ReservedKey(grave->second.id));
    changes.Delete(LastRevisionKey(grave->second.id));
  }
  auto stored = engine_->Commit(changes);
  if (!stored) {
    return std::move(stored).error();
  }
  ++next_id_;
  // The one write that waits: were the bucket lost in a power cut, its first revisions would be
  // handed out a second time under the same name.
  if (auto settled = WaitSettled(stored->sequence); !settled) {
    return std::move(settled).error();
  }
  auto bucket = std::make_unique<Bucket>(std::string(name.text()),
                                         record,
                                         Revisions(record.id, last, last + Revisions::kBlock),
                                         *engine_);
  bucket->FinishLoading(false, last);
  Bucket* made = bucket.get();
  buckets_.emplace(std::string(name.text()), std::move(bucket));
  if (grave != graves_.end()) {
    graves_.erase(grave);
  }
  ++catalog_version_;
  return made;
}

Result<Progress> Store::Expire(TimePoint now,
                               std::size_t limit,
                               std::vector<BucketExpiration>& expired) {
  Status trouble = Ok{};  // of one bucket: it must not keep the others waiting
  Progress progress = Progress::kDone;
  auto at = buckets_.lower_bound(sweep_from_);
  std::size_t visited = 0;
  for (; visited < buckets_.size() && expired.size() < limit; ++visited) {
    at = at == buckets_.end() ? buckets_.begin() : at;
    Bucket& bucket = *at->second;
    ++at;
    std::vector<Expiration> ended;
    const auto swept = bucket.Expire(now, limit, ended);
    for (auto& expiration : ended) {
      expired.push_back({&bucket, std::move(expiration)});
    }
    trouble = swept ? trouble : Status(swept.error());
    progress = swept ? std::max(progress, *swept) : progress;
  }
  sweep_from_ = at == buckets_.end() ? std::string() : at->first;
  if (visited < buckets_.size()) {
    progress = std::max(progress, Progress::kMore);
  }
  return trouble || progress != Progress::kDone ? Result<Progress>(progress)
                                                : Result<Progress>(trouble.error());
}

void Store::Checkpoint(const std::string& path, std::function<void(Status)> done) {
  engine_->committer().Post(last_sequence(),
                            [this, path, done = std::move(done)](const Status& status) {
                              done(status ? WriteCheckpoint(engine_->database(), path) : status);
                            });
}

Progress Store::PruneDuplicates(TimePoint now, std::size_t limit) {
  ChangeSet changes;
  Progress progress = Progress::kDone;
  for (const auto& [name, bucket] : buckets_) {
    const std::size_t left =
        bucket->PruneDuplicates(now - options_.duplicate_window, limit, changes);
    if (left == 0) {
      progress = Progress::kMore;
      break;
    }
    limit = left;
  }
  if (!changes.empty()) {
    IgnoreError(engine_->Commit(changes), "what stays is forgotten at the next start");
  }
  return progress;
}

StoreStats Store::stats() const {
  StoreStats total{.buckets = buckets_.size()};
  for (const auto& [name, bucket] : buckets_) {
    const BucketStats stats = bucket->stats();
    total.entries += stats.entries;
    total.bytes += stats.bytes;
  }
  return total;
}

Status Store::Close() {
  if (!engine_) {
    return Ok{};
  }
  auto closed = engine_->Close();
  // A store that failed to open has not begun: how the last life ended must stay to be learnt.
  if (closed && begun_) {
    closed = MarkEnd();
  }
  last_found_ = nullptr;
  buckets_.clear();
  leaving_.clear();
  engine_.reset();
  return closed;
}

// When nothing else is being written any more: what a power cut or a kill leaves unfinished behind
// the mark of an end in order would be taken for damage. So not by the journal, either.
Status Store::MarkEnd() {
  ChangeSet changes;
  for (const auto& [name, bucket] : buckets_) {
    if (bucket->config().storage == Storage::kMemory) {
      changes.Put(LastRevisionKey(bucket->id()), EncodeNumber(bucket->stats().last_revision));
    }
  }
  changes.Put(kLifeKey, EncodeLife({.clean = true, .boot_id = options_.boot_id}));
  WriteGroup group;
  auto added = group.Add(changes.bytes());
  return added ? engine_->database().WriteLast(group) : added;
}

}  // namespace kv::store
