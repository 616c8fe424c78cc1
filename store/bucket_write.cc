// Bucket's writing side.
#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

#include "store/bucket.h"

namespace kv::store {
namespace {

// What is forgotten was written long ago: to fetch it from memory is cheaper a few cache lines at a
// time.
constexpr std::size_t kForgetEvery = 32;

std::uint32_t SizeOf(const KeyedWrite& item) {
  const Write& write = item.write;
  const bool put = write.operation == Operation::kPut;
  const std::size_t bytes = item.key.text().size() +
                            (write.properties != nullptr ? write.properties->size() : 0) +
                            (put ? write.value.size() : 0);
  return static_cast<std::uint32_t>(
      std::min<std::size_t>(bytes, std::numeric_limits<std::uint32_t>::max()));
}

bool IsNothing(const KeyState* state, const Write& write) {
  return state == nullptr && write.operation != Operation::kPut;
}

}  // namespace

Status Bucket::CheckConditions(const KeyState* state, const Write& write) {
  if (!write.expected && !write.create) {
    return Ok{};
  }
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
  return Ok{};
}

Status Bucket::CheckLimits(const KeyState* state,
                           const KeyedWrite& item,
                           const Totals& totals) const {
  const BucketConfig& limits = record_.config;
  const std::size_t value_bytes = item.write.value.size();
  if (limits.max_value_size && value_bytes > *limits.max_value_size) {
    return Error(ErrorCode::kValueTooLarge,
                 "the value has " + std::to_string(value_bytes) + " bytes, max_value_size is " +
                     std::to_string(*limits.max_value_size));
  }
  const auto adds_value = [state] {
    return state == nullptr || !state->has_value();
  };
  if (limits.max_keys && totals.values >= *limits.max_keys && adds_value()) {
    return Error(ErrorCode::kBucketFull,
                 "the bucket has max_keys " + std::to_string(*limits.max_keys) + " keys already");
  }
  if (limits.max_bytes) {
    const std::uint64_t freed = FreedBy(state, item.write);
    const std::uint64_t added = SizeOf(item);
    if (added > freed && totals.bytes + added - freed > *limits.max_bytes) {
      return Error(ErrorCode::kBucketFull,
                   "the bucket would exceed max_bytes " + std::to_string(*limits.max_bytes));
    }
  }
  return Ok{};
}

std::uint64_t Bucket::FreedBy(const KeyState* state, const Write& write) const {
  std::uint64_t freed = 0;
  const std::size_t count = PushedOut(state, write);
  for (std::size_t i = 0; i < count; ++i) {
    freed += state->versions[i].bytes;
  }
  return freed;
}

void Bucket::Count(const KeyState* state, const KeyedWrite& item, Totals& totals) const {
  if (IsNothing(state, item.write)) {
    return;
  }
  totals.bytes += SizeOf(item);
  totals.bytes -= FreedBy(state, item.write);
  totals.values += item.write.operation == Operation::kPut ? 1U : 0U;
  totals.values -= state != nullptr && state->has_value() ? 1U : 0U;
}

Status Bucket::Check(std::span<const KeyedWrite> writes, Steps& steps) const {
  Totals totals{index_.bytes(), index_.values()};
  for (const KeyedWrite& item : writes) {
    KeyState* const state = index_.Find(item.key.text());
    steps.push_back({.state = state, .pushed_out = PushedOut(state, item.write)});
    if (auto checked = CheckConditions(state, item.write); !checked) {
      return checked;
    }
    // Deletes and purges always pass: a full bucket must be able to get emptier.
    if (item.write.operation == Operation::kPut) {
      if (auto checked = CheckLimits(state, item, totals); !checked) {
        return checked;
      }
    }
    if (writes.size() > 1) {
      Count(state, item, totals);
    }
  }
  return Ok{};
}

Status Bucket::Check(std::span<const KeyedWrite> writes) const {
  Steps steps;
  return Check(writes, steps);
}

// Gives each that does something the revision that it will have; returns the last one.
Revision Bucket::Number(std::span<const KeyedWrite> writes, Steps& steps) const {
  Revision last = revisions_.last();
  for (std::size_t i = 0; i < writes.size(); ++i) {
    steps[i].revision = IsNothing(steps[i].state, writes[i].write) ? 0 : ++last;
  }
  return last;
}

std::size_t Bucket::PushedOut(const KeyState* state, const Write& write) const {
  if (state == nullptr) {
    return 0;
  }
  const std::size_t kept =
      write.operation == Operation::kPurge ? 0 : std::size_t{record_.config.history} - 1;
  return state->versions.size() - std::min(state->versions.size(), kept);
}

Result<Written> Bucket::Apply(Key key, const Write& write, TimePoint now) {
  const KeyedWrite item{key, write};
  RevisionList revisions;
  return ApplyAll({&item, 1}, {.message_id = write.message_id, .result = {}}, now, revisions);
}

Result<Written> Bucket::ApplyAll(std::span<const KeyedWrite> writes,
                                 const Identity& identity,
                                 TimePoint now,
                                 RevisionList& revisions) {
  auto written = ApplyNow(writes, identity, now, revisions);
  if (written && engine_.sync() == Sync::kAlways) {
    if (auto flushed = engine_.WaitDurable(written->sequence); !flushed) {
      written->not_flushed = std::move(flushed).error();
    }
  }
  return written;
}

Result<Written> Bucket::ApplyUnawaited(std::span<const KeyedWrite> writes,
                                       TimePoint now,
                                       RevisionList& revisions) {
  return ApplyNow(writes, {}, now, revisions);
}

Result<Written> Bucket::EndEphemeral(const EphemeralKey& key, TimePoint now) {
  const KeyedWrite removal{Key::Kept(key.key),
                           {.operation = Operation::kDelete,
                            .expected = key.revision,
                            .qos = 1,
                            .reason = Reason::kDisconnected}};
  const Duplicates::First* first = duplicates_.Find(key.message_id);
  // Only where it stands for this write alone.
  const bool frees = first != nullptr && first->revision == key.revision && first->result.empty();
  RevisionList revisions;
  return ApplyNow(
      {&removal, 1},
      {.message_id = {}, .result = {}, .freed = frees ? key.message_id : std::string_view()},
      now,
      revisions);
}

std::optional<Written> Bucket::FindDuplicate(std::string_view message_id) const {
  const auto* first = message_id.empty() ? nullptr : duplicates_.Find(message_id);
  if (first == nullptr) {
    return std::nullopt;
  }
  return Written{.revision = first->revision,
                 .time = first->time,
                 .sequence = engine_.last_sequence(),
                 .duplicate = true,
                 .result = first->result,
                 .not_flushed = std::nullopt};
}

Result<Written> Bucket::ApplyNow(std::span<const KeyedWrite> writes,
                                 const Identity& identity,
                                 TimePoint now,
                                 RevisionList& revisions) {
  assert(writes.size() <= kMaxWritesAtOnce);
  if (auto first = FindDuplicate(identity.message_id)) {
    return std::move(*first);
  }
  if (auto writable = engine_.CheckWritable(); !writable) {
    return std::move(writable).error();
  }
  Steps steps;
  if (auto checked = Check(writes, steps); !checked) {
    return std::move(checked).error();
  }
  const Revision last = Number(writes, steps);
  for (const Step& step : steps) {
    revisions.push_back(step.revision);
  }
  std::string result = identity.result ? identity.result(revisions) : std::string();
  const auto count = static_cast<std::size_t>(last - revisions_.last());
  if (count == 0) {
    // Remembered all the same: sent again after someone put the key, it must still do nothing.
    return Remember(identity.message_id, result, now);
  }
  if (auto prepared = revisions_.Prepare(engine_, count); !prepared) {
    return std::move(prepared).error();
  }
  ChangeSet& changes = engine_.Scratch();
  std::optional<Duplicates::First> first;  // of a write that can be recognized, which few are
  if (!identity.message_id.empty() || !identity.freed.empty()) {
    first = {last, now, result};
    AddIdentity(changes, identity, *first);
  }
  auto sequence = Store(writes, steps, now, changes);
  if (!sequence) {
    return std::move(sequence).error();
  }
  for (std::size_t i = 0; i < writes.size(); ++i) {
    if (steps[i].revision != 0) {
      Enter(steps[i], writes[i], now);
    }
  }
  if (first) {
    EnterIdentity(identity, *first);
  }
  return Written{.revision = last,
                 .time = now,
                 .sequence = *sequence,
                 .duplicate = false,
                 .result = std::move(result),
                 .not_flushed = std::nullopt};
}

void Bucket::AddIdentity(ChangeSet& changes,
                         const Identity& identity,
                         const Duplicates::First& first) {
  if (!identity.message_id.empty()) {
    AddDuplicate(changes, identity.message_id, first);
  }
  if (!identity.freed.empty()) {
    DeleteDuplicate(changes, duplicates_.Find(identity.freed)->time, identity.freed);
  }
}

void Bucket::EnterIdentity(const Identity& identity, const Duplicates::First& first) {
  if (!identity.freed.empty()) {
    duplicates_.Forget(identity.freed);
  }
  if (!identity.message_id.empty()) {
    duplicates_.Remember(identity.message_id, first);
  }
}

void Bucket::AddDuplicate(ChangeSet& changes,
                          std::string_view message_id,
                          const Duplicates::First& first) {
  // Those are forgotten even if the write fails: that was to come anyway.
  duplicates_.MakeRoom(message_id, first.result, [&](TimePoint time, std::string_view oldest) {
    DeleteDuplicate(changes, time, oldest);
  });
  if (record_.config.storage == Storage::kFile) {
    changes.Put(DuplicateKey(id(), first.time, message_id),
                EncodeDuplicate({first.revision, first.result}));
  }
}

void Bucket::DeleteDuplicate(ChangeSet& changes,
                             TimePoint time,
                             std::string_view message_id) const {
  if (record_.config.storage == Storage::kFile) {
    changes.Delete(DuplicateKey(id(), time, message_id));
  }
}

Result<Written> Bucket::Remember(std::string_view message_id,
                                 std::string_view result,
                                 TimePoint now) {
  Written written{.time = now, .result = std::string(result), .not_flushed = std::nullopt};
  if (message_id.empty()) {
    return written;
  }
  const Duplicates::First first{0, now, std::string(result)};
  ChangeSet& changes = engine_.Scratch();
  AddDuplicate(changes, message_id, first);
  if (!changes.empty()) {
    auto record = engine_.Commit(changes);
    if (!record) {
      return std::move(record).error();
    }
    written.sequence = record->sequence;
  }
  duplicates_.Remember(message_id, first);
  return written;
}

EntryParts Bucket::PartsOf(const KeyState* state, const KeyedWrite& item, TimePoint now) const {
  const Write& write = item.write;
  EntryParts parts{.key = item.key.text(),
                   .operation = write.operation,
                   .reason = write.reason,
                   .qos = write.qos,
                   .time = now,
                   .former = state != nullptr ? state->newest().revision : 0,
                   .author = record_.config.audit ? write.author : nullptr,
                   .properties = write.properties};
  if (write.operation == Operation::kPut) {
    parts.expires = write.ttl ? now + *write.ttl : 0;
    parts.ephemeral = write.ephemeral;
    parts.value = write.value;
  }
  return parts;
}

void Bucket::KeepInMemory(std::span<const KeyedWrite> writes, const Steps& steps, TimePoint now) {
  for (std::size_t i = 0; i < writes.size(); ++i) {
    if (steps[i].revision != 0) {
      std::string record;
      AppendEntry(record, PartsOf(steps[i].state, writes[i], now));
      in_memory_[steps[i].revision] = std::string_view(record);  // without the room that it took
    }
  }
}

// One record of the journal for all of it; `changes` brings what goes with it.
Result<Sequence> Bucket::Store(std::span<const KeyedWrite> writes,
                               const Steps& steps,
                               TimePoint now,
                               ChangeSet& changes) {
  if (record_.config.storage == Storage::kMemory) {
    KeepInMemory(writes, steps, now);
    return Sequence{0};
  }
  absl::InlinedVector<std::pair<std::size_t, std::size_t>, 2> places;
  for (std::size_t i = 0; i < writes.size(); ++i) {
    const Step& step = steps[i];
    if (step.revision == 0) {
      places.emplace_back(0, 0);
      continue;
    }
    places.push_back(changes.PutEntry(id(), step.revision, PartsOf(step.state, writes[i], now)));
    for (std::size_t old = 0; old < step.pushed_out; ++old) {
      changes.DeleteEntry(id(), step.state->versions[old].revision);
    }
  }
  auto record = engine_.Commit(changes);
  if (!record) {
    return std::move(record).error();
  }
  unforgotten_ += writes.size();
  if (unforgotten_ >= kForgetEvery) {
    ForgetApplied();
  }
  for (std::size_t i = 0; i < writes.size(); ++i) {
    if (steps[i].revision != 0) {
      const auto [start, length] = places[i];
      pending_.push_back(
          {steps[i].revision, record->sequence, record->bytes.substr(start, length)});
    }
  }
  return record->sequence;
}

// Entries that were pending and are in the database now: more than came since the last time, and
// not all, for the committer takes over many thousands at once.
void Bucket::ForgetApplied() {
  const std::size_t most = 4 * std::exchange(unforgotten_, 0);
  for (std::size_t i = 0;
       i < most && !pending_.empty() && engine_.IsApplied(pending_.front().sequence);
       ++i) {
    pending_.pop_front();
  }
}

// What the write means in memory.
void Bucket::Enter(const Step& step, const KeyedWrite& item, TimePoint now) {
  const Write& write = item.write;
  const Revision revision = revisions_.Take();
  assert(revision == step.revision);
  for (std::size_t i = 0; i < step.pushed_out; ++i) {
    ForgetEntry(*step.state, step.state->versions[i].revision);
  }
  const KeyState& holder = index_.Append(step.state,
                                         item.key.text(),
                                         Version{revision, SizeOf(item), write.operation},
                                         step.pushed_out);
  RetireFormer(holder, now);
  const bool put = write.operation == Operation::kPut;
  const TimePoint expires = put && write.ttl ? now + *write.ttl : 0;
  if (expires != 0 || record_.config.ttl || record_.config.marker_ttl) {
    SetTimer(revision, {.operation = write.operation, .time = now, .expires = expires});
  }
  if (put && write.ephemeral) {
    ephemeral_.insert(revision);
  }
}

}  // namespace kv::store
