// CallbackGate: lets callbacks of a handle run, until the handle goes; then none runs any more.
#pragma once

#include <atomic>
#include <mutex>

#include "client/client_core.h"

namespace kv::client {

class CallbackGate {
 public:
  explicit CallbackGate(ClientCore& core) : core_(core) {}

  // On the callback thread: runs it, unless the gate is closed.
  template <typename Callback>
  void Run(const Callback& callback) {
    const std::lock_guard running(running_);
    if (!closed_) {
      callback();
    }
  }

  // Waits for a callback that is running, unless it is this one.
  void Close() {
    closed_ = true;
    if (!core_.IsCallbackThread()) {
      const std::lock_guard running(running_);
    }
  }

 private:
  ClientCore& core_;
  std::mutex running_;  // held while a callback runs
  std::atomic<bool> closed_{false};
};

}  // namespace kv::client
