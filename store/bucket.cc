#include "store/bucket.h"

#include <algorithm>
#include <limits>
#include <unordered_map>

namespace kv::store {
namespace {

std::uint32_t SizeOf(const EntryHead& head) {
  const std::size_t bytes = head.key.size() + head.property_bytes + head.value.size();
  return static_cast<std::uint32_t>(
      std::min<std::size_t>(bytes, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace

Bucket::Bucket(std::string name, BucketRecord record, Revisions revisions, Engine& engine)
    : name_(std::move(name)), record_(std::move(record)), revisions_(revisions), engine_(engine) {}

BucketStats Bucket::stats() const {
  return {index_.values(), index_.by_revision().size(), index_.bytes(), revisions_.last()};
}

// The timers of what was the key's newest entry, if that is still kept.
void Bucket::RetireFormer(const KeyState& state, TimePoint now) {
  if (state.versions.size() < 2) {
    return;
  }
  const Revision former = state.versions[state.versions.size() - 2].revision;
  // Its own kv-ttl is void now; what the bucket's ttl means for it is looked up when it is due.
  expiry_.Remove(former);
  if (record_.config.ttl || record_.config.marker_ttl) {
    expiry_.LookAt(former, now);
  }
}

// What it means beside the index that an entry is no longer kept.
void Bucket::ForgetEntry(KeyState& state, Revision revision) {
  expiry_.Remove(revision);
  if (!ephemeral_.empty()) {
    ephemeral_.erase(revision);
  }
  in_memory_.erase(revision);
  max_dropped_ = std::max(max_dropped_, revision);
  state.dropped = std::max(state.dropped, revision);
}

// An entry that no newer one pushes out. The last one takes its key with it.
void Bucket::Drop(KeyState& state, Revision revision) {
  ForgetEntry(state, revision);
  if (state.versions.size() == 1) {
    forgotten_ = std::max(forgotten_, revision);
  }
  index_.Remove(state, revision);
}

void Bucket::Load(Revision revision, const EntryHead& head) {
  revisions_.Raise(revision);
  const Version version{revision, SizeOf(head), head.operation};
  KeyState* known = index_.Find(head.key);
  const Revision former = known != nullptr ? known->newest().revision : 0;
  KeyState& state = index_.Load(known, head.key, version);
  state.loaded_check = CheckOf(head.value);
  if (head.former != former) {  // the one in between was dropped
    state.dropped = std::max(state.dropped, head.former);
    max_dropped_ = std::max(max_dropped_, head.former);
  }
  RetireFormer(state, head.time);
  if (state.versions.size() > record_.config.history) {
    trim_from_.emplace();  // a process died before it was done
  }
  if (head.ephemeral) {
    ephemeral_.insert(revision);
  }
  SetTimer(revision, head);
}

void Bucket::FinishLoading(bool tail_may_be_lost, std::optional<Revision> forgotten) {
  index_.FinishLoading();
  if (tail_may_be_lost) {
    revisions_.SkipReserved();
  }
  forgotten_ = forgotten.value_or(HighestMissing());
  if (tail_may_be_lost || record_.config.storage == Storage::kMemory) {
    forgotten_ = revisions_.last();  // clients may have seen what is gone
  }
  max_dropped_ = std::max(max_dropped_, forgotten_);
}

// The highest revision up to the last one given out that no kept entry has.
Revision Bucket::HighestMissing() const {
  Revision expected = revisions_.last();
  while (expected > 0 && index_.HolderOf(expected) != nullptr) {
    --expected;
  }
  return expected;
}

void Bucket::LoadDuplicate(std::string_view message_id,
                           Revision revision,
                           TimePoint time,
                           std::string_view result) {
  revisions_.Raise(revision);
  duplicates_.Remember(message_id, {revision, time, std::string(result)});
}

std::vector<EphemeralKey> Bucket::EphemeralKeys() const {
  std::unordered_map<Revision, std::string> ids;
  duplicates_.ForEach([&](const std::string& message_id, const Duplicates::First& first) {
    ids.emplace(first.revision, message_id);
  });
  std::vector<EphemeralKey> keys;
  for (const Revision revision : ephemeral_) {
    const KeyState* state = index_.HolderOf(revision);
    if (state->newest().revision == revision) {
      const auto id = ids.find(revision);
      keys.push_back({state->key, revision, id == ids.end() ? std::string() : id->second});
    }
  }
  return keys;
}

bool Bucket::TakeApart(std::optional<std::string>& key) {
  Revision revision = 0;
  KeyState* state = nullptr;
  index_.by_revision().ForEachFrom(0, [&](Revision oldest, KeyState& holder) {
    revision = oldest;
    state = &holder;
    return false;
  });
  if (state == nullptr) {
    return duplicates_.ForgetOldest();
  }
  if (state->newest().revision == revision && state->has_value()) {
    key = state->key;
  }
  Drop(*state, revision);
  return true;
}

}  // namespace kv::store
