// The committer: a thread that drains the journal into the database, in large batches, and flushes
// it once in an interval. For those who wait it flushes the synced log at once, which is quicker.
// The broker's thread never waits for RocksDB, but for WaitDurable and WaitSettled.
//
// Failure: after a failed write or flush the committer is *failed*. The journal keeps what the
// database does not have. The committer reopens the database again and again; once it is well,
// it drains the journal from where the database is, and the failure is over.
//
// Threads: every method may be called from any thread, except that Append's journal has one
// producer (see journal.h).
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "kv/clock.h"
#include "kv/result.h"
#include "store/database.h"
#include "store/journal.h"
#include "store/synced_log.h"

namespace kv::store {

// So much of the journal is gathered, and a group that holds as much takes no more records. Of keys
// that are overwritten all the time, the more is gathered the less reaches the database.
inline constexpr std::size_t kGroupBytes = std::size_t{32} << 20;

struct CommitterOptions {
  // What nobody waits for is flushed this often, too.
  Nanoseconds sync_interval = kSecond;
  // Records are gathered for that long, too, unless there are so many bytes of them: what is
  // overwritten meanwhile never reaches the database.
  std::size_t gather_bytes = kGroupBytes;
  // After a failure the database is opened again after this long, then after twice as long, and so
  // on up to fifty times.
  Nanoseconds first_retry = 100 * kMillisecond;
  // Called on the committer's thread when durable() or failed() changed and someone waits.
  std::function<void()> on_progress;
  SyncedLogOptions synced_log = {};
};

class Committer {
 public:
  // `applied` is what the database holds already.
  Committer(Database& database, Journal& journal, Sequence applied, CommitterOptions options);
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;
  ~Committer();  // Stop()

  // Tells that the journal has something new. Cheap unless the thread is asleep.
  void Notify();
  // Asks for a flush that covers `sequence`, in the synced log or the database; on_progress tells.
  void RequestDurable(Sequence sequence) { Request(requested_, durable_, sequence); }
  // The same, in the database itself: for what must be there whatever becomes of the journal.
  void RequestSettled(Sequence sequence) { Request(to_settle_, settled_, sequence); }
  // Blocks until `sequence` is on disk, for `most` at the longest. Errors: storage-error, when the
  // store is failed; unavailable, after `most`.
  Status WaitDurable(Sequence sequence, std::optional<Nanoseconds> most = std::nullopt) {
    return WaitFor(requested_, durable_, sequence, most);
  }
  Status WaitSettled(Sequence sequence, std::optional<Nanoseconds> most = std::nullopt) {
    return WaitFor(to_settle_, settled_, sequence, most);
  }

  // Calls `task` on the committer's thread, once the database holds every record up to `after`;
  // with an error if the committer is failed, fails or stops before. In the order of the calls.
  void Post(Sequence after, std::function<void(Status)> task);

  // The database answers for every record up to here.
  Sequence applied() const { return applied_.load(std::memory_order_acquire); }
  // On disk up to here, in the database or in the synced log.
  Sequence durable() const { return durable_.load(std::memory_order_acquire); }
  // On disk in the database up to here.
  Sequence settled() const { return settled_.load(std::memory_order_acquire); }
  bool failed() const { return failed_.load(std::memory_order_acquire); }
  // Why, for a person; nothing when not failed.
  std::optional<std::string> failure() const;
  // How long the last flush took.
  Nanoseconds last_flush() const { return last_flush_.load(std::memory_order_relaxed); }

  // Drains and flushes everything, then ends the thread. Errors: storage-error.
  Status Stop();

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;

  void Request(std::atomic<Sequence>& wish, const std::atomic<Sequence>& done, Sequence sequence);
  Status WaitFor(std::atomic<Sequence>& wish,
                 const std::atomic<Sequence>& done,
                 Sequence sequence,
                 std::optional<Nanoseconds> most);
  void Run();
  void Work();
  // False: that was the last of it.
  bool WorkOnce();
  bool IsStopping() const;
  // Whether what the journal has should be in the database now.
  bool IsTimeToDrain();
  bool IsFlushDue() const;
  void WaitForWork();
  // Flushes the synced log for those who wait, if that is the quickest way. Also called in the middle
  // of DrainSome: it touches neither the group nor the database.
  void SyncLogIfWanted();
  void SyncLog();
  bool IsWaitedFor() const { return requested_.load() > durable(); }
  // Whether the database must be flushed now.
  bool MustSettle() const;
  // True if it found something to do. With `empty` it does not look again.
  Result<bool> DrainSome(bool empty);
  Status SyncIfWanted(bool idle);
  Status SyncNow();
  void MakeDurable(Sequence sequence, SteadyTime begun);
  void Fail(const Error& error);
  void Recover();
  void Progress();
  void RunTasks(const Status& status);

  Database& database_;
  Journal& journal_;
  const CommitterOptions options_;

  std::atomic<Sequence> applied_;
  std::atomic<Sequence> durable_;
  std::atomic<Sequence> settled_;
  std::atomic<Sequence> requested_{0};
  std::atomic<Sequence> to_settle_{0};
  std::atomic<bool> failed_{false};
  std::atomic<bool> asleep_{false};
  std::atomic<Nanoseconds> last_flush_{0};

  mutable std::mutex mutex_;
  std::condition_variable work_;      // for the committer
  std::condition_variable progress_;  // for those who wait
  std::string failure_;
  bool stop_ = false;
  bool woken_ = false;
  struct Task {
    Sequence after;
    std::function<void(Status)> run;
  };
  std::deque<Task> tasks_;

  // The committer's own.
  WriteGroup group_;
  SyncedLog synced_log_;
  // Not after a failure, nor when there is too much for it: then the database is flushed.
  bool log_is_ready_ = true;
  // Written to the database since it was last flushed.
  std::size_t unsettled_bytes_ = 0;
  bool draining_ = false;  // it was time for that, and not all that there is has been drained
  SteadyTime last_sync_;
  int empty_rounds_ = 0;
  // After a reopening the database may lack what readers were told it has: not well before that
  // is there again.
  bool redraining_ = false;
  Sequence recovered_at_ = 0;

  std::thread thread_;
};

}  // namespace kv::store
