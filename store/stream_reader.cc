#include "store/stream_reader.h"

#include <array>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace kv::store {
namespace {

// Enough that handing them over costs nothing.
constexpr std::size_t kRecordsOfABatch = 1024;
constexpr std::size_t kBytesOfABatch = std::size_t{1} << 20;
constexpr std::size_t kMostKept = 2 * kBytesOfABatch;

// Batches between one thread that fills them and one that empties them.
class Handover {
 public:
  // The filling side: an empty one. Nullptr: no more are wanted.
  StreamBatch* Empty() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stopped_ || filled_ - emptied_ < batches_.size(); });
    return stopped_ ? nullptr : &At(filled_);
  }
  void Filled() {
    const std::lock_guard lock(mutex_);
    ++filled_;
    changed_.notify_one();
  }
  void End() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_one();
  }

  // The emptying side: a full one, nullptr after the last.
  const StreamBatch* Full() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ended_ || emptied_ < filled_; });
    return emptied_ < filled_ ? &At(emptied_) : nullptr;
  }
  void Emptied() {
    const std::lock_guard lock(mutex_);
    At(emptied_++).Clear();
    changed_.notify_one();
  }
  void Stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_one();
  }

 private:
  StreamBatch& At(std::size_t number) { return batches_.at(number % batches_.size()); }

  std::mutex mutex_;
  std::condition_variable changed_;  // one side waits, never both: for a full one or an empty one
  std::array<StreamBatch, 3> batches_;
  std::size_t filled_ = 0;
  std::size_t emptied_ = 0;
  bool ended_ = false;
  bool stopped_ = false;
};

Status Fill(const Database& database, Handover& handover) {
  StreamBatch* batch = handover.Empty();
  auto scanned =
      database.Scan({&kStreamTag, 1}, [&](std::string_view key, std::string_view value) -> Status {
        const auto ref = ParseStreamKey(key);
        if (!ref) {
          return Error(ErrorCode::kStorageError, "the database holds a damaged key of the stream");
        }
        batch->Add(*ref, value);
        if (batch->IsFull()) {
          handover.Filled();
          batch = handover.Empty();
        }
        return batch != nullptr
                   ? Status(Ok{})
                   : Error(ErrorCode::kStorageError, "nobody wants to know more of the stream");
      });
  if (batch != nullptr) {
    handover.Filled();
  }
  return scanned;
}

}  // namespace

void StreamBatch::Add(const StreamRef& ref, std::string_view record) {
  records_.push_back({ref, bytes_.size(), record.size()});
  bytes_ += record;
}

bool StreamBatch::IsFull() const {
  return records_.size() >= kRecordsOfABatch || bytes_.size() >= kBytesOfABatch;
}

void StreamBatch::Clear() {
  records_.clear();
  bytes_.clear();
  if (bytes_.capacity() > kMostKept) {
    std::string().swap(bytes_);
  }
}

Status ReadStream(const Database& database, const std::function<Status(const StreamBatch&)>& take) {
  Handover handover;
  Status read = Ok{};
  std::exception_ptr thrown;
  std::thread reader([&] {
    try {
      read = Fill(database, handover);
    } catch (...) {
      thrown = std::current_exception();
    }
    handover.End();
  });
  Status taken = Ok{};
  try {
    while (const StreamBatch* batch = handover.Full()) {
      taken = taken ? take(*batch) : taken;
      if (!taken) {
        handover.Stop();
      }
      handover.Emptied();
    }
  } catch (...) {
    handover.Stop();
    reader.join();
    throw;
  }
  reader.join();
  if (thrown) {
    std::rethrow_exception(thrown);
  }
  return taken ? read : taken;
}

}  // namespace kv::store
