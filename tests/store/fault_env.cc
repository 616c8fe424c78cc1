#include "tests/store/fault_env.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

namespace kv::store::testing {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

namespace fs = std::filesystem;

class TrackedFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  TrackedFile(std::unique_ptr<rocksdb::FSWritableFile> target,
              std::string path,
              std::shared_ptr<FaultyDisk::File> file,
              FaultyDisk& disk)
      : FSWritableFileOwnerWrapper(std::move(target)),
        path_(std::move(path)),
        file_(std::move(file)),
        disk_(disk) {}

  IOStatus Append(const rocksdb::Slice& data,
                  const IOOptions& options,
                  IODebugContext* debug) override {
    IOStatus admitted = disk_.Admit(FaultyDisk::Act::kWrite, path_);
    const std::size_t bytes = admitted.ok() ? data.size() : data.size() / 2;
    if (!admitted.ok() && admitted.GetDataLoss()) {
      return admitted;  // the power is cut: not even a half
    }
    IOStatus written =
        FSWritableFileOwnerWrapper::Append(rocksdb::Slice(data.data(), bytes), options, debug);
    const std::lock_guard lock(disk_.mutex_);
    file_->size += written.ok() ? bytes : 0;
    return admitted.ok() ? written : admitted;
  }
  IOStatus Append(const rocksdb::Slice& data,
                  const IOOptions& options,
                  const rocksdb::DataVerificationInfo& /*verification*/,
                  IODebugContext* debug) override {
    return Append(data, options, debug);
  }

  IOStatus Sync(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    return Flushed();
  }
  IOStatus Fsync(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    return Flushed();
  }
  IOStatus RangeSync(std::uint64_t /*offset*/,
                     std::uint64_t /*bytes*/,
                     const IOOptions& /*options*/,
                     IODebugContext* /*debug*/) override {
    return IOStatus::OK();  // promises nothing
  }

  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    IOStatus closed = FSWritableFileOwnerWrapper::Close(options, debug);
    const std::lock_guard lock(disk_.mutex_);
    if (std::exchange(file_->sync_failed, false)) {
      std::error_code error;
      fs::resize_file(path_, file_->synced, error);
      file_->size = file_->synced;
    }
    return closed;
  }

 private:
  IOStatus Flushed() {
    const std::uint64_t covered = [this] {
      const std::lock_guard lock(disk_.mutex_);
      return file_->size;
    }();
    IOStatus status = disk_.Admit(FaultyDisk::Act::kSync, path_);
    const bool broken = !status.ok() && !status.GetDataLoss();
    const std::lock_guard lock(disk_.mutex_);
    file_->sync_failed = file_->sync_failed || broken;
    file_->synced = status.ok() ? std::max(file_->synced, covered) : file_->synced;
    return status;
  }

  const std::string path_;
  const std::shared_ptr<FaultyDisk::File> file_;
  FaultyDisk& disk_;
};

// Reading does not count as an act: it changes nothing that a power cut could take.
class TrackedTable final : public rocksdb::FSRandomAccessFileOwnerWrapper {
 public:
  TrackedTable(std::unique_ptr<rocksdb::FSRandomAccessFile> target,
               std::string path,
               FaultyDisk& disk)
      : FSRandomAccessFileOwnerWrapper(std::move(target)), path_(std::move(path)), disk_(disk) {}

  IOStatus Read(std::uint64_t offset,
                std::size_t bytes,
                const IOOptions& options,
                rocksdb::Slice* result,
                char* scratch,
                IODebugContext* debug) const override {
    IOStatus admitted = Admitted();
    return admitted.ok() ? FSRandomAccessFileOwnerWrapper::Read(
                               offset, bytes, options, result, scratch, debug)
                         : admitted;
  }
  IOStatus MultiRead(rocksdb::FSReadRequest* requests,
                     std::size_t count,
                     const IOOptions& options,
                     IODebugContext* debug) override {
    IOStatus admitted = Admitted();
    return admitted.ok()
               ? FSRandomAccessFileOwnerWrapper::MultiRead(requests, count, options, debug)
               : admitted;
  }

 private:
  IOStatus Admitted() const {
    const std::lock_guard lock(disk_.mutex_);
    return disk_.FailIfBroken(FaultyDisk::Act::kRead, path_);
  }

  const std::string path_;
  FaultyDisk& disk_;
};

class TrackedOverwrites final : public rocksdb::FSRandomRWFileOwnerWrapper {
 public:
  TrackedOverwrites(std::unique_ptr<rocksdb::FSRandomRWFile> target,
                    std::string path,
                    std::shared_ptr<OverwrittenFile> file,
                    FaultyDisk& disk)
      : FSRandomRWFileOwnerWrapper(std::move(target)),
        path_(std::move(path)),
        file_(std::move(file)),
        disk_(disk) {}
  TrackedOverwrites(const TrackedOverwrites&) = delete;
  TrackedOverwrites& operator=(const TrackedOverwrites&) = delete;
  ~TrackedOverwrites() override {
    const std::lock_guard lock(disk_.mutex_);
    if (sync_failed_ && !disk_.is_cut()) {
      file_->Drop();
    }
  }

  IOStatus Write(std::uint64_t offset,
                 const rocksdb::Slice& data,
                 const IOOptions& options,
                 IODebugContext* debug) override {
    IOStatus admitted = disk_.Admit(FaultyDisk::Act::kWrite, path_);
    if (!admitted.ok() && admitted.GetDataLoss()) {
      return admitted;
    }
    const rocksdb::Slice part(data.data(), admitted.ok() ? data.size() : data.size() / 2);
    IOStatus written = FSRandomRWFileOwnerWrapper::Write(offset, part, options, debug);
    const std::lock_guard lock(disk_.mutex_);
    file_->Wrote(offset, {part.data(), part.size()});
    return admitted.ok() ? written : admitted;
  }

  IOStatus Sync(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    const std::size_t covered = [this] {
      const std::lock_guard lock(disk_.mutex_);
      return file_->writes();
    }();
    IOStatus status = disk_.Admit(FaultyDisk::Act::kSync, path_);
    const std::lock_guard lock(disk_.mutex_);
    if (status.ok()) {
      file_->Flushed(covered);
    } else if (!status.GetDataLoss()) {
      file_->Lost(covered);
      sync_failed_ = true;
    }
    return status;
  }

 private:
  const std::string path_;
  const std::shared_ptr<OverwrittenFile> file_;
  FaultyDisk& disk_;
  bool sync_failed_ = false;
};

class TrackedDirectory final : public rocksdb::FSDirectoryWrapper {
 public:
  TrackedDirectory(std::unique_ptr<rocksdb::FSDirectory> target, std::string path, FaultyDisk& disk)
      : FSDirectoryWrapper(std::move(target)), path_(std::move(path)), disk_(disk) {}

  IOStatus Fsync(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    return Flushed();
  }
  IOStatus FsyncWithDirOptions(const IOOptions& /*options*/,
                               IODebugContext* /*debug*/,
                               const rocksdb::DirFsyncOptions& /*how*/) override {
    return Flushed();
  }

 private:
  IOStatus Flushed() {
    IOStatus status = disk_.Admit(FaultyDisk::Act::kSync, path_);
    if (status.ok()) {
      disk_.SyncedDirectory(path_);
    }
    return status;
  }

  const std::string path_;
  FaultyDisk& disk_;
};

void FaultyDisk::Break(Filter filter, std::uint64_t nth) {
  const std::lock_guard lock(mutex_);
  filter_ = std::move(filter);
  fail_from_ = nth;
  matched_ = 0;
  failures_ = 0;
}

void FaultyDisk::Heal() {
  const std::lock_guard lock(mutex_);
  filter_ = nullptr;
}

bool FaultyDisk::AwaitFailures(std::uint64_t count) {
  std::unique_lock lock(mutex_);
  return failed_.wait_for(lock, std::chrono::minutes(1), [&] { return failures_ >= count; });
}

bool FaultyDisk::has_failed() const {
  const std::lock_guard lock(mutex_);
  return failures_ > 0;
}

void FaultyDisk::SlowDown(Filter filter, std::chrono::milliseconds by) {
  const std::lock_guard lock(mutex_);
  slow_ = std::move(filter);
  slow_by_ = by;
}

void FaultyDisk::SpeedUp() {
  const std::lock_guard lock(mutex_);
  slow_ = nullptr;
  cut_.notify_all();
}

void FaultyDisk::CutPowerAt(std::uint64_t nth) {
  const std::lock_guard lock(mutex_);
  if (nth != 0 && is_cut()) {
    return;  // it is gone already, and must not come back for those who have not noticed
  }
  acts_ = 0;
  cut_at_ = nth;
}

void FaultyDisk::RestorePower(std::mt19937_64& random) {
  const std::lock_guard lock(mutex_);
  cut_at_ = 0;
  for (const auto& [path, file] : files_) {
    LoseUnsynced(path, *file, random);
  }
  for (std::size_t kept = random() % (new_names_.size() + 1); kept < new_names_.size(); ++kept) {
    std::error_code error;
    fs::remove(new_names_[kept], error);
  }
  for (const auto& [path, file] : overwritten_) {
    file->LosePower(random);
  }
  files_.clear();
  overwritten_.clear();
  new_names_.clear();
}

void FaultyDisk::LoseUnsynced(const std::string& path, const File& file, std::mt19937_64& random) {
  std::error_code error;
  const std::uint64_t size = fs::file_size(path, error);
  if (error || size <= file.synced) {
    return;
  }
  const std::uint64_t unsynced = size - file.synced;
  const std::uint64_t how = random() % 3;
  const std::uint64_t kept = how == 0 ? 0 : how == 1 ? unsynced : random() % unsynced;
  fs::resize_file(path, file.synced + kept);
  // A part in the middle did not make it. Not in other files: RocksDB flushes these after each
  // record, and a single record in them is no longer than what a disk writes at once.
  if (kept > 0 && IsWal(path) && random() % 2 == 0) {
    const std::uint64_t from = random() % kept;
    std::fstream hole(path, std::ios::in | std::ios::out | std::ios::binary);
    hole.seekp(static_cast<std::streamoff>(file.synced + from));
    hole << std::string(std::min<std::uint64_t>(kept - from, 1 + random() % 512), '\0');
  }
}

FaultyDisk::Logs FaultyDisk::logs() const {
  const std::lock_guard lock(mutex_);
  return logs_;
}

void FaultyDisk::CountLog() {
  const std::lock_guard lock(mutex_);
  ++logs_.begun;
  for (const auto& [path, file] : files_) {
    logs_.unflushed = std::max(logs_.unflushed, IsWal(path) ? file->size - file->synced : 0);
  }
}

IOStatus FaultyDisk::Admit(Act act, const std::string& path) {
  std::unique_lock lock(mutex_);
  ++acts_;
  if (slow_ && slow_(act, path)) {
    cut_.wait_for(lock, slow_by_, [this] { return is_cut() || !slow_; });
  }
  if (is_cut()) {
    cut_.notify_all();
    IOStatus cut = IOStatus::IOError("the power is cut", path);
    cut.SetDataLoss(true);
    return cut;
  }
  return FailIfBroken(act, path);
}

IOStatus FaultyDisk::FailIfBroken(Act act, const std::string& path) {
  if (filter_ && filter_(act, path) && ++matched_ >= fail_from_) {
    ++failures_;
    failed_.notify_all();
    return IOStatus::IOError("a fault was injected", path);
  }
  return IOStatus::OK();
}

std::shared_ptr<FaultyDisk::File> FaultyDisk::Track(const std::string& path, std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  auto& file = files_[path];
  if (!file || size == 0) {
    file = std::make_shared<File>();
    file->size = size;
    file->synced = size;  // of one that was there: flushed or not, it is not this life's
  }
  return file;
}

void FaultyDisk::SyncedDirectory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const fs::path directory = fs::path(path).lexically_normal();
  std::erase_if(new_names_, [&](const std::string& name) {
    const fs::path parent = fs::path(name).parent_path();
    return parent.lexically_normal() == directory || parent / "" == directory;
  });
}

IOStatus FaultyDisk::NewWritableFile(const std::string& path,
                                     const rocksdb::FileOptions& options,
                                     std::unique_ptr<rocksdb::FSWritableFile>* result,
                                     IODebugContext* debug) {
  IOStatus status = Admit(Act::kCreate, path);
  if (IsWal(path)) {
    CountLog();
  }
  std::error_code error;
  const bool is_new = !fs::exists(path, error);
  status = status.ok() ? target()->NewWritableFile(path, options, result, debug) : status;
  if (status.ok()) {
    *result = std::make_unique<TrackedFile>(std::move(*result), path, Track(path, 0), *this);
    if (is_new) {
      const std::lock_guard lock(mutex_);
      new_names_.push_back(path);
    }
  }
  return status;
}

IOStatus FaultyDisk::ReopenWritableFile(const std::string& path,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSWritableFile>* result,
                                        IODebugContext* debug) {
  IOStatus status = Admit(Act::kCreate, path);
  status = status.ok() ? target()->ReopenWritableFile(path, options, result, debug) : status;
  if (status.ok()) {
    const std::uint64_t size = fs::file_size(path);
    *result = std::make_unique<TrackedFile>(std::move(*result), path, Track(path, size), *this);
  }
  return status;
}

IOStatus FaultyDisk::ReuseWritableFile(const std::string& path,
                                       const std::string& old_path,
                                       const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* result,
                                       IODebugContext* debug) {
  IOStatus renamed = RenameFile(old_path, path, IOOptions(), debug);
  return renamed.ok() ? NewWritableFile(path, options, result, debug) : renamed;
}

IOStatus FaultyDisk::NewRandomRWFile(const std::string& path,
                                     const rocksdb::FileOptions& options,
                                     std::unique_ptr<rocksdb::FSRandomRWFile>* result,
                                     IODebugContext* debug) {
  auto file = std::make_shared<OverwrittenFile>(path);
  IOStatus status = Admit(Act::kCreate, path);
  status = status.ok() ? target()->NewRandomRWFile(path, options, result, debug) : status;
  if (status.ok()) {
    const std::lock_guard lock(mutex_);
    overwritten_[path] = file;
    *result = std::make_unique<TrackedOverwrites>(std::move(*result), path, std::move(file), *this);
  }
  return status;
}

IOStatus FaultyDisk::NewRandomAccessFile(const std::string& path,
                                         const rocksdb::FileOptions& options,
                                         std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                                         IODebugContext* debug) {
  IOStatus status = target()->NewRandomAccessFile(path, options, result, debug);
  if (status.ok()) {
    *result = std::make_unique<TrackedTable>(std::move(*result), path, *this);
  }
  return status;
}

IOStatus FaultyDisk::NewDirectory(const std::string& path,
                                  const IOOptions& options,
                                  std::unique_ptr<rocksdb::FSDirectory>* result,
                                  IODebugContext* debug) {
  IOStatus status = target()->NewDirectory(path, options, result, debug);
  if (status.ok()) {
    *result = std::make_unique<TrackedDirectory>(std::move(*result), path, *this);
  }
  return status;
}

IOStatus FaultyDisk::DeleteFile(const std::string& path,
                                const IOOptions& options,
                                IODebugContext* debug) {
  IOStatus status = Admit(Act::kChange, path);
  status = status.ok() ? target()->DeleteFile(path, options, debug) : status;
  if (status.ok()) {
    const std::lock_guard lock(mutex_);
    files_.erase(path);
    std::erase(new_names_, path);
  }
  return status;
}

IOStatus FaultyDisk::RenameFile(const std::string& from,
                                const std::string& to,
                                const IOOptions& options,
                                IODebugContext* debug) {
  IOStatus status = Admit(Act::kChange, to);
  status = status.ok() ? target()->RenameFile(from, to, options, debug) : status;
  if (status.ok()) {
    const std::lock_guard lock(mutex_);
    if (auto node = files_.extract(from)) {
      files_[to] = std::move(node.mapped());
    }
    new_names_.clear();
  }
  return status;
}

IOStatus FaultyDisk::Truncate(const std::string& path,
                              std::size_t size,
                              const IOOptions& options,
                              IODebugContext* debug) {
  IOStatus status = Admit(Act::kChange, path);
  if (!status.ok()) {
    return status;
  }
  return target()->Truncate(path, size, options, debug);
}

}  // namespace kv::store::testing
