#include "store/committer.h"

#include <algorithm>
#include <chrono>

#include "store/give_way.h"
#include "store/store_files.h"

namespace kv::store {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

// Between rounds the thread dozes this long, so that the broker's thread need not wake it for
// each message: a wake-up costs a system call there. Who waits for a flush wakes it.
constexpr milliseconds kDoze{10};
constexpr int kRoundsBeforeSleep = 20;
constexpr int kLastRetry = 50;  // times the first
// More than that goes into the database at once: there what is overwritten needs no writing.
constexpr std::size_t kMostToLog = std::size_t{1} << 20;

}  // namespace

Committer::Committer(Database& database,
                     Journal& journal,
                     Sequence applied,
                     CommitterOptions options)
    : database_(database),
      journal_(journal),
      options_(std::move(options)),
      applied_(applied),
      durable_(applied),
      settled_(applied),
      synced_log_(options_.synced_log),
      last_sync_(steady_clock::now()) {
  // Made by a thread that has the store's files, it has them, too.
  thread_ = WithStoreFiles([this] { return std::thread([this] { Run(); }); });
}

Committer::~Committer() {
  IgnoreError(Stop(), "the destructor has nobody to tell");
}

void Committer::Notify() {
  // Exchanged, not loaded: a load could overtake the store that published the record, and both
  // sides would miss each other.
  if (asleep_.exchange(false)) {
    const std::lock_guard lock(mutex_);
    woken_ = true;
    work_.notify_one();
  }
}

void Committer::Request(std::atomic<Sequence>& wish,
                        const std::atomic<Sequence>& done,
                        Sequence sequence) {
  Sequence known = wish.load(std::memory_order_relaxed);
  while (known < sequence && !wish.compare_exchange_weak(known, sequence)) {}
  // The first to ask since the last flush. Whether that one is over is read after the wish is
  // written, as the committer looks for wishes after it has ended one: one of the two sees it.
  if (known < sequence && known <= done.load()) {
    asleep_.store(false);
    const std::lock_guard lock(mutex_);
    woken_ = true;
    work_.notify_one();
  }
}

Status Committer::WaitFor(std::atomic<Sequence>& wish,
                          const std::atomic<Sequence>& done,
                          Sequence sequence,
                          std::optional<Nanoseconds> most) {
  if (done.load() >= sequence) {
    return Ok{};
  }
  std::unique_lock lock(mutex_);
  Sequence known = wish.load(std::memory_order_relaxed);
  while (known < sequence && !wish.compare_exchange_weak(known, sequence)) {}
  woken_ = true;
  work_.notify_one();
  const auto over = [&] { return done.load() >= sequence || failed() || stop_; };
  if (!most) {
    progress_.wait(lock, over);
  } else if (!progress_.wait_for(lock, nanoseconds(*most), over)) {
    return Error(ErrorCode::kUnavailable, "the disk does not keep up, try again");
  }
  if (done.load() >= sequence) {
    return Ok{};
  }
  return Error(ErrorCode::kStorageError, failed() ? failure_ : "the store is closing");
}

void Committer::Post(Sequence after, std::function<void(Status)> task) {
  const std::lock_guard lock(mutex_);
  tasks_.push_back({after, std::move(task)});
  asleep_.store(false);
  woken_ = true;
  work_.notify_one();
}

// Those that are due; with an error, all of them.
void Committer::RunTasks(const Status& status) {
  for (;;) {
    std::function<void(Status)> run;
    {
      const std::lock_guard lock(mutex_);
      if (tasks_.empty() || (status.ok() && tasks_.front().after > applied())) {
        return;
      }
      run = std::move(tasks_.front().run);
      tasks_.pop_front();
    }
    run(status);
  }
}

std::optional<std::string> Committer::failure() const {
  const std::lock_guard lock(mutex_);
  return failed() ? std::optional(failure_) : std::nullopt;
}

Status Committer::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    work_.notify_one();
    progress_.notify_all();
  }
  if (thread_.joinable()) {
    thread_.join();
  }
  if (failed()) {
    return Error(ErrorCode::kStorageError, failure_);
  }
  return Ok{};
}

void Committer::Run() {
  GiveWay();
  // Whoever waits for the log need not wait until a group is in the database.
  DoNowAndThen([this] { SyncLogIfWanted(); });
  Work();
  DoNowAndThen(nullptr);
  RunTasks(Error(ErrorCode::kUnavailable, "the store is closing"));
  synced_log_.Close();  // its files are this thread's
}

void Committer::Work() {
  while (WorkOnce()) {}
}

bool Committer::WorkOnce() {
  const bool stopping = IsStopping();
  if (failed() && !redraining_) {
    if (stopping) {
      return false;  // the journal keeps it: the next start goes on from there
    }
    Recover();
    return true;
  }
  SyncLogIfWanted();
  // Looked at once: what comes in between is gathered, too.
  const bool empty = journal_.backlog() == 0;
  const bool gathering = !stopping && !empty && !IsTimeToDrain();
  if (gathering) {
    WaitForWork();
    return true;
  }
  const auto drained = DrainSome(empty);
  if (!drained) {
    Fail(drained.error());
    return true;
  }
  RunTasks(Ok{});
  const bool idle = !*drained;
  const bool last = idle && stopping;
  Status synced = SyncIfWanted(idle);
  if (synced && last && settled() < applied()) {
    synced = SyncNow();
  }
  if (!synced) {
    Fail(synced.error());
    return true;
  }
  if (last) {
    return false;
  }
  journal_.TendSegments();
  if (idle) {
    WaitForWork();
  } else {
    empty_rounds_ = 0;
  }
  return true;
}

bool Committer::IsStopping() const {
  const std::lock_guard lock(mutex_);
  return stop_;
}

bool Committer::MustSettle() const {
  return (IsWaitedFor() && !log_is_ready_) || to_settle_.load() > settled() || redraining_ ||
         journal_.IsFilling() || synced_log_.IsFilling();
}

bool Committer::IsTimeToDrain() {
  if (draining_ || MustSettle() || IsFlushDue() || journal_.backlog() >= options_.gather_bytes) {
    return true;
  }
  const std::lock_guard lock(mutex_);
  return !tasks_.empty();
}

bool Committer::IsFlushDue() const {
  return steady_clock::now() - last_sync_ >= nanoseconds(options_.sync_interval);
}

void Committer::WaitForWork() {
  std::unique_lock lock(mutex_);
  const bool quiet = settled() == applied() && journal_.backlog() == 0;
  empty_rounds_ = quiet ? empty_rounds_ + 1 : 0;
  if (empty_rounds_ <= kRoundsBeforeSleep) {
    // Who asked during the last flush did not wake the thread.
    if (!IsWaitedFor() && to_settle_.load() <= settled()) {
      work_.wait_for(lock, kDoze, [this] { return woken_ || stop_; });
    }
    woken_ = false;
    return;
  }
  group_.ReleaseMemory();
  asleep_.exchange(true);  // see Notify
  // A record appended before the flag was seen had nobody to wake: look once more.
  if (journal_.backlog() == 0) {
    work_.wait(lock, [this] { return woken_ || stop_; });
  }
  asleep_.store(false);
  woken_ = false;
  empty_rounds_ = 0;
}

Result<bool> Committer::DrainSome(bool empty) {
  if (empty) {
    draining_ = false;
    return false;
  }
  group_.Clear();
  Sequence last = 0;
  draining_ = true;
  while (group_.bytes() < kGroupBytes) {
    const auto record = journal_.Next();
    if (!record) {
      draining_ = false;
      break;
    }
    if (auto added = group_.Add(record->bytes); !added) {
      return std::move(added).error();
    }
    last = record->sequence;
    YieldNowAndThen();
  }
  if (last == 0) {
    return false;
  }
  group_.SetApplied(last);
  if (auto written = database_.Write(group_); !written) {
    return std::move(written).error();
  }
  unsettled_bytes_ += group_.bytes();
  applied_.store(last, std::memory_order_release);
  return true;
}

Status Committer::SyncIfWanted(bool idle) {
  const bool enough = !draining_ || unsettled_bytes_ >= kGroupBytes;
  if (applied() > settled() && enough && (MustSettle() || IsFlushDue())) {
    if (auto synced = SyncNow(); !synced) {
      return synced;
    }
  }
  if (idle && redraining_ && applied() >= recovered_at_) {
    redraining_ = false;
    failed_.store(false, std::memory_order_release);
    Progress();
  }
  return Ok{};
}

Status Committer::SyncNow() {
  const Sequence covered = applied();
  const auto start = steady_clock::now();
  if (auto synced = database_.Sync(); !synced) {
    return synced;
  }
  last_sync_ = steady_clock::now();
  settled_.store(covered);  // in one order with to_settle_, as durable_ with requested_
  unsettled_bytes_ = 0;
  synced_log_.Settle(covered);
  journal_.Release(covered);
  log_is_ready_ = log_is_ready_ || journal_.next_to_sync() == covered + 1;
  MakeDurable(covered, start);
  return Ok{};
}

void Committer::SyncLogIfWanted() {
  if (!IsWaitedFor() || !log_is_ready_ || failed()) {
    return;
  }
  log_is_ready_ = journal_.backlog_to_sync() <= kMostToLog;
  if (log_is_ready_) {
    SyncLog();
  }
}

void Committer::SyncLog() {
  const auto start = steady_clock::now();
  Sequence last = durable();
  while (const auto record = journal_.NextToSync()) {
    log_is_ready_ = log_is_ready_ && synced_log_.Add(*record);
    last = record->sequence;
  }
  // If that fails the database is flushed instead, and if that fails, too, the store is failed.
  log_is_ready_ = log_is_ready_ && synced_log_.Flush().ok();
  if (log_is_ready_) {
    MakeDurable(last, start);
  }
}

void Committer::MakeDurable(Sequence sequence, SteadyTime begun) {
  last_flush_.store(nanoseconds(steady_clock::now() - begun).count(), std::memory_order_relaxed);
  const Sequence now_durable = std::max(durable(), sequence);
  journal_.NoteDurable(now_durable);  // before anyone is told
  {
    const std::lock_guard lock(mutex_);
    durable_.store(now_durable);  // in one order with requested_: see Request
    progress_.notify_all();
  }
  Progress();
}

void Committer::Progress() {
  if (options_.on_progress) {
    options_.on_progress();
  }
}

void Committer::Fail(const Error& error) {
  {
    const std::lock_guard lock(mutex_);
    failure_ = error.message;
    failed_.store(true, std::memory_order_release);
    progress_.notify_all();
  }
  redraining_ = false;
  RunTasks(error);
  Progress();
}

void Committer::Recover() {
  nanoseconds pause(options_.first_retry);
  const nanoseconds last_pause = pause * kLastRetry;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      const bool woken = work_.wait_for(lock, pause, [this] { return stop_ || !tasks_.empty(); });
      if (stop_) {
        return;
      }
      if (woken) {
        lock.unlock();
        RunTasks(Error(ErrorCode::kStorageError, failure_));
        continue;
      }
    }
    pause = std::min(pause * 2, last_pause);
    const Sequence told = applied();
    if (!database_.Reopen()) {
      continue;
    }
    const auto held = database_.Applied();
    if (!held) {
      continue;
    }
    // What was flushed is there; what was only written may be gone, and is in the journal.
    if (!journal_.Rewind(*held + 1)) {
      continue;  // the database lost what it had on disk: nothing here can make that good
    }
    applied_.store(*held, std::memory_order_release);
    recovered_at_ = std::max(told, *held);
    redraining_ = true;  // well only once all of it is there again, and flushed
    return;
  }
}

}  // namespace kv::store
