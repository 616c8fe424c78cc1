#include "store/database.h"

#include <sys/stat.h>

#include <cstdarg>

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>

#include "store/give_way.h"
#include "store/private_files.h"
#include "store/store_files.h"
#include "store/two_sided_files.h"

namespace kv::store {
namespace {

constexpr std::size_t kProbeBytes = std::size_t{64} << 10;
constexpr std::size_t kReservedLogBytes = std::size_t{4} << 20;

rocksdb::Slice ToSlice(std::string_view text) {
  return {text.data(), text.size()};
}
std::string_view ToView(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

Error RocksError(const std::string& what, const rocksdb::Status& status) {
  return Error(ErrorCode::kStorageError, what + ": " + status.ToString());
}

Error Reopening() {
  return Error(ErrorCode::kStorageError, "the database is being reopened after a failure");
}

// RocksDB's own log file is no help on a full disk: once a line could not be written, the next one
// fails an assertion of Debian's build and takes the broker with it. What goes wrong comes back as
// a status.
class SilentLogger final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char* /*format*/, va_list /*arguments*/) override {}
};

// RocksDB makes its threads itself: they give way when they have something to do.
class BackgroundGivesWay final : public rocksdb::EventListener {
 public:
  void OnFlushBegin(rocksdb::DB* /*database*/, const rocksdb::FlushJobInfo& /*flush*/) override {
    GiveWay();
  }
  void OnCompactionBegin(rocksdb::DB* /*database*/,
                         const rocksdb::CompactionJobInfo& /*compaction*/) override {
    GiveWay();
  }
};

// The bucket that an entry of the stream belongs to. RocksDB keeps ranges that are deleted in a
// list of their own and would use the hints of the other one: they have none, since they begin with
// the revision 0, which no entry has.
class BucketOfEntry final : public rocksdb::SliceTransform {
 public:
  const char* Name() const override { return "mosquitto-kv.BucketOfEntry"; }
  rocksdb::Slice Transform(const rocksdb::Slice& key) const override {
    YieldNowAndThen();  // nothing else of ours is called while a group is written
    return {key.data(), sizeof(kStreamTag) + sizeof(BucketId)};
  }
  bool InDomain(const rocksdb::Slice& key) const override {
    const auto entry =
        key.starts_with({&kStreamTag, 1}) ? ParseStreamKey(ToView(key)) : std::nullopt;
    return entry && entry->revision != 0;
  }
};

rocksdb::Options RocksOptions(const DatabaseOptions& options, rocksdb::Env* env) {
  rocksdb::Options rocks;
  rocks.create_if_missing = options.create;
  rocks.env = env;
  // Who reads has not the files that RocksDB writes: it must not be the one to close them.
  rocks.avoid_unnecessary_blocking_io = true;
  rocks.compression = rocksdb::kLZ4Compression;
  // RocksDB must not begin a new log by itself: see RollMemtable.
  rocks.write_buffer_size = 4 * options.memtable_bytes;
  rocks.max_write_buffer_number = 3;
  // So much of the disk a log reserves at a time: otherwise a tenth more than write_buffer_size.
  // With one column family RocksDB does nothing else with it.
  rocks.max_total_wal_size = kReservedLogBytes;
  // Groups bring each bucket's entries in ascending order: where the last one went, the next one is
  // near. Only one thread writes.
  rocks.memtable_insert_with_hint_prefix_extractor = std::make_shared<BucketOfEntry>();
  rocks.allow_concurrent_memtable_write = false;
  rocks.max_background_jobs = 2;
  // A power cut may leave any of the pages that were not flushed, in any order: what stands behind
  // a hole was not promised to anyone, and is dropped. (kTolerateCorruptedTailRecords would refuse
  // to open.)
  rocks.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  rocks.info_log = std::make_shared<SilentLogger>();
  rocks.listeners.push_back(std::make_shared<BackgroundGivesWay>());
  rocks.stats_dump_period_sec = 0;
  rocks.stats_persist_period_sec = 0;
  rocks.level_compaction_dynamic_level_bytes = true;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(options.cache_bytes);
  table.cache_index_and_filter_blocks = true;
  rocks.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return rocks;
}

// What buckets hold is for the broker's user alone, also in a directory that others may enter.
void KeepPrivate(const DatabaseOptions& options) {
  rocksdb::Env* env = options.env != nullptr ? options.env : rocksdb::Env::Default();
  const rocksdb::Status status = env->SetAllowNonOwnerAccess(false);
  static_cast<void>(status);  // a test's environment may have no such thing
  if (options.create) {
    ::mkdir(options.path.c_str(), 0700);  // if it fails RocksDB says why
  }
}

// RocksDB makes its threads when they are first wanted, by whoever wants them: they must be made
// where the store's files are.
void MakeThreads(rocksdb::Env& env) {
  for (const auto priority : {rocksdb::Env::Priority::LOW, rocksdb::Env::Priority::HIGH}) {
    env.Schedule([](void* /*nothing*/) {}, nullptr, priority);
  }
}

}  // namespace

Database::Database(DatabaseOptions options)
    : options_(std::move(options)),
      env_(TwoSided(options_.env != nullptr ? options_.env : PrivateFiles())),
      merges_(options_.merge_at_once) {}

Result<std::unique_ptr<Database>> Database::Open(DatabaseOptions options) {
  KeepPrivate(options);
  std::unique_ptr<Database> database(new Database(std::move(options)));
  if (auto opened = WithStoreFiles([&] { return database->OpenNow(); }); !opened) {
    return std::move(opened).error();
  }
  return database;
}

Result<std::unique_ptr<Database>> Database::OpenReadOnly(DatabaseOptions options) {
  std::unique_ptr<Database> database(new Database(std::move(options)));
  if (auto opened = WithStoreFiles([&] { return database->OpenToRead(); }); !opened) {
    return std::move(opened).error();
  }
  return database;
}

Database::~Database() {
  if (db_) {
    IgnoreError(WithStoreFiles([this] { return Close(); }),
                "every write that was promised is in the log already");
    CloseLeftFiles();
  }
}

Status Database::Close() {
  const rocksdb::Status status = db_->Close();
  db_.reset();
  return status.ok() ? Status(Ok{}) : RocksError("cannot close", status);
}

Status Database::OpenNow() {
  MakeThreads(*env_);
  rocksdb::Options options = RocksOptions(options_, env_.get());
  options.disable_auto_compactions = !merges_;
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options, options_.path, &opened);
  if (!status.ok()) {
    return RocksError("cannot open the database " + options_.path, status);
  }
  db_.reset(opened);
  return Ok{};
}

Status Database::Write(WriteGroup& group) {
  return WithStoreFiles([&] { return WriteHere(group); });
}

Status Database::WriteHere(WriteGroup& group) {
  if (!db_) {
    return Reopening();
  }
  if (auto written = WriteBatchOf(group); !written) {
    return written;
  }
  std::uint64_t bytes = 0;
  const bool full = db_->GetIntProperty(rocksdb::DB::Properties::kCurSizeActiveMemTable, &bytes) &&
                    bytes >= options_.memtable_bytes;
  return full ? RollMemtable() : Status(Ok{});
}

// A new memtable means a new log. Were the old one not flushed, a power cut could take its end and
// leave the new one: a hole in the middle of what is recovered. So it is flushed first, which
// RocksDB does not do by itself.
Status Database::RollMemtable() {
  if (auto synced = Sync(); !synced) {
    return synced;
  }
  rocksdb::FlushOptions options;
  options.wait = false;
  const rocksdb::Status status = db_->Flush(options);
  return status.ok() ? Status(Ok{}) : RocksError("cannot begin a new table", status);
}

Status Database::Sync() {
  return WithStoreFiles([&] { return SyncHere(); });
}

Status Database::SyncHere() {
  if (!db_) {
    return Reopening();
  }
  const rocksdb::Status status = db_->SyncWAL();
  return status.ok() ? Status(Ok{}) : RocksError("cannot flush", status);
}

Status Database::WriteLast(WriteGroup& group) {
  return WithStoreFiles([&] { return WriteLastHere(group); });
}

Status Database::WriteLastHere(WriteGroup& group) {
  if (!db_) {
    return Reopening();
  }
  rocksdb::CancelAllBackgroundWork(db_.get(), /*wait=*/true);
  auto written = WriteBatchOf(group);
  return written ? Sync() : written;
}

Status Database::WriteBatchOf(WriteGroup& group) {
  const auto batch = group.Build();
  if (!batch) {
    return batch.error();
  }
  const rocksdb::Status status = db_->Write(rocksdb::WriteOptions(), *batch);
  return status.ok() ? Status(Ok{}) : RocksError("cannot write", status);
}

void Database::BeginMerging() {
  const std::unique_lock lock(mutex_);
  merges_ = true;
  if (db_) {
    const rocksdb::Status begun = WithStoreFiles(
        [this] { return db_->EnableAutoCompaction({db_->DefaultColumnFamily()}); });
    static_cast<void>(begun);  // what can fail here fails the next write, too
  }
}

Status Database::Reopen() {
  return WithStoreFiles([&] { return ReopenHere(); });
}

Status Database::ReopenHere() {
  // As long as it cannot be written to, the database that is open is still good for reading.
  if (auto checked = CheckDisk(); !checked) {
    return checked;
  }
  const std::unique_lock lock(mutex_);
  if (db_) {
    IgnoreError(Close(), "it failed already: that is why we are here");
  }
  auto opened = OpenNow();
  if (!opened) {
    IgnoreError(OpenToRead(), "the error of opening it for writing is told");
  }
  return opened;
}

Status Database::OpenToRead() {
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status =
      rocksdb::DB::OpenForReadOnly(RocksOptions(options_, env_.get()), options_.path, &opened);
  if (!status.ok()) {
    return RocksError("cannot read the database " + options_.path, status);
  }
  db_.reset(opened);
  return Ok{};
}

Status Database::CheckDisk() const {
  rocksdb::Env* env = env_.get();
  const std::string probe = options_.path + ".probe";
  const std::string bytes(kProbeBytes, 'p');
  const rocksdb::Status written =
      rocksdb::WriteStringToFile(env, bytes, probe, /*should_sync=*/true);
  const rocksdb::Status removed = env->DeleteFile(probe);
  if (!written.ok() || !removed.ok()) {
    return RocksError("the disk is not well", written.ok() ? removed : written);
  }
  return Ok{};
}

Status Database::Checkpoint(const std::string& path) {
  return WithStoreFiles([&] { return CheckpointHere(path); });
}

Status Database::CheckpointHere(const std::string& path) {
  if (!db_) {
    return Reopening();
  }
  // It begins a new log: see RollMemtable.
  if (auto synced = Sync(); !synced) {
    return synced;
  }
  rocksdb::Checkpoint* made = nullptr;
  rocksdb::Status status = rocksdb::Checkpoint::Create(db_.get(), &made);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  if (status.ok()) {
    status = checkpoint->CreateCheckpoint(path);
  }
  return status.ok() ? Status(Ok{}) : RocksError("cannot write the copy " + path, status);
}

Result<std::optional<std::string>> Database::Get(std::string_view key) const {
  const std::shared_lock lock(mutex_, std::try_to_lock);
  if (!lock || !db_) {
    return Reopening();
  }
  std::string value;
  const rocksdb::Status status = db_->Get(rocksdb::ReadOptions(), ToSlice(key), &value);
  if (status.IsNotFound()) {
    return std::optional<std::string>();
  }
  if (!status.ok()) {
    return RocksError("cannot read", status);
  }
  return std::optional(std::move(value));
}

Database::Found Database::Get(std::span<const std::string> keys, bool neighbours) const {
  Found found;
  found.reserve(keys.size());
  const std::shared_lock lock(mutex_, std::try_to_lock);
  if (!lock || !db_) {
    found.resize(keys.size(), Reopening());
    return found;
  }
  if (neighbours && GetByWalking(keys, found)) {
    return found;
  }
  const std::vector<rocksdb::Slice> slices(keys.begin(), keys.end());
  std::vector<rocksdb::PinnableSlice> values(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  db_->MultiGet(rocksdb::ReadOptions(),
                db_->DefaultColumnFamily(),
                keys.size(),
                slices.data(),
                values.data(),
                statuses.data(),
                /*sorted_input=*/true);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (statuses[i].ok()) {
      found.emplace_back(std::optional(values[i].ToString()));
    } else if (statuses[i].IsNotFound()) {
      found.emplace_back(std::optional<std::string>());
    } else {
      found.emplace_back(RocksError("cannot read", statuses[i]));
    }
  }
  return found;
}

// False if something on the way is damaged: then each must be asked for by itself.
bool Database::GetByWalking(std::span<const std::string> keys, Found& found) const {
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(rocksdb::ReadOptions()));
  it->Seek(keys.front());
  for (const std::string& key : keys) {
    while (it->Valid() && ToView(it->key()) < key) {
      it->Next();
    }
    const bool is_there = it->Valid() && ToView(it->key()) == key;
    found.emplace_back(is_there ? std::optional(it->value().ToString()) : std::nullopt);
  }
  if (!it->status().ok()) {
    found.clear();
  }
  return it->status().ok();
}

Status Database::Scan(
    std::string_view prefix,
    const std::function<Status(std::string_view key, std::string_view value)>& visit) const {
  const std::shared_lock lock(mutex_, std::try_to_lock);
  if (!lock || !db_) {
    return Reopening();
  }
  rocksdb::ReadOptions read;
  read.fill_cache = false;
  read.readahead_size = std::size_t{2} << 20;
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(read));
  for (it->Seek(ToSlice(prefix)); it->Valid() && it->key().starts_with(ToSlice(prefix));
       it->Next()) {
    if (auto visited = visit(ToView(it->key()), ToView(it->value())); !visited) {
      return visited;
    }
  }
  return it->status().ok() ? Status(Ok{}) : RocksError("cannot read", it->status());
}

Result<Sequence> Database::Applied() const {
  auto bytes = Get(kAppliedKey);
  if (!bytes) {
    return std::move(bytes).error();
  }
  if (!bytes->has_value()) {
    return Sequence{0};
  }
  const auto number = DecodeNumber(**bytes);
  if (!number) {
    return Error(ErrorCode::kStorageError, "the database's journal position is damaged");
  }
  return Sequence{*number};
}

}  // namespace kv::store
