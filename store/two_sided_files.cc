#include "store/two_sided_files.h"

#include <array>
#include <atomic>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/system_clock.h>

#include "store/store_files.h"

namespace kv::store {
namespace {

using rocksdb::DataVerificationInfo;
using rocksdb::FSRandomAccessFile;
using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

constexpr std::size_t kSides = 2;

std::size_t ThisSide() {
  return HasStoreFiles() ? 0 : 1;
}

// Files of one side that wait to be closed there.
class LeftFiles {
 public:
  void Leave(std::shared_ptr<void> file) {
    const std::lock_guard lock(mutex_);
    files_.push_back(std::move(file));
    any_.store(true, std::memory_order_release);
  }
  void Close() {
    if (!any_.load(std::memory_order_acquire)) {
      return;
    }
    std::vector<std::shared_ptr<void>> closed;  // without the mutex
    const std::lock_guard lock(mutex_);
    closed.swap(files_);
    any_.store(false, std::memory_order_release);
  }

 private:
  std::mutex mutex_;
  std::vector<std::shared_ptr<void>> files_;
  std::atomic<bool> any_{false};
};

LeftFiles& LeftTo(std::size_t side) {
  // NOLINTNEXTLINE(cppcoreguidelines-*): never destroyed: RocksDB's threads may outlast everything
  static auto& left = *new std::array<LeftFiles, kSides>();
  return left.at(side);
}

// Closes `file` on the side where it is open.
template <typename File>
void CloseOn(std::size_t side, std::unique_ptr<File> file) {
  if (file && side != ThisSide()) {
    LeftTo(side).Leave(std::move(file));
  }
}

class ReadFile final : public FSRandomAccessFile {
 public:
  ReadFile(std::shared_ptr<rocksdb::FileSystem> files,
           std::string path,
           const rocksdb::FileOptions& options,
           std::unique_ptr<FSRandomAccessFile> opened)
      : files_(std::move(files)), path_(std::move(path)), options_(options), first_(opened.get()) {
    Keep(sides_.at(ThisSide()), std::move(opened));
  }
  ReadFile(const ReadFile&) = delete;
  ReadFile& operator=(const ReadFile&) = delete;
  ~ReadFile() override {
    for (std::size_t side = 0; side < kSides; ++side) {
      CloseOn(side, std::move(sides_.at(side).file));
    }
  }

  // NOLINTNEXTLINE(readability-function-size): so many parameters RocksDB gives it
  IOStatus Read(std::uint64_t offset,
                std::size_t bytes,
                const IOOptions& options,
                rocksdb::Slice* result,
                char* scratch,
                IODebugContext* debug) const override {
    return Here([&](FSRandomAccessFile& file) {
      return file.Read(offset, bytes, options, result, scratch, debug);
    });
  }
  IOStatus MultiRead(rocksdb::FSReadRequest* requests,
                     std::size_t count,
                     const IOOptions& options,
                     IODebugContext* debug) override {
    return Here(
        [&](FSRandomAccessFile& file) { return file.MultiRead(requests, count, options, debug); });
  }
  IOStatus Prefetch(std::uint64_t offset,
                    std::size_t bytes,
                    const IOOptions& options,
                    IODebugContext* debug) override {
    return Here(
        [&](FSRandomAccessFile& file) { return file.Prefetch(offset, bytes, options, debug); });
  }
  IOStatus InvalidateCache(std::size_t offset, std::size_t bytes) override {
    return Here([&](FSRandomAccessFile& file) { return file.InvalidateCache(offset, bytes); });
  }
  void Hint(AccessPattern pattern) override {
    const IOStatus hinted = Here([&](FSRandomAccessFile& file) {
      file.Hint(pattern);
      return IOStatus::OK();
    });
    static_cast<void>(hinted);  // a hint
  }
  // What needs no open file.
  bool use_direct_io() const override { return first_->use_direct_io(); }
  std::size_t GetRequiredBufferAlignment() const override {
    return first_->GetRequiredBufferAlignment();
  }
  rocksdb::Temperature GetTemperature() const override { return first_->GetTemperature(); }

 private:
  struct Side {
    std::unique_ptr<FSRandomAccessFile> file;
    std::atomic<FSRandomAccessFile*> opened{nullptr};  // the same, for those who do not lock
  };

  static void Keep(Side& side, std::unique_ptr<FSRandomAccessFile> opened) {
    side.file = std::move(opened);
    side.opened.store(side.file.get(), std::memory_order_release);
  }

  template <typename Act>
  IOStatus Here(const Act& act) const {
    Side& here = sides_.at(ThisSide());
    FSRandomAccessFile* file = here.opened.load(std::memory_order_acquire);
    if (file == nullptr) {
      const std::lock_guard lock(opening_);
      if (!here.file) {
        std::unique_ptr<FSRandomAccessFile> opened;
        IOStatus status = files_->NewRandomAccessFile(path_, options_, &opened, nullptr);
        if (!status.ok()) {
          return status;
        }
        Keep(here, std::move(opened));
      }
      file = here.file.get();
    }
    return act(*file);
  }

  const std::shared_ptr<rocksdb::FileSystem> files_;
  const std::string path_;
  const rocksdb::FileOptions options_;
  FSRandomAccessFile* const first_;  // one of them
  mutable std::mutex opening_;
  mutable std::array<Side, kSides> sides_{};
};

// Belongs to the side that made it.
class WrittenFile final : public rocksdb::FSWritableFileWrapper {
 public:
  explicit WrittenFile(std::unique_ptr<FSWritableFile> file)
      : FSWritableFileWrapper(file.get()), file_(std::move(file)), side_(ThisSide()) {}
  WrittenFile(const WrittenFile&) = delete;
  WrittenFile& operator=(const WrittenFile&) = delete;
  ~WrittenFile() override { CloseOn(side_, std::move(file_)); }

  IOStatus Append(const rocksdb::Slice& data,
                  const IOOptions& options,
                  IODebugContext* debug) override {
    return Here([&] { return file_->Append(data, options, debug); });
  }
  IOStatus Append(const rocksdb::Slice& data,
                  const IOOptions& options,
                  const DataVerificationInfo& verification,
                  IODebugContext* debug) override {
    return Here([&] { return file_->Append(data, options, verification, debug); });
  }
  IOStatus PositionedAppend(const rocksdb::Slice& data,
                            std::uint64_t offset,
                            const IOOptions& options,
                            IODebugContext* debug) override {
    return Here([&] { return file_->PositionedAppend(data, offset, options, debug); });
  }
  IOStatus PositionedAppend(const rocksdb::Slice& data,
                            std::uint64_t offset,
                            const IOOptions& options,
                            const DataVerificationInfo& verification,
                            IODebugContext* debug) override {
    return Here(
        [&] { return file_->PositionedAppend(data, offset, options, verification, debug); });
  }
  IOStatus Truncate(std::uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    return Here([&] { return file_->Truncate(size, options, debug); });
  }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    return Here([&] { return file_->Close(options, debug); });
  }
  IOStatus Flush(const IOOptions& options, IODebugContext* debug) override {
    return Here([&] { return file_->Flush(options, debug); });
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return Here([&] { return file_->Sync(options, debug); });
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return Here([&] { return file_->Fsync(options, debug); });
  }
  IOStatus RangeSync(std::uint64_t offset,
                     std::uint64_t bytes,
                     const IOOptions& options,
                     IODebugContext* debug) override {
    return Here([&] { return file_->RangeSync(offset, bytes, options, debug); });
  }
  IOStatus Allocate(std::uint64_t offset,
                    std::uint64_t bytes,
                    const IOOptions& options,
                    IODebugContext* debug) override {
    return Here([&] { return file_->Allocate(offset, bytes, options, debug); });
  }
  IOStatus InvalidateCache(std::size_t offset, std::size_t bytes) override {
    return Here([&] { return file_->InvalidateCache(offset, bytes); });
  }

 private:
  template <typename Act>
  IOStatus Here(const Act& act) const {
    if (side_ != ThisSide()) {
      return IOStatus::IOError("a file is written by a thread that does not have it");
    }
    return act();
  }

  std::unique_ptr<FSWritableFile> file_;
  const std::size_t side_;
};

class Files final : public rocksdb::FileSystemWrapper {
 public:
  explicit Files(const std::shared_ptr<rocksdb::FileSystem>& base)
      : FileSystemWrapper(base), base_(base) {}
  const char* Name() const override { return "kv-two-sided-files"; }

  IOStatus NewRandomAccessFile(const std::string& path,
                               const rocksdb::FileOptions& options,
                               std::unique_ptr<FSRandomAccessFile>* result,
                               IODebugContext* debug) override {
    CloseLeftFiles();
    std::unique_ptr<FSRandomAccessFile> opened;
    IOStatus status = FileSystemWrapper::NewRandomAccessFile(path, options, &opened, debug);
    if (status.ok()) {
      *result = std::make_unique<ReadFile>(base_, path, options, std::move(opened));
    }
    return status;
  }
  IOStatus NewWritableFile(const std::string& path,
                           const rocksdb::FileOptions& options,
                           std::unique_ptr<FSWritableFile>* result,
                           IODebugContext* debug) override {
    CloseLeftFiles();
    std::unique_ptr<FSWritableFile> opened;
    IOStatus status = FileSystemWrapper::NewWritableFile(path, options, &opened, debug);
    if (status.ok()) {
      *result = std::make_unique<WrittenFile>(std::move(opened));
    }
    return status;
  }

 private:
  const std::shared_ptr<rocksdb::FileSystem> base_;
};

class TwoSidedEnv final : public rocksdb::EnvWrapper {
 public:
  explicit TwoSidedEnv(rocksdb::Env* base) : EnvWrapper(base) {
    file_system_ = std::make_shared<Files>(base->GetFileSystem());
    system_clock_ = base->GetSystemClock();
  }
};

}  // namespace

std::unique_ptr<rocksdb::Env> TwoSided(rocksdb::Env* base) {
  return std::make_unique<TwoSidedEnv>(base);
}

void CloseLeftFiles() {
  LeftTo(ThisSide()).Close();
}

}  // namespace kv::store
