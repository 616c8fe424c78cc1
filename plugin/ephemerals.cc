#include "plugin/ephemerals.h"

#include <algorithm>

namespace kv::plugin {

bool Ephemerals::IsCurrent(const Name& name, Revision revision) const {
  const auto bucket_name = BucketName::Parse(name.first);
  const store::Bucket* bucket = bucket_name ? store_.Find(*bucket_name) : nullptr;
  const store::KeyState* state = bucket != nullptr ? bucket->index().Find(name.second) : nullptr;
  return state != nullptr && state->newest().revision == revision;
}

// A connection may last for years and write a new key each second: what is no longer its own must
// not pile up.
void Ephemerals::LookThrough(Owned& owned) const {
  std::erase_if(owned.keys,
                [this](const auto& item) { return !IsCurrent(item.first, item.second.revision); });
  owned.look_through_at = std::max<std::size_t>(64, 2 * owned.keys.size());
}

void Ephemerals::Wrote(const void* connection,
                       const store::Bucket& bucket,
                       store::EphemeralKey key) {
  Owned& owned = by_connection_[connection];
  Name name{bucket.name(), key.key};
  owned.keys.insert_or_assign(std::move(name), std::move(key));
  if (owned.keys.size() >= owned.look_through_at) {
    LookThrough(owned);
  }
}

void Ephemerals::Ended(const void* connection) {
  const auto found = by_connection_.find(connection);
  if (found == by_connection_.end()) {
    return;
  }
  for (auto& [name, key] : found->second.keys) {
    ending_.push_back({name.first, std::move(key)});
  }
  by_connection_.erase(found);
}

void Ephemerals::EndAll() {
  for (const auto& [name, bucket] : store_.buckets()) {
    for (auto& key : bucket->EphemeralKeys()) {
      ending_.push_back({name, std::move(key)});
    }
  }
}

store::Progress Ephemerals::Step(TimePoint now, std::size_t limit) {
  for (std::size_t i = 0; i < limit && !ending_.empty(); ++i) {
    if (!Delete(ending_.front(), now)) {
      return store::Progress::kWaiting;
    }
    ending_.pop_front();
  }
  return ending_.empty() ? store::Progress::kDone : store::Progress::kMore;
}

// False: not now.
bool Ephemerals::Delete(const Ending& ending, TimePoint now) {
  const auto name = BucketName::Parse(ending.bucket);
  store::Bucket* bucket = name ? store_.Find(*name) : nullptr;
  if (bucket == nullptr) {
    return true;  // it was dropped meanwhile
  }
  if (!bucket->IsReadyFor(1)) {
    return false;
  }
  const auto written = bucket->EndEphemeral(ending.key, now);
  if (!written) {
    const ErrorCode code = written.error().code;
    return code != ErrorCode::kStorageError && code != ErrorCode::kUnavailable;
  }
  if (written->is_new()) {
    publisher_.Publish({.bucket = bucket->name(),
                        .retained = bucket->config().retained,
                        .key = ending.key.key,
                        .operation = Operation::kDelete,
                        .revision = written->revision,
                        .time = written->time,
                        .reason = Reason::kDisconnected,
                        .qos = 1});
  }
  return true;
}

}  // namespace kv::plugin
