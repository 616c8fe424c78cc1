#include "store/synced_log.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include <rocksdb/env.h>

#include "store/directory.h"
#include "store/private_files.h"
#include "store/segment.h"

namespace kv::store {
namespace {

using std::chrono::steady_clock;

Error LogError(const std::string& what, const rocksdb::Status& status) {
  return Error(ErrorCode::kStorageError, "synced log: " + what + ": " + status.ToString());
}

}  // namespace

SyncedLog::SyncedLog(SyncedLogOptions options) : options_(std::move(options)) {}

SyncedLog::~SyncedLog() = default;

bool SyncedLog::HasRoom(std::size_t bytes) const {
  return offset_ + buffer_.size() + bytes <= options_.file_bytes;
}

bool SyncedLog::Add(const JournalRecord& record) {
  const std::size_t needed = RecordBytes(record.bytes.size());
  const bool goes_on = has_begun_ && record.sequence == last_ + 1 && HasRoom(needed);
  if (!goes_on && !Begin(record.sequence, needed)) {
    Drop();
    return false;
  }
  AppendRecord(buffer_, number_, record);
  last_ = record.sequence;
  return true;
}

// Begins to use a file whose records are all settled.
bool SyncedLog::Begin(Sequence first, std::size_t record_bytes) {
  if (!buffer_.empty() && !Flush()) {
    return false;
  }
  const std::size_t other = (current_ + 1) % files_.size();
  const std::size_t next = files_.at(current_).last <= settled_ ? current_ : other;
  const bool fits = Segment::kHeaderBytes + record_bytes <= options_.file_bytes;
  if (!fits || files_.at(next).last > settled_ || !IsOpen(next)) {
    return false;
  }
  current_ = next;
  offset_ = 0;
  has_begun_ = true;
  buffer_ = EncodeSegmentHeader(++number_, first);
  return true;
}

bool SyncedLog::IsOpen(std::size_t index) {
  File& file = files_.at(index);
  if (!file.file && steady_clock::now() >= not_before_) {
    const std::string path = options_.directory + "/" + std::to_string(index + 1) + ".synced";
    if (!Open(file, path)) {
      ::unlink(path.c_str());
      not_before_ = steady_clock::now() + std::chrono::nanoseconds(options_.retry_after);
    }
  }
  return file.file != nullptr;
}

Status SyncedLog::Open(File& file, const std::string& path) const {
  if (auto made = ReserveFile(path, options_.file_bytes); !made) {
    return made;
  }
  if (!SyncDirectory(options_.directory)) {
    return Error(ErrorCode::kStorageError, "cannot flush the directory " + options_.directory);
  }
  rocksdb::Env* env = options_.env != nullptr ? options_.env : PrivateFiles();
  const rocksdb::Status status = env->NewRandomRWFile(path, &file.file, rocksdb::EnvOptions());
  return status.ok() ? Status(Ok{}) : LogError("cannot open " + path, status);
}

Status SyncedLog::Flush() {
  if (buffer_.empty()) {
    return Ok{};
  }
  File& file = files_.at(current_);
  rocksdb::Status status = file.file->Write(offset_, buffer_);
  if (status.ok()) {
    status = file.file->Sync();
  }
  if (!status.ok()) {
    // What the kernel has of it is not known from here on.
    Drop();
    return LogError("cannot flush", status);
  }
  offset_ += buffer_.size();
  buffer_.clear();
  file.last = last_;
  return Ok{};
}

void SyncedLog::Drop() {
  buffer_.clear();
  has_begun_ = false;
}

void SyncedLog::Close() {
  Drop();
  for (File& file : files_) {
    file.file.reset();
  }
}

void SyncedLog::Settle(Sequence sequence) {
  settled_ = std::max(settled_, sequence);
}

bool SyncedLog::IsFilling() const {
  return std::all_of(
      files_.begin(), files_.end(), [this](const File& file) { return file.last > settled_; });
}

}  // namespace kv::store
