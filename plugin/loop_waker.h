// LoopWaker: lets another thread tell the broker's loop that there is something to do.
//
// The plugin API belongs to the broker's thread, and that thread sleeps in epoll_wait: up to
// 100 ms in 2.0, until its next event in 2.1. A signal ends the sleep: the broker takes EINTR
// quietly and goes on to its TICK. SIGURG is used, whose default is to be ignored.
//
// With `per_listener_settings true` brokers before 2.0.15 never call TICK. There the signal's
// handler calls `on_missing_tick` itself. That is safe where it is done: brokers of the 2.0 series
// block SIGINT, SIGTERM, SIGUSR1, SIGUSR2 and SIGHUP around epoll_wait and nowhere else, and only
// when the interrupted code has just these blocked does the handler call: nothing but that system
// call can have been interrupted, no lock is held and no data structure half changed.
#pragma once

#include <pthread.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): POSIX, not C

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace kv::plugin {

class LoopWaker {
 public:
  // To be made on the broker's thread.
  explicit LoopWaker(std::function<void()> on_missing_tick);
  LoopWaker(const LoopWaker&) = delete;
  LoopWaker& operator=(const LoopWaker&) = delete;
  // On the broker's thread, too.
  ~LoopWaker();

  // Any thread: something is to be done at the next tick. Repeats the signal until that comes,
  // because one that arrives just before the loop falls asleep does not wake it.
  void Notify();

  // The broker's thread, at each TICK and each stand-in for one.
  void Acknowledge() { wanted_.store(false, std::memory_order_release); }
  void TickSeen() { ticks_.store(true, std::memory_order_relaxed); }

 private:
  static void OnSignal(int number, siginfo_t* info, void* context);
  void Run();
  void Signal();

  const std::function<void()> on_missing_tick_;
  const pthread_t broker_thread_;
  struct sigaction former_ {};
  bool may_stand_in_ = false;
  bool in_handler_ = false;  // the broker's thread only
  std::atomic<bool> wanted_{false};
  std::atomic<bool> ticks_{false};

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stop_ = false;
  bool is_new_ = false;  // notified since the last signal
  std::thread thread_;
};

}  // namespace kv::plugin
