// A disk under RocksDB that can fail and lose power, on top of the machine's own.
//
// It knows of every file how much of it was flushed, and of every new file whether its directory
// was. Losing power takes what was not: any part of it, in any order, as a kernel would. What is
// flushed by its own account is not flushed on the machine's disk: that would only take time.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/system_clock.h>

#include "tests/store/overwritten_file.h"

namespace kv::store::testing {

class FaultyDisk final : public rocksdb::FileSystemWrapper {
 public:
  enum class Act {
    kCreate,  // a file
    kWrite,
    kSync,    // a file or a directory
    kChange,  // rename, delete, truncate
    kRead,    // of a table
  };
  using Filter = std::function<bool(Act act, const std::string& path)>;

  FaultyDisk() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "FaultyDisk"; }

  // From the `nth` act (from 1) that the filter matches on, these acts fail, until Heal. A write
  // that fails has written a half. A sync that fails has lost what it should have flushed, as soon
  // as the file is closed.
  void Break(Filter filter, std::uint64_t nth = 1);
  void Heal();
  // Blocks until so many acts have failed since Break; false after a minute.
  bool AwaitFailures(std::uint64_t count);
  bool has_failed() const;

  // These acts take that long from now on, or until SpeedUp or the power is cut.
  void SlowDown(Filter filter, std::chrono::milliseconds by);
  void SpeedUp();

  // From the `nth` act on nothing reaches the disk any more.
  void CutPowerAt(std::uint64_t nth);
  // The power is back. Whoever used the disk must be gone.
  void RestorePower(std::mt19937_64& random);

  // RocksDB's logs that were begun, and the most bytes that an older one had not flushed then.
  struct Logs {
    int begun = 0;
    std::uint64_t unflushed = 0;
  };
  Logs logs() const;

  // --- what RocksDB calls ---
  rocksdb::IOStatus NewWritableFile(const std::string& path,
                                    const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& path,
                                       const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* result,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReuseWritableFile(const std::string& path,
                                      const std::string& old_path,
                                      const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* result,
                                      rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewRandomRWFile(const std::string& path,
                                    const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSRandomRWFile>* result,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewRandomAccessFile(const std::string& path,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                                        rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& path,
                                 const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* result,
                                 rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& path,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from,
                               const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus Truncate(const std::string& path,
                             std::size_t size,
                             const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override;

 private:
  friend class TrackedFile;
  friend class TrackedDirectory;
  friend class TrackedOverwrites;
  friend class TrackedTable;

  struct File {
    std::uint64_t size = 0;
    std::uint64_t synced = 0;
    bool sync_failed = false;
  };

  bool is_cut() const { return cut_at_ != 0 && acts_ >= cut_at_; }
  rocksdb::IOStatus Admit(Act act, const std::string& path);
  rocksdb::IOStatus FailIfBroken(Act act, const std::string& path);  // with mutex_ held
  std::shared_ptr<File> Track(const std::string& path, std::uint64_t size);
  void SyncedDirectory(const std::string& path);
  void CountLog();
  static void LoseUnsynced(const std::string& path, const File& file, std::mt19937_64& random);

  mutable std::mutex mutex_;
  std::condition_variable failed_;
  std::condition_variable cut_;
  Filter filter_;
  Filter slow_;
  std::chrono::milliseconds slow_by_{0};
  std::uint64_t fail_from_ = 0;
  std::uint64_t matched_ = 0;
  std::uint64_t failures_ = 0;
  std::uint64_t acts_ = 0;
  std::uint64_t cut_at_ = 0;  // 0: never
  Logs logs_;
  std::map<std::string, std::shared_ptr<File>> files_;
  std::map<std::string, std::shared_ptr<OverwrittenFile>> overwritten_;
  // In the order in which they were made; their directories were not flushed since. File systems
  // with a journal lose the last ones only, and none from before a rename that they kept.
  std::vector<std::string> new_names_;
};

// After an error in the background RocksDB sleeps a second; a test has no time for that.
class ImpatientClock final : public rocksdb::SystemClockWrapper {
 public:
  ImpatientClock() : SystemClockWrapper(rocksdb::SystemClock::Default()) {}
  const char* Name() const override { return "ImpatientClock"; }
  void SleepForMicroseconds(int micros) override {
    SystemClockWrapper::SleepForMicroseconds(std::min(micros, 1000));
  }
};

class FaultyEnv final : public rocksdb::EnvWrapper {
 public:
  explicit FaultyEnv(const std::shared_ptr<FaultyDisk>& disk)
      : EnvWrapper(rocksdb::NewCompositeEnv(disk)) {
    file_system_ = disk;
    system_clock_ = std::make_shared<ImpatientClock>();
  }
};

// The file's last component ends like this.
inline bool EndsWith(const std::string& path, const std::string& end) {
  return path.size() >= end.size() && path.compare(path.size() - end.size(), end.size(), end) == 0;
}
inline bool IsWal(const std::string& path) {
  return EndsWith(path, ".log");
}
// Of the synced log.
inline bool IsSyncedLog(const std::string& path) {
  return EndsWith(path, ".synced");
}

}  // namespace kv::store::testing
