#include "plugin/jobs.h"

#include <chrono>

#include "kv/units.h"
#include "plugin/read_requests.h"
#include "wire/names.h"

namespace kv::plugin {
namespace {

constexpr std::size_t kEntriesAtOnce = 500;
constexpr std::size_t kKeysAtOnce = 64;

Error Unfinished(const Error& error, std::uint64_t count) {
  return Error(
      error.code,
      "stopped after " + std::to_string(count) + " keys, ask again to go on: " + error.message);
}

wire::Reply CountReply(std::uint64_t count) {
  wire::Reply reply = wire::OkReply();
  wire::AddNumber(reply, wire::kCount, count);
  return reply;
}

}  // namespace

Status Jobs::CheckRoom() const {
  return waiting_.size() < kMax
             ? Status(Ok{})
             : Error(ErrorCode::kUnavailable,
                     std::to_string(kMax) + " requests of this kind are waiting, try again");
}

Status Jobs::Add(std::unique_ptr<Job> job, std::optional<ReplyAddress> address) {
  if (auto room = CheckRoom(); !room) {
    return room;
  }
  waiting_.push_back({std::move(job), std::move(address)});
  return Ok{};
}

store::Progress Jobs::Run(TimePoint now, Nanoseconds budget) {
  using std::chrono::steady_clock;
  const auto end = steady_clock::now() + std::chrono::nanoseconds(budget);
  while (!waiting_.empty() && steady_clock::now() < end) {
    auto progress = waiting_.front().job->Step(now);
    if (progress && *progress == store::Progress::kWaiting) {
      return store::Progress::kWaiting;
    }
    if (progress && *progress == store::Progress::kMore) {
      continue;
    }
    Waiting finished = std::move(waiting_.front());
    waiting_.pop_front();
    if (finished.address) {
      replier_.SendWhenDurable(
          store_.last_sequence(),
          std::move(*finished.address),
          progress ? finished.job->DoneReply() : wire::ErrorReply(progress.error()));
    }
  }
  return waiting_.empty() ? store::Progress::kDone : store::Progress::kMore;
}

Result<store::Bucket*> BucketJob::Find() const {
  const auto parsed = BucketName::Parse(bucket_);
  store::Bucket* bucket = parsed ? store_.Find(*parsed) : nullptr;
  if (bucket == nullptr || bucket->id() != id_) {
    return Error(ErrorCode::kBucketNotFound, "the bucket " + bucket_ + " was deleted meanwhile");
  }
  return bucket;
}

PurgeJob::PurgeJob(store::Store& store,
                   Publisher& publisher,
                   const store::Bucket& bucket,
                   const std::optional<Author>& author,
                   std::string message_id)
    : BucketJob(store, bucket),
      publisher_(publisher),
      end_(bucket.stats().last_revision),
      author_(author),
      message_id_(std::move(message_id)) {}

// Keys that have something to purge; none when all were seen.
std::vector<std::string> PurgeJob::NextKeys(const store::Bucket& bucket) {
  std::vector<std::string> keys;
  std::size_t looked = 0;
  Revision next = end_ + 1;
  bucket.index().by_revision().ForEachFrom(
      next_, [&](Revision revision, const store::KeyState& state) {
        if (revision > end_) {
          return false;
        }
        if (keys.size() == kKeysAtOnce || looked++ == kEntriesAtOnce) {
          next = revision;
          return false;
        }
        const bool is_newest = state.newest().revision == revision;  // else it comes again
        if (is_newest && state.newest().operation != Operation::kPurge) {
          count_ += state.has_value() ? 1U : 0U;
          keys.push_back(state.key);
        }
        return true;
      });
  next_ = next;
  return keys;
}

Result<store::Progress> PurgeJob::Step(TimePoint now) {
  auto bucket = Find();
  if (!bucket) {
    return Unfinished(bucket.error(), count_);
  }
  // Another one with this id may have been waiting when the request came, and be done now.
  if (next_ == 0) {
    first_ = (*bucket)->FindDuplicate(message_id_);
    if (first_) {
      return store::Progress::kDone;
    }
  }
  if (next_ > end_) {
    auto remembered = (*bucket)->Remember(message_id_, std::to_string(count_), now);
    return remembered ? Result<store::Progress>(store::Progress::kDone)
                      : Unfinished(remembered.error(), count_);
  }
  if (!(*bucket)->IsReadyFor(kKeysAtOnce)) {
    return store::Progress::kWaiting;
  }
  const std::uint64_t done = count_;
  const std::vector<std::string> keys = NextKeys(**bucket);
  const Author* author = (*bucket)->config().audit && author_ ? &*author_ : nullptr;
  std::vector<store::KeyedWrite> writes;
  writes.reserve(keys.size());
  for (const auto& key : keys) {
    writes.push_back(
        {Key::Kept(key), {.operation = Operation::kPurge, .author = author, .qos = 1}});
  }
  store::RevisionList revisions;
  auto written = (*bucket)->ApplyUnawaited(writes, now, revisions);
  if (!written) {
    return Unfinished(written.error(), done);
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    publisher_.Publish({.bucket = name(),
                        .retained = (*bucket)->config().retained,
                        .key = keys[i],
                        .operation = Operation::kPurge,
                        .revision = revisions[i],
                        .time = written->time,
                        .qos = 1,
                        .author = author});
  }
  return store::Progress::kMore;
}

wire::Reply PurgeJob::DoneReply() const {
  return first_ ? DuplicateReply(*first_) : CountReply(count_);
}

wire::Reply PurgeJob::DuplicateReply(const store::Written& first) {
  // The id may be that of a write, which has a revision instead.
  wire::Reply reply = wire::WriteReply(first.revision, first.time, true);
  if (const auto count = ParseUnsigned(first.result)) {
    wire::AddNumber(reply, wire::kCount, *count);
  }
  return reply;
}

ForgetMarkersJob::ForgetMarkersJob(store::Store& store,
                                   const store::Bucket& bucket,
                                   TimePoint before)
    : BucketJob(store, bucket), end_(bucket.stats().last_revision), before_(before) {}

Result<store::Progress> ForgetMarkersJob::Step(TimePoint /*now*/) {
  auto bucket = Find();
  if (!bucket) {
    return Unfinished(bucket.error(), count_);
  }
  auto forgotten = (*bucket)->ForgetMarkers(before_, end_, kKeysAtOnce, next_);
  if (!forgotten) {
    return Unfinished(forgotten.error(), count_);
  }
  count_ += *forgotten;
  return next_ == 0 ? store::Progress::kDone : store::Progress::kMore;
}

Result<store::Progress> TrimJob::Step(TimePoint now) {
  auto bucket = Find();
  if (!bucket) {
    return std::move(bucket).error();
  }
  auto progress = (*bucket)->Trim(now, kKeysAtOnce);
  if (!progress) {
    return Error(
        progress.error().code,
        "the configuration is changed; what it excludes is not all removed yet, ask again to "
        "go on: " +
            progress.error().message);
  }
  if (*progress == store::Progress::kDone) {
    info_ = InfoOf(**bucket);
  }
  return progress;
}

wire::Reply TrimJob::DoneReply() const {
  return wire::DocumentReply("info", info_);
}

wire::Reply ForgetMarkersJob::DoneReply() const {
  return CountReply(count_);
}

}  // namespace kv::plugin
