#include "store/store_files.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <system_error>
#include <thread>

#include "kv/own_files.h"

namespace kv::store {
namespace {

class StoreThread {
 public:
  // Errors: throws std::system_error.
  StoreThread() {
    std::promise<void> begun;
    auto is_begun = begun.get_future();
    std::thread([this, &begun] {
      try {
        Mark();
      } catch (...) {
        begun.set_exception(std::current_exception());
        return;
      }
      begun.set_value();
      Work();
    }).detach();
    is_begun.get();
  }
  StoreThread(const StoreThread&) = delete;
  StoreThread& operator=(const StoreThread&) = delete;
  ~StoreThread() = delete;  // it works as long as the process lasts

  void Run(const std::function<void()>& work) {
    std::packaged_task<void()> task(work);
    auto done = task.get_future();
    {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
      changed_.notify_one();
    }
    done.get();
  }

  // Whether the mark is open in the calling thread's table: by its number alone it could be
  // anything.
  bool IsHere() const {
    struct stat found {};
    return ::fstat(mark_, &found) == 0 && found.st_ino == is_.st_ino && found.st_dev == is_.st_dev;
  }

 private:
  void Mark() {
    TakeOwnFiles();  // if that fails the mark is everybody's, and so is everything else
    mark_ = ::memfd_create("mosquitto-kv store", MFD_CLOEXEC);
    if (mark_ < 0 || ::fstat(mark_, &is_) != 0) {
      throw std::system_error(errno, std::generic_category(), "cannot mark the store's files");
    }
  }

  [[noreturn]] void Work() {
    for (;;) {
      std::packaged_task<void()> task;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !tasks_.empty(); });
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      task();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::packaged_task<void()>> tasks_;
  int mark_ = -1;
  struct stat is_ {};
};

StoreThread& TheStoreThread() {
  // NOLINTNEXTLINE(cppcoreguidelines-*): never destroyed, and process-wide as RocksDB's threads are
  static StoreThread& thread = *new StoreThread();
  return thread;
}

}  // namespace

bool HasStoreFiles() {
  // A thread's table changes at its beginning alone.
  thread_local const bool kIsHere = TheStoreThread().IsHere();
  return kIsHere;
}

void RunOnStoreThread(const std::function<void()>& work) {
  TheStoreThread().Run(work);
}

}  // namespace kv::store
