// Engine: what all buckets share to make a mutation last: the journal, the committer and the
// database behind them. Not thread-safe: the broker's thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "kv/clock.h"
#include "kv/result.h"
#include "store/change_set.h"
#include "store/committer.h"
#include "store/database.h"
#include "store/entry_cache.h"
#include "store/journal.h"
#include "store/two_sided_files.h"

namespace kv::store {

// When a mutation is on disk. Source: protocol.md, `sync`.
enum class Sync : std::uint8_t {
  kAlways,    // before Commit returns
  kBatch,     // when someone waits for it, and once in an interval
  kInterval,  // once in an interval
};

class Engine {
 public:
  // Nobody waits longer for a disk that hangs. Longer than a cheap disk stops now and then: what is
  // refused, MQTT 3 clients do not hear of.
  static constexpr Nanoseconds kLongestWait = 10 * kSecond;

  Engine(std::unique_ptr<Database> database,
         std::unique_ptr<Journal> journal,
         Sync sync,
         CommitterOptions options,
         std::size_t entry_cache_bytes);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine() = default;

  // Safe from the death of the process when it returns.
  // Errors: storage-error (the store is failed), unavailable (the journal is full); in both cases
  // nothing happened.
  Result<JournalRecord> Commit(const ChangeSet& changes);
  // An empty change set that is used again and again, so that a write need not allocate one. Good
  // until the next call of Scratch.
  ChangeSet& Scratch();
  // Errors: storage-error, while the store is failed.
  Status CheckWritable() const { return committer_.failed() ? Failed() : Status(Ok{}); }

  bool IsApplied(Sequence sequence) const { return committer_.applied() >= sequence; }
  bool IsDurable(Sequence sequence) const { return committer_.durable() >= sequence; }
  bool IsSettled(Sequence sequence) const { return committer_.settled() >= sequence; }
  Status WaitDurable(Sequence sequence) { return committer_.WaitDurable(sequence); }
  Status WaitSettled(Sequence sequence) { return committer_.WaitSettled(sequence); }
  // The same for kLongestWait at most; once that was in vain, nobody waits again before what was
  // waited for is on disk. Errors: storage-error; unavailable, when it took too long.
  Status WaitBriefly(Sequence sequence);
  // Records that the database does not have on disk yet.
  Sequence unsettled() const { return last_sequence() - committer_.settled(); }
  Committer& committer() { return committer_; }
  const Committer& committer() const { return committer_; }
  const Database& database() const { return *database_; }
  Database& database() { return *database_; }
  EntryCache& entries() { return entries_; }
  Sequence last_sequence() const { return journal_->last_sequence(); }
  Sync sync() const { return sync_; }
  // Memory, room on disk and open files that are not needed any longer.
  void Reap() {
    journal_->Reap();
    CloseLeftFiles();
  }
  Status Close() { return committer_.Stop(); }

 private:
  Error Failed() const;

  const std::unique_ptr<Database> database_;
  const std::unique_ptr<Journal> journal_;
  const Sync sync_;
  ChangeSet scratch_;
  EntryCache entries_;
  Sequence late_ = 0;  // waited for in vain
  Committer committer_;
};

}  // namespace kv::store
