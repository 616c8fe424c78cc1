#include "client/event_loop.h"

namespace kv::client {

EventLoop::EventLoop() : thread_([this] { Run(); }), thread_id_(thread_.get_id()) {}

bool EventLoop::Post(Task task) {
  const std::lock_guard lock(mutex_);
  if (stopped_) {
    return false;
  }
  posted_.push_back(std::move(task));
  changed_.notify_one();
  return true;
}

EventLoop::TimerId EventLoop::After(std::chrono::milliseconds delay, Task task) {
  const TimerId id{std::chrono::steady_clock::now() + delay, ++last_timer_};
  timers_.emplace(id, std::move(task));
  return id;
}

void EventLoop::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_one();
  }
  if (IsThisThread()) {
    return;
  }
  const std::lock_guard joining(joining_);
  if (thread_.joinable()) {
    thread_.join();
  }
}

EventLoop::Task EventLoop::Next() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto first = timers_.begin();
    const bool is_due =
        first != timers_.end() && first->first.first <= std::chrono::steady_clock::now();
    if (is_due && !stopped_) {
      Task task = std::move(first->second);
      timers_.erase(first);
      return task;
    }
    if (!posted_.empty()) {
      Task task = std::move(posted_.front());
      posted_.pop_front();
      return task;
    }
    if (stopped_) {
      return {};
    }
    if (first == timers_.end()) {
      changed_.wait(lock);
    } else {
      changed_.wait_until(lock, first->first.first);
    }
  }
}

void EventLoop::Run() {
  while (const Task task = Next()) {
    task();
  }
}

}  // namespace kv::client
