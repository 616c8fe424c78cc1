// The journal: where a mutation is safe from the death of the process before RocksDB has it.
//
// Files mapped into memory, appended to by the broker's thread (a memcpy: what is in the page
// cache survives kill -9) and drained by the committer's thread, which sees it into RocksDB. It
// promises nothing about a power cut: that is what the synced log (synced_log.h) and the sync of
// RocksDB's own log are for.
//
//   segment := magic:8 version:u32le reserved:u32le number:u64le first-sequence:u64le check:u64le
//              durable, padding to 64 bytes, then records, each on an 8-byte boundary
//   durable := sequence:u64le check:u64le, or zeros
//   record  := sequence:u64le length:u32le check:u32le bytes
//   check   := of a segment XXH3-64 of the 32 bytes before it; of `durable` XXH3-64 of the 8 bytes
//              before it, seeded with number; of a record the low 32 bits of XXH3-64 of its bytes,
//              seeded with number ^ sequence << 20 ^ length << 1
//
// Segments are used again: a record counts only if its check fits the segment's number and its
// sequence follows its predecessor's, so what an earlier use left behind is never taken for one.
//
// Threads: one producer (Append, Reap) and one consumer (Next, Rewind, NextToSync, Release,
// NoteDurable, IsFilling, backlog, TendSegments). A record's bytes stay readable for the producer
// until it calls Reap after the consumer has released them. The producer leaves files to the
// consumer, as long as that keeps up: making and removing them waits for the file system.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kv/result.h"
#include "store/codec.h"

namespace kv::store {

class Segment;

struct JournalOptions {
  std::string directory;
  std::size_t segment_bytes = std::size_t{4} << 20;
  // Records that RocksDB does not have on disk; beyond this an Append is refused (`unavailable`).
  std::size_t max_bytes = std::size_t{1} << 30;
};

struct Recovered {
  // False if it ended at a gap: there are records that do not join on to the ones before. Only a
  // power cut leaves that.
  bool is_whole = true;
  // Everything up to here was on disk, in RocksDB or in the synced log, at the least.
  Sequence durable = 0;
};

struct JournalRecord {
  Sequence sequence;
  std::string_view bytes;
};

class Journal {
 public:
  // Reads what an earlier process left, in order, from `after + 1` on: `replay` is called for each
  // record; an error of it ends the reading and is returned. Stops at the first damaged record.
  static Result<Recovered> Recover(const std::string& directory,
                                   Sequence after,
                                   const std::function<Status(const JournalRecord&)>& replay);

  // Removes every segment in the directory and begins anew with sequence `first`.
  // Errors: storage-error.
  static Result<std::unique_ptr<Journal>> Create(JournalOptions options, Sequence first);

  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  ~Journal();

  // --- the producer ---
  // Errors: unavailable (max_bytes reached), storage-error (no room on the disk).
  Result<JournalRecord> Append(std::string_view bytes);
  Sequence last_sequence() const { return next_sequence_ - 1; }
  // Gives back the memory of released segments. Views into them are dead afterwards.
  void Reap();

  // --- the consumer ---
  // The next record, if there is one.
  std::optional<JournalRecord> Next();
  // Goes back so that Next() returns `sequence`. False if it was released.
  bool Rewind(Sequence sequence);
  // The same for the synced log, which has its own place in the journal: behind what was released,
  // at the least.
  std::optional<JournalRecord> NextToSync();
  Sequence next_to_sync() const { return syncing_.next; }
  // How many bytes Next() and NextToSync() have still to return.
  std::size_t backlog() const { return BytesBehind(reading_); }
  std::size_t backlog_to_sync() const { return BytesBehind(syncing_); }
  // RocksDB has everything up to `sequence` on disk.
  void Release(Sequence sequence);
  // Everything up to `sequence` is on disk, there or in the synced log.
  void NoteDurable(Sequence sequence);
  // Half of max_bytes is taken: time for a flush, or appends will be refused.
  bool IsFilling() const;
  // Makes the next segments ready for the producer, and removes those that it does not need. The
  // more are in use, the more are kept ready.
  void TendSegments();

 private:
  // The consumer's place: before the record `next`.
  struct Cursor {
    std::shared_ptr<Segment> segment;
    std::size_t at = 0;
    Sequence next = 0;
  };

  Journal(JournalOptions options, Sequence first);

  std::optional<JournalRecord> Next(Cursor& cursor) const;
  std::size_t BytesBehind(const Cursor& cursor) const;
  Result<std::shared_ptr<Segment>> TakeSegment(std::size_t payload_bytes);
  Status Roll(std::size_t record_bytes);
  std::size_t SparesWanted() const;
  bool AddSpare();

  const JournalOptions options_;

  // The producer's own.
  Sequence next_sequence_;
  std::uint64_t next_number_ = 1;
  std::shared_ptr<Segment> tail_;

  // The consumer's own.
  Cursor reading_;
  Cursor syncing_;

  mutable std::mutex mutex_;  // guards what follows
  std::deque<std::shared_ptr<Segment>> live_;
  std::vector<std::shared_ptr<Segment>> retired_;  // released, the producer may still look
  std::vector<std::shared_ptr<Segment>> spares_;
  std::vector<std::shared_ptr<Segment>> discarded_;  // to be removed
  std::size_t live_bytes_ = 0;
  std::uint64_t next_file_ = 1;
};

}  // namespace kv::store
