// The synced log: what of the journal is on disk before the database has it, for those who wait.
//
// The journal survives the death of the process alone. To have a record in the database and flush
// that takes RocksDB's whole way, for each record that somebody waits for. So the committer copies
// such records to files of their own, each flush a single write and a single fdatasync, and lets
// the database have them later, with all others. A start reads these files as it reads the
// journal's: they have its grammar (journal.h), and begin anywhere.
//
// Two files take turns: one that is full is written anew when the database has all of it on disk.
// The room is reserved before it is used, so that a flush has hardly anything but data to write.
//
// Not thread-safe: the committer's.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "kv/clock.h"
#include "kv/result.h"
#include "store/codec.h"
#include "store/journal.h"

namespace rocksdb {
class Env;
class RandomRWFile;
}  // namespace rocksdb

namespace kv::store {

struct SyncedLogOptions {
  std::string directory;  // the journal's
  std::size_t file_bytes = std::size_t{4} << 20;
  rocksdb::Env* env = nullptr;  // nullptr: the machine's. Tests put faults in here; not owned
  // A file that could not be made is tried again after this long: trying takes what room is left.
  Nanoseconds retry_after = kSecond;
};

class SyncedLog {
 public:
  explicit SyncedLog(SyncedLogOptions options);
  SyncedLog(const SyncedLog&) = delete;
  SyncedLog& operator=(const SyncedLog&) = delete;
  ~SyncedLog();

  // Takes a record into the next Flush. False if there is no room for it, or none could be made:
  // then the database must be flushed, and what was added since the last Flush is dropped.
  // Precondition: it follows the last one, or what was settled.
  bool Add(const JournalRecord& record);
  // What was added is on disk when it returns. Errors: storage-error; then, too, it is dropped.
  Status Flush();
  // The database has everything up to `sequence` on disk.
  void Settle(Sequence sequence);
  // Closes the files, which must be done by a thread that has them (store_files.h). No other call
  // may follow.
  void Close();
  // One file is full: what is in it should be settled before the other one is.
  bool IsFilling() const;

 private:
  struct File {
    std::unique_ptr<rocksdb::RandomRWFile> file;
    Sequence last = 0;  // of what was ever flushed to it
  };

  bool HasRoom(std::size_t bytes) const;
  bool Begin(Sequence first, std::size_t record_bytes);
  bool IsOpen(std::size_t index);
  Status Open(File& file, const std::string& path) const;
  void Drop();

  const SyncedLogOptions options_;
  std::array<File, 2> files_;
  std::size_t current_ = 0;
  std::chrono::steady_clock::time_point not_before_;  // trying to make a file
  std::uint64_t number_ = 0;  // counts the uses of files
  bool has_begun_ = false;    // the current file's use; not after a failure
  Sequence last_ = 0;         // of what was added
  Sequence settled_ = 0;
  std::string buffer_;      // added and not flushed, and
  std::size_t offset_ = 0;  // where in the file it begins
};

}  // namespace kv::store
