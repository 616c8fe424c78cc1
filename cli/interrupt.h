// Interrupt: notices that the user wants it to end (SIGINT, SIGTERM, SIGHUP) instead of dying of
// it; asked twice, it dies. There may be one at a time.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace kv::cli {

class Interrupt {
 public:
  // To be made before any thread that is not to be interrupted instead: a Client's, too.
  Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  ~Interrupt();

  bool came() const { return came_; }
  void Wait();
  // As if it had come.
  void Raise();
  // Runs `act` once when it comes, on whatever thread; at once if it came already. Empty: no more.
  void Then(std::function<void()> act);

 private:
  std::atomic<bool> came_{false};
  std::atomic<bool> ending_{false};
  std::mutex mutex_;  // of what follows; held while `act_` runs
  std::condition_variable changed_;
  std::function<void()> act_;
  std::thread thread_;
};

}  // namespace kv::cli
