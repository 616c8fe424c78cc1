// RocksDB, as the store uses it: one database, one column family, its own log for power cuts.
//
// Threads: the committer writes, syncs and reopens; any thread reads. RocksDB's files belong to the
// store's threads (store_files.h); on others, writing waits for one of these. Nothing throws.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kv/result.h"
#include "store/codec.h"
#include "store/write_group.h"

namespace rocksdb {
class DB;
class Env;
}  // namespace rocksdb

namespace kv::store {

struct DatabaseOptions {
  std::string path;
  std::size_t cache_bytes = std::size_t{64} << 20;
  // What RocksDB keeps in memory, and in its log, before it makes a table of it.
  std::size_t memtable_bytes = std::size_t{32} << 20;
  bool create = true;           // otherwise one that is missing is an error
  bool merge_at_once = true;    // merge tables from the start, and not only after BeginMerging
  rocksdb::Env* env = nullptr;  // nullptr: the machine's. Tests put faults in here; not owned
};

class Database {
 public:
  // Errors: storage-error, with RocksDB's sentence.
  static Result<std::unique_ptr<Database>> Open(DatabaseOptions options);
  // For looking only: changes nothing on disk, and every write fails.
  static Result<std::unique_ptr<Database>> OpenReadOnly(DatabaseOptions options);

  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  // In RocksDB's log when it returns, which survives the death of the process.
  Status Write(WriteGroup& group);
  // Everything written so far is on disk when it returns.
  Status Sync();
  // The last write, flushed. What RocksDB does in the background has ended before it begins, and
  // nothing else may be written after it.
  Status WriteLast(WriteGroup& group);
  // Merging tables takes much of a processor, which a start has better use for.
  void BeginMerging();
  // After a failed write or sync RocksDB accepts nothing any more: only this helps. While the disk
  // is not well it fails, and what is there can still be read.
  Status Reopen();

  // A copy of everything written so far in the new directory `path`; tables are linked, not copied,
  // where the file system is the same. Errors: storage-error.
  Status Checkpoint(const std::string& path);

  // Errors: storage-error. Nothing if there is no such key.
  Result<std::optional<std::string>> Get(std::string_view key) const;
  // The same for each of many keys, which ascend. With `neighbours` by going from one to the next,
  // which is much quicker if there is little in between.
  using Found = std::vector<Result<std::optional<std::string>>>;
  Found Get(std::span<const std::string> keys, bool neighbours) const;
  // Calls `visit` for every key that begins with `prefix`, in order, until it returns an error.
  Status Scan(
      std::string_view prefix,
      const std::function<Status(std::string_view key, std::string_view value)>& visit) const;
  // The number of the last journal record that the database holds; 0 for a new one.
  Result<Sequence> Applied() const;

 private:
  explicit Database(DatabaseOptions options);
  // What follows is called on threads that have the store's files.
  Status OpenNow();
  Status OpenToRead();
  Status CheckDisk() const;
  Status RollMemtable();
  Status WriteBatchOf(WriteGroup& group);
  Status WriteHere(WriteGroup& group);
  Status SyncHere();
  Status WriteLastHere(WriteGroup& group);
  Status ReopenHere();
  Status CheckpointHere(const std::string& path);
  Status Close();

  bool GetByWalking(std::span<const std::string> keys, Found& found) const;

  const DatabaseOptions options_;
  const std::unique_ptr<rocksdb::Env> env_;
  bool merges_;
  // Readers share it and only try: they never wait for a reopening. The committer reopens.
  mutable std::shared_mutex mutex_;
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace kv::store
