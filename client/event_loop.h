// EventLoop: a thread that runs what it is given, in order, and timers.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

namespace kv::client {

class EventLoop {
 public:
  using Task = std::function<void()>;
  using Time = std::chrono::steady_clock::time_point;
  using TimerId = std::pair<Time, std::uint64_t>;

  EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop() { Stop(); }

  // From any thread. False: the loop has been stopped, and the task will not run.
  bool Post(Task task);

  // The task runs at its time, unless it is cancelled or the loop stopped before. On the loop's
  // thread only.
  TimerId After(std::chrono::milliseconds delay, Task task);
  void Cancel(const TimerId& timer) { timers_.erase(timer); }

  bool IsThisThread() const { return std::this_thread::get_id() == thread_id_; }

  // Runs what was posted before, then ends. Waits for that, unless on the loop's own thread.
  void Stop();

 private:
  void Run();
  // The next task that is due; an empty one at the end.
  Task Next();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> posted_;
  bool stopped_ = false;
  // Of the loop's thread alone.
  std::map<TimerId, Task> timers_;
  std::uint64_t last_timer_ = 0;
  std::mutex joining_;
  std::thread thread_;
  const std::thread::id thread_id_;  // that of thread_, also while another thread joins it
};

}  // namespace kv::client
