#include "plugin/sweeper.h"

#include <chrono>
#include <vector>

namespace kv::plugin {
namespace {

constexpr std::size_t kEntriesAtOnce = 32;

class Budget {
 public:
  explicit Budget(Nanoseconds budget)
      : end_(std::chrono::steady_clock::now() + std::chrono::nanoseconds(budget)) {}
  bool is_left() const { return std::chrono::steady_clock::now() < end_; }

 private:
  const std::chrono::steady_clock::time_point end_;
};

}  // namespace

store::Progress Sweeper::Expire(TimePoint now, Nanoseconds budget) {
  const Budget time(budget);
  store::Progress progress = store::Progress::kDone;
  do {
    std::vector<store::BucketExpiration> expired;
    const auto swept = store_.Expire(now, kEntriesAtOnce, expired);
    for (const auto& [bucket, expiration] : expired) {
      publisher_.Publish({.bucket = bucket->name(),
                          .retained = bucket->config().retained,
                          .key = expiration.key,
                          .operation = Operation::kPurge,
                          .revision = expiration.revision,
                          .time = expiration.time,
                          .reason = Reason::kExpired,
                          .qos = 1});
    }
    progress = swept ? *swept : store::Progress::kDone;
  } while (progress == store::Progress::kMore && time.is_left());
  return progress;
}

store::Progress Sweeper::TakeBack(TimePoint now, Nanoseconds budget) {
  const Budget time(budget);
  while (store_.HasLeaving() && time.is_left()) {
    std::vector<store::TakenBack> taken;
    if (!store_.TakeBack(now, kEntriesAtOnce, taken)) {
      return store::Progress::kDone;
    }
    for (const auto& item : taken) {
      publisher_.Publish({.bucket = item.bucket,
                          .retained = item.retained,
                          .key = item.key,
                          .operation = Operation::kPurge,
                          .revision = item.revision,
                          .time = item.time,
                          .reason = Reason::kBucketDeleted,
                          .qos = 1});
    }
  }
  return store_.HasLeaving() ? store::Progress::kMore : store::Progress::kDone;
}

}  // namespace kv::plugin
