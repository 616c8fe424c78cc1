// A store on a disk that can fail; waiting for what its committer does.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "tests/store/fault_env.h"
#include "tests/store/store_fixture.h"

namespace kv::store::testing {

class FaultTest : public StoreTest {
 protected:
  FaultTest() {
    options_.env = &env_;
    options_.sync_interval = 3600 * kSecond;  // a flush happens when the test asks for one
    options_.gather_bytes = 1;                // and what is written is handed over at once
    options_.first_retry = 2 * kMillisecond;
    options_.on_progress = [this] {
      const std::lock_guard lock(mutex_);
      progress_.notify_all();
    };
  }
  ~FaultTest() override { store_.reset(); }  // before the disk and what it calls back

  // Until the condition holds, which only the committer's progress can change.
  template <typename Condition>
  bool Await(const Condition& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    std::unique_lock lock(mutex_);
    return progress_.wait_until(lock, deadline, condition);
  }
  bool AwaitFailure() {
    return Await([this] { return !store_->CheckWritable().ok(); });
  }
  bool AwaitRecovery() {
    return Await([this] { return store_->CheckWritable().ok(); });
  }

  Status Flush() { return store_->WaitDurable(store_->last_sequence()); }

  std::shared_ptr<FaultyDisk> disk_ = std::make_shared<FaultyDisk>();

 private:
  FaultyEnv env_{disk_};
  std::mutex mutex_;
  std::condition_variable progress_;
};

}  // namespace kv::store::testing
