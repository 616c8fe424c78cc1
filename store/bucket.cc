#include "store/bucket.h"

#include <algorithm>
#include <limits>

namespace kv::store {
namespace {

std::uint32_t SizeOf(std::string_view key, std::size_t properties, std::size_t value) {
  const std::size_t bytes = key.size() + properties + value;
  return static_cast<std::uint32_t>(
      std::min<std::size_t>(bytes, std::numeric_limits<std::uint32_t>::max()));
}

std::uint32_t SizeOf(Key key, const Write& write) {
  const bool put = write.operation == Operation::kPut;
  return SizeOf(key.text(),
                write.properties != nullptr ? write.properties->size() : 0,
                put ? write.value.size() : 0);
}

}  // namespace

Bucket::Bucket(std::string name, BucketRecord record, Revisions revisions, Engine& engine)
    : name_(std::move(name)),
      record_(std::move(record)),
      revisions_(revisions),
      engine_(engine) {}

BucketStats Bucket::stats() const {
  return {index_.values(), index_.by_revision().size(), index_.bytes(), revisions_.last()};
}

Status Bucket::Check(const KeyState* state, Key key, const Write& write) const {
  const Revision newest = state != nullptr ? state->newest().revision : 0;
  if (write.expected && *write.expected != newest) {
    return Error(ErrorCode::kWrongLastRevision,
                 "expected revision " + std::to_string(*write.expected) + ", the key's newest is " +
                     std::to_string(newest),
                 newest);
  }
  if (write.create && state != nullptr && state->has_value()) {
    return Error(ErrorCode::kKeyExists,
                 "the key has a value, of revision " + std::to_string(newest),
                 newest);
  }
  // Deletes and purges always pass: a full bucket must be able to get emptier.
  return write.operation == Operation::kPut ? CheckLimits(state, key, write) : Status(Ok{});
}

Status Bucket::CheckLimits(const KeyState* state, Key key, const Write& write) const {
  const BucketConfig& limits = record_.config;
  if (limits.max_value_size && write.value.size() > *limits.max_value_size) {
    return Error(ErrorCode::kValueTooLarge,
                 "the value has " + std::to_string(write.value.size()) +
                     " bytes, max_value_size is " + std::to_string(*limits.max_value_size));
  }
  const bool adds_value = state == nullptr || !state->has_value();
  if (limits.max_keys && adds_value && index_.values() >= *limits.max_keys) {
    return Error(ErrorCode::kBucketFull,
                 "the bucket has max_keys " + std::to_string(*limits.max_keys) + " keys already");
  }
  if (limits.max_bytes) {
    std::uint64_t freed = 0;
    for (const Revision revision : PushedOut(state, write)) {
      for (const Version& version : state->versions) {
        freed += version.revision == revision ? version.bytes : 0;
      }
    }
    const std::uint64_t added = SizeOf(key, write);
    if (added > freed && index_.bytes() + added - freed > *limits.max_bytes) {
      return Error(ErrorCode::kBucketFull,
                   "the bucket would exceed max_bytes " + std::to_string(*limits.max_bytes));
    }
  }
  return Ok{};
}

std::vector<Revision> Bucket::PushedOut(const KeyState* state, const Write& write) const {
  std::vector<Revision> revisions;
  if (state == nullptr) {
    return revisions;
  }
  const std::size_t kept =
      write.operation == Operation::kPurge ? 0 : std::size_t{record_.config.history} - 1;
  const std::size_t excess = state->versions.size() - std::min(state->versions.size(), kept);
  revisions.reserve(excess);
  for (std::size_t i = 0; i < excess; ++i) {
    revisions.push_back(state->versions[i].revision);
  }
  return revisions;
}

Result<Written> Bucket::Apply(Key key, const Write& write, TimePoint now) {
  auto written = ApplyNow(key, write, now);
  if (written && engine_.sync() == Sync::kAlways) {
    if (auto flushed = engine_.WaitDurable(written->sequence); !flushed) {
      written->not_flushed = std::move(flushed).error();
    }
  }
  return written;
}

Result<Written> Bucket::ApplyNow(Key key, const Write& write, TimePoint now) {
  if (!write.message_id.empty()) {
    if (const auto* first = duplicates_.Find(write.message_id)) {
      return Written{first->revision, first->time, engine_.last_sequence(), true, std::nullopt};
    }
  }
  if (auto writable = engine_.CheckWritable(); !writable) {
    return std::move(writable).error();
  }
  KeyState* state = index_.Find(key.text());
  if (auto checked = Check(state, key, write); !checked) {
    return std::move(checked).error();
  }
  if (state == nullptr && write.operation != Operation::kPut) {
    return NothingToDo(write, now);
  }
  if (auto prepared = revisions_.Prepare(engine_); !prepared) {
    return std::move(prepared).error();
  }

  EntryParts parts{.key = key.text(),
                   .operation = write.operation,
                   .reason = write.reason,
                   .qos = write.qos,
                   .time = now,
                   .expires = write.ttl ? now + *write.ttl : 0,
                   .properties = write.properties,
                   .value = write.value};
  if (write.operation != Operation::kPut) {
    parts.expires = 0;
    parts.value = {};
  }
  const Revision revision = revisions_.last() + 1;
  const std::vector<Revision> dropped = PushedOut(state, write);
  ChangeSet rest;
  if (record_.config.storage == Storage::kFile) {
    for (const Revision old : dropped) {
      rest.SingleDelete(StreamKey(id(), old));
    }
    if (!write.message_id.empty()) {
      rest.Put(DuplicateKey(id(), now, write.message_id), EncodeNumber(revision));
    }
  }
  auto sequence = Store(revision, parts, rest);
  if (!sequence) {
    return std::move(sequence).error();
  }

  revisions_.Take();
  const Version version{revision, SizeOf(key, write), write.operation};
  KeyState& holder = index_.Append(key.text(), version);
  Supersede(holder, dropped, now);
  if (parts.expires != 0 || record_.config.ttl || record_.config.marker_ttl) {
    SetTimer(revision, {.operation = parts.operation, .time = now, .expires = parts.expires});
  }
  if (!write.message_id.empty()) {
    duplicates_.Remember(write.message_id, {revision, now});
  }
  return Written{revision, now, *sequence, false, std::nullopt};
}

Result<Written> Bucket::NothingToDo(const Write& write, TimePoint now) {
  Written written{0, now, 0, false, std::nullopt};
  if (write.message_id.empty()) {
    return written;
  }
  // Remembered all the same: sent again after someone put the key, it must still do nothing.
  if (record_.config.storage == Storage::kFile) {
    ChangeSet changes;
    changes.Put(DuplicateKey(id(), now, write.message_id), EncodeNumber(0));
    auto record = engine_.Commit(changes);
    if (!record) {
      return std::move(record).error();
    }
    written.sequence = record->sequence;
  }
  duplicates_.Remember(write.message_id, {0, now});
  return written;
}

Result<Sequence> Bucket::Store(Revision revision, const EntryParts& parts, const ChangeSet& rest) {
  if (record_.config.storage == Storage::kMemory) {
    std::string record;
    AppendEntry(record, parts);
    in_memory_.emplace_hint(in_memory_.end(), revision, std::move(record));
    return Sequence{0};
  }
  ChangeSet changes;
  const auto [start, length] = changes.PutEntry(StreamKey(id(), revision), parts);
  changes.Append(rest);
  auto record = engine_.Commit(changes);
  if (!record) {
    return std::move(record).error();
  }
  while (!pending_.empty() && engine_.IsApplied(pending_.front().sequence)) {
    pending_.pop_front();
  }
  pending_.push_back({revision, record->sequence, record->bytes.substr(start, length)});
  return record->sequence;
}

void Bucket::Supersede(KeyState& state, const std::vector<Revision>& dropped, TimePoint now) {
  const bool was_there = state.versions.size() > 1;
  for (const Revision revision : dropped) {
    Drop(state, revision);
  }
  if (was_there && state.versions.size() > 1) {
    const Revision former = state.versions[state.versions.size() - 2].revision;
    // Its own kv-ttl is void now; what the bucket's ttl means for it is looked up when it is due.
    expiry_.Remove(former);
    if (record_.config.ttl || record_.config.marker_ttl) {
      expiry_.Set(former, now);
    }
  }
}

// What it means in memory that an entry is no longer kept. The last one takes its key with it.
void Bucket::Drop(KeyState& state, Revision revision) {
  expiry_.Remove(revision);
  in_memory_.erase(revision);
  max_dropped_ = std::max(max_dropped_, revision);
  index_.Remove(state, revision);
}

void Bucket::Load(Revision revision, const EntryHead& head) {
  revisions_.Raise(revision);
  const Version version{revision,
                        SizeOf(head.key, head.property_bytes, head.value.size()),
                        head.operation};
  KeyState& state = index_.Append(head.key, version);
  Supersede(state, {}, head.time);
  SetTimer(revision, head);
}

void Bucket::FinishLoading(bool tail_may_be_lost) {
  if (tail_may_be_lost) {
    revisions_.SkipReserved();
  }
  // Whatever is missing between the kept entries was dropped (or never written: a crash).
  Revision expected = revisions_.last();
  const auto& kept = index_.by_revision();
  for (auto at = kept.rbegin(); at != kept.rend() && at->first == expected; ++at) {
    --expected;
  }
  max_dropped_ = expected;
}

void Bucket::LoadDuplicate(std::string_view message_id, Revision revision, TimePoint time) {
  revisions_.Raise(revision);
  duplicates_.Remember(message_id, {revision, time});
}

}  // namespace kv::store
