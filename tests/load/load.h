// A great many clients of one broker, driven by one thread: workers, of which half are dropped and
// connect again in storms, and watchers of every temper.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/load/account.h"
#include "tests/load/memory.h"
#include "tests/load/watcher.h"
#include "tests/load/worker.h"

namespace kv::testing {

struct LoadPlan {
  std::uint64_t operations = 0;
  unsigned workers = 0;
  unsigned watchers = 0;
  std::uint64_t keys = 0;  // that all share; each is put once before anything else
  // Operations under way for each worker. The broker takes one packet of each client in a pass of
  // its loop, so that more of them make all wait longer, and it does no more for that.
  unsigned window = 2;
  std::chrono::milliseconds storm_interval{5'000};
  std::chrono::milliseconds sample_interval{1'000};  // of memory
  // Nobody may wait longer for anything that the broker owes: it would have locked up. Far more
  // than any should take, for a machine that has other things to do, too.
  std::chrono::seconds patience{30};
  std::uint64_t seed = 0;
};

class Load {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  Load(LoadPlan plan, std::uint16_t port, pid_t broker);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // Until all operations are done, or something lasts too long.
  void Run();
  // Resets every connection: nobody is there any more.
  void DropAll();

  const Account& account() const { return account_; }
  const MemorySeries& memory() const { return memory_; }
  const std::vector<std::unique_ptr<Worker>>& workers() const { return workers_; }
  std::uint64_t storms() const { return storms_; }
  double seconds() const { return Seconds(std::chrono::steady_clock::now()); }

 private:
  void MakeWorkers(std::uint16_t port);
  void MakeWatchers(std::uint16_t port);
  std::optional<std::uint64_t> TakeTicket();
  bool IsOver() const;
  void HandleEvents() const;
  void PassTime();
  void Storm();
  void ExpectNobodyWaits(TimePoint now);
  bool IsStormy(std::size_t worker) const { return worker % 2 == 1; }
  double Seconds(TimePoint now) const {
    return std::chrono::duration<double>(now - start_).count();
  }

  LoadPlan plan_;
  int epoll_;
  Account account_;
  MemorySeries memory_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::unique_ptr<Watcher>> watchers_;
  TimePoint start_;
  TimePoint next_storm_;
  TimePoint next_sample_;
  std::uint64_t storms_ = 0;
};

}  // namespace kv::testing
