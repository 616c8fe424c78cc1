// One mapped file of the journal. See journal.h for its grammar and threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "kv/result.h"
#include "store/journal.h"

namespace kv::store {

// What a record of so many bytes takes in a file.
std::size_t RecordBytes(std::size_t payload_bytes);
// The bytes of a header and of a record, for files that are not mapped.
std::string EncodeSegmentHeader(std::uint64_t number, Sequence first);
void AppendRecord(std::string& to, std::uint64_t number, const JournalRecord& record);

// A new, private file with its room on the disk reserved. Errors: storage-error.
Status ReserveFile(const std::string& path, std::size_t bytes);

class Segment {
 public:
  static constexpr std::size_t kHeaderBytes = 64;
  static constexpr std::size_t kRecordHeaderBytes = 16;

  // A new file of `bytes`, its room on disk reserved and its pages present.
  static Result<std::shared_ptr<Segment>> Create(const std::string& path, std::size_t bytes);
  // An existing file, to recover from; nullptr if it holds no segment in use. Errors:
  // storage-error, when it cannot be looked at or is of a newer version.
  static Result<std::shared_ptr<Segment>> Map(const std::string& path);

  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;
  ~Segment();  // unmaps; the file stays

  // Begins a new life as segment `number`, empty.
  void Start(std::uint64_t number, Sequence first);
  bool HasRoom(std::size_t payload_bytes) const;
  // Precondition: HasRoom. Visible to the reader when it returns.
  JournalRecord Append(Sequence sequence, std::string_view bytes);
  // No more appends in this life.
  void Close() { closed_.store(true, std::memory_order_release); }

  // The record at `offset`, which is moved past it; nothing if what stands there has no fitting
  // check: for recovery.
  std::optional<JournalRecord> Read(std::size_t& offset, Sequence expected) const;
  // The same of what IsWritten in this life, for the consumer: nothing is checked again.
  JournalRecord Take(std::size_t& offset) const;
  bool IsWritten(std::size_t offset) const { return offset < written(); }
  std::size_t written() const { return written_.load(std::memory_order_acquire); }
  bool closed() const { return closed_.load(std::memory_order_acquire); }

  // Notes that everything up to `sequence` is on disk, elsewhere. Whichever of these notes a power
  // cut leaves, it is true.
  void NoteDurable(Sequence sequence);
  // The last note; 0 if there is none.
  Sequence durable() const;

  // The end of this segment's use: recovery will not look at it again.
  void Forget();
  void RemoveFile() const;

  std::uint64_t number() const { return number_; }
  Sequence first() const { return first_; }
  std::size_t bytes() const { return bytes_; }

 private:
  Segment(std::string path, char* base, std::size_t bytes)
      : path_(std::move(path)), base_(base), bytes_(bytes) {}
  // False if it is not in use. Errors: a newer version.
  Result<bool> LoadHeader();
  void MoveBehind(std::size_t& offset, std::size_t payload_bytes) const;

  const std::string path_;
  char* const base_;
  const std::size_t bytes_;
  std::uint64_t number_ = 0;
  Sequence first_ = 0;
  std::atomic<std::size_t> written_{kHeaderBytes};
  std::atomic<bool> closed_{false};
};

}  // namespace kv::store
