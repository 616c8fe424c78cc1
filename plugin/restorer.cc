#include "plugin/restorer.h"

#include <chrono>

namespace kv::plugin {
namespace {

constexpr std::size_t kChunksAtOnce = 64;
constexpr std::size_t kEntriesAtOnce = 64;
constexpr std::size_t kBytesAtOnce = std::size_t{1} << 20;  // or a single value

}  // namespace

Restorer::Restorer(store::Store& store,
                   const wire::Topics& topics,
                   Publisher& publisher,
                   std::optional<BrokerSnapshot> snapshot)
    : store_(store),
      topics_(topics),
      publisher_(publisher),
      snapshot_(std::move(snapshot)),
      with_snapshot_(snapshot_.has_value()) {
  for (const auto& [name, bucket] : store_.buckets()) {
    start_[name] = bucket->stats().last_revision;
  }
}

Revision Restorer::StartOf(const std::string& bucket) const {
  const auto found = start_.find(bucket);
  return found == start_.end() ? 0 : found->second;
}

bool Restorer::Step(Nanoseconds budget) {
  using std::chrono::steady_clock;
  const auto end = steady_clock::now() + std::chrono::nanoseconds(budget);
  bool done = false;
  while (!done && steady_clock::now() < end) {
    if (snapshot_) {
      StepSnapshot();
    } else {
      done = StepStore();
    }
  }
  return done;
}

void Restorer::StepSnapshot() {
  const bool more = snapshot_->Step(kChunksAtOnce,
                                    topics_.data_prefix(),
                                    [this](const RetainedMessage& message) { Take(message); });
  CompareTaken();
  if (!more) {
    damaged_ = snapshot_->damaged();
    with_snapshot_ = !damaged_;  // what was not to be read may be anything
    snapshot_.reset();
  }
}

void Restorer::Take(const RetainedMessage& message) {
  const auto topic = topics_.ParseData(message.topic);
  store::Bucket* const bucket = topic ? store_.Find(topic->bucket) : nullptr;
  if (bucket == nullptr) {
    taken_.push_back({message});
    return;
  }
  taken_.push_back({message, bucket, topic->key.text()});
  bucket->index().FetchSlots(topic->key.text());
}

void Restorer::CompareTaken() {
  for (const Held& held : taken_) {
    if (held.bucket != nullptr) {
      held.bucket->index().FetchState(held.key);
    }
  }
  for (const Held& held : taken_) {
    Compare(held);
  }
  taken_.clear();
}

void Restorer::Compare(const Held& held) {
  const auto& [message, bucket, key] = held;
  store::KeyState* const state = bucket != nullptr ? bucket->index().Find(key) : nullptr;
  if (state != nullptr && state->newest().revision > StartOf(bucket->name())) {
    return;  // written since the start: it has published itself
  }
  if (state == nullptr || !bucket->config().retained) {
    publisher_.Clear(message.topic);
    ++totals_.cleared;
    return;
  }
  // Equal revisions need not be equal values: a store that was put back to an older copy gives out
  // again what the snapshot has seen, and a broker without the plugin lets everyone write any
  // revision.
  const bool same = state->has_value() && message.revision == state->newest().revision &&
                    store::CheckOf(message.payload) == state->loaded_check;
  state->broker_held = same ? store::BrokerHeld::kNewest : store::BrokerHeld::kOther;
  totals_.kept += same ? 1U : 0U;
}

// True when all buckets are done.
bool Restorer::StepStore() {
  const auto& buckets = store_.buckets();
  auto at = buckets.lower_bound(bucket_);
  if (at == buckets.end()) {
    return true;
  }
  if (at->first != bucket_) {
    bucket_ = at->first;
    next_ = 0;
  }
  const auto rest = RestoreSome(*at->second);
  if (rest) {
    next_ = *rest;
    return false;
  }
  bucket_ += '\0';  // the next name in order
  next_ = 0;
  return false;
}

// Looks at some entries from next_ on; returns where to go on.
std::optional<Revision> Restorer::RestoreSome(const store::Bucket& bucket) {
  const Revision start = StartOf(bucket.name());
  std::size_t visited = 0;
  std::size_t bytes = 0;
  std::optional<Revision> rest;
  std::vector<Revision> wanted;
  bucket.index().by_revision().ForEachFrom(
      next_, [&](Revision revision, const store::KeyState& state) {
        if (revision > start) {
          return false;
        }
        if (visited++ == kEntriesAtOnce || bytes >= kBytesAtOnce) {
          rest = revision;
          return false;
        }
        if (state.newest().revision == revision && Differs(bucket, state)) {
          wanted.push_back(revision);
          bytes += state.newest().bytes;
        }
        return true;
      });
  for (const auto& entry : bucket.ReadEntries(wanted)) {
    if (entry) {
      Restore(bucket, *entry);
    } else {
      ++totals_.unreadable;
    }
  }
  return rest;
}

bool Restorer::IsLacking(const store::KeyState& state) const {
  return with_snapshot_ && state.broker_held == store::BrokerHeld::kNothing;
}

// Without a snapshot the broker may hold anything: a marker clears what it means to be gone.
bool Restorer::Differs(const store::Bucket& bucket, const store::KeyState& state) const {
  return state.broker_held != store::BrokerHeld::kNewest && bucket.config().retained &&
         (state.has_value() || !IsLacking(state));
}

void Restorer::Restore(const store::Bucket& bucket, const Entry& entry) {
  if (entry.value.empty() && IsLacking(*bucket.index().HolderOf(entry.revision))) {
    return;  // an empty value has no retained message
  }
  ++(entry.is_marker() ? totals_.cleared : totals_.published);
  publisher_.Publish({.bucket = bucket.name(),
                      .retained = bucket.config().retained,
                      .key = entry.key,
                      .operation = entry.operation,
                      .revision = entry.revision,
                      .time = entry.time,
                      .reason = entry.reason,
                      .qos = entry.qos,
                      .value = entry.value,
                      .own = &entry.properties,
                      .author = entry.author ? &*entry.author : nullptr});
}

}  // namespace kv::plugin
