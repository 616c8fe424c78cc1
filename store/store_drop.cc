// Store: dropping buckets.
#include <algorithm>
#include <limits>

#include "store/store.h"

namespace kv::store {

Status Store::UpdateBucket(Bucket& bucket, const BucketConfig& config, TimePoint now) {
  if (auto begun = BeginUpdate(bucket, config); !begun) {
    return begun;
  }
  auto trimmed = bucket.Trim(now, std::numeric_limits<std::size_t>::max());
  return trimmed ? Status(Ok{}) : Status(std::move(trimmed).error());
}

Status Store::BeginUpdate(Bucket& bucket, const BucketConfig& config) {
  auto begun = bucket.BeginConfig(config);
  if (begun) {
    ++catalog_version_;
  }
  return begun;
}

Result<Sequence> Store::DropBucket(BucketName name) {
  const auto found = buckets_.find(name.text());
  if (found == buckets_.end()) {
    return Error(ErrorCode::kBucketNotFound);
  }
  Bucket& bucket = *found->second;
  const BucketStats stats = bucket.stats();
  // The purges that watchers get have revisions, too, one for each value; what comes after a new
  // creation goes on above them.
  const Grave grave{bucket.id(), stats.last_revision + stats.keys};
  BucketRecord record = bucket.record();
  record.dropped = true;
  const Revision first = stats.last_revision + 1;
  ChangeSet changes;
  changes.Put(BucketKey(name.text()), EncodeBucket(record));
  changes.Put(LeavingKey(bucket.id()),
              EncodeLeaving({first, bucket.config().retained, name.text()}));
  changes.Put(LastRevisionKey(bucket.id()), EncodeNumber(grave.last));
  changes.Delete(ForgottenKey(bucket.id()));
  auto stored = engine_->Commit(changes);
  if (!stored) {
    return std::move(stored).error();
  }
  RequestDurable(stored->sequence);
  last_found_ = nullptr;
  leaving_.push_back({std::move(found->second), first, stored->sequence});
  graves_.emplace(std::string(name.text()), grave);
  buckets_.erase(found);
  ++catalog_version_;
  return stored->sequence;
}

bool Store::HasLeaving() const {
  return !leaving_.empty() && IsDurable(leaving_.front().sequence) && CheckWritable().ok();
}

bool Store::IsToBeTakenBack(BucketName name, Key key) const {
  return std::any_of(leaving_.begin(), leaving_.end(), [&](const Leaving& leaving) {
    const Bucket& bucket = *leaving.bucket;
    const KeyState* state = bucket.name() == name.text() && bucket.config().retained
                                ? bucket.index().Find(key.text())
                                : nullptr;
    return state != nullptr && state->has_value();
  });
}

Status Store::TakeBack(TimePoint now, std::size_t limit, std::vector<TakenBack>& taken) {
  return HasLeaving() ? TakeBackFrom(leaving_.front(), now, limit, taken) : Status(Ok{});
}

Status Store::TakeBackFrom(Leaving& leaving,
                           TimePoint now,
                           std::size_t limit,
                           std::vector<TakenBack>& taken) {
  Bucket& bucket = *leaving.bucket;
  for (std::size_t i = 0; i < limit; ++i) {
    std::optional<std::string> key;
    if (!bucket.TakeApart(key)) {
      auto finished = Finish(leaving);
      if (finished) {
        leaving_.pop_front();
      }
      return finished;
    }
    if (!key) {
      continue;
    }
    const Revision revision = leaving.next++;
    if (!LivesOn(bucket, *key)) {
      taken.push_back({bucket.name(), bucket.config().retained, std::move(*key), revision, now});
    }
  }
  return Ok{};
}

// Whether a later bucket of that name has published the key. That must not be cleared; and if that
// one was dropped, too, the end that it will tell of is the only one: it has the highest revision.
// One without retained messages has left the old one's where it was, though.
bool Store::LivesOn(const Bucket& left, std::string_view key) const {
  const auto has = [&](const Bucket& bucket) {
    return bucket.id() > left.id() && bucket.name() == left.name() &&
           (bucket.config().retained || !left.config().retained) &&
           bucket.index().Find(key) != nullptr;
  };
  const auto successor = buckets_.find(left.name());
  return (successor != buckets_.end() && has(*successor->second)) ||
         std::any_of(leaving_.begin(), leaving_.end(), [&](const Leaving& other) {
           return has(*other.bucket);
         });
}

// Nothing of it is left but its name and its revisions.
Status Store::Finish(const Leaving& leaving) {
  const BucketId id = leaving.bucket->id();
  ChangeSet changes;
  changes.DeleteRange(StreamKey(id, 0), EndOfBucket(kStreamTag, id));
  changes.DeleteRange(EndOfBucket(kDuplicateTag, id - 1), EndOfBucket(kDuplicateTag, id));
  changes.Delete(LeavingKey(id));
  auto stored = engine_->Commit(changes);
  return stored ? Status(Ok{}) : Status(std::move(stored).error());
}

}  // namespace kv::store
