// Bucket's passing of time and change of configuration.
#include <algorithm>
#include <iterator>
#include <limits>

#include "store/bucket.h"

namespace kv::store {
namespace {

// An entry that is due and cannot be read is looked at again after this long.
constexpr Nanoseconds kUnreadableAgain = 60 * kSecond;

}  // namespace

void Bucket::SetTimer(Revision revision, const EntryHead& head) {
  const auto due = DueTime(head, /*newest=*/true);
  if (due) {
    expiry_.Set(revision, *due);
  }
}

// When an entry's life ends: a value by the bucket's ttl or its own, a marker by marker_ttl. One
// that is no longer the newest has lost its own ttl, and ends by the bucket's ttl like any entry.
std::optional<TimePoint> Bucket::DueTime(const EntryHead& head, bool newest) const {
  const BucketConfig& config = record_.config;
  std::optional<TimePoint> due;
  const auto sooner = [&due](TimePoint time) {
    due = due ? std::min(*due, time) : time;
  };
  const bool put = head.operation == Operation::kPut;
  if (config.ttl && (put || !newest)) {
    sooner(head.time + *config.ttl);
  }
  if (put && newest && head.expires != 0) {
    sooner(head.expires);
  }
  if (!put && config.marker_ttl) {
    sooner(head.time + *config.marker_ttl);
  }
  return due;
}

Result<Progress> Bucket::Expire(TimePoint now,
                                std::size_t limit,
                                std::vector<Expiration>& expired) {
  // What a change of the configuration has left to do, also when nobody goes on with it.
  if (auto trimmed = Trim(now, limit); !trimmed) {
    return std::move(trimmed).error();
  }
  for (std::size_t done = 0; done < limit; ++done) {
    const auto due = expiry_.NextDue(now);
    if (!due) {
      return trim_from_ ? Progress::kMore : Progress::kDone;
    }
    if (!IsReadyFor(1)) {
      return Progress::kWaiting;
    }
    if (auto ended = ExpireOne(*due, now, expired); !ended) {
      return std::move(ended).error();
    }
  }
  return trim_from_ || expiry_.NextDue(now) ? Progress::kMore : Progress::kDone;
}

// Whether the entry's life has ended. If not its timer is set anew, or removed.
Result<bool> Bucket::IsOver(const ExpiryQueue::Due& due, TimePoint now) {
  if (due.is_certain && !retime_) {  // by another ttl it may be too early
    return true;
  }
  const KeyState* state = index_.HolderOf(due.revision);
  if (state == nullptr) {
    expiry_.Remove(due.revision);
    return false;
  }
  auto record = ReadRecord(due.revision);
  if (!record) {
    return std::move(record).error();
  }
  auto head = DecodeEntryHead(*record);
  if (!head) {
    return std::move(head).error();
  }
  const auto time = DueTime(*head, state->newest().revision == due.revision);
  if (!time) {
    expiry_.Remove(due.revision);
  } else if (*time > now) {
    expiry_.Set(due.revision, *time);
  }
  return time && *time <= now;
}

Status Bucket::ExpireOne(const ExpiryQueue::Due& due,
                         TimePoint now,
                         std::vector<Expiration>& expired) {
  const auto over = IsOver(due, now);
  if (!over) {
    // Who reads it is told. It must not keep what is behind it from ending.
    expiry_.LookAt(due.revision, now + kUnreadableAgain);
    return Ok{};
  }
  if (!*over) {
    return Ok{};
  }
  const KeyState& state = *index_.HolderOf(due.revision);
  if (state.newest().revision != due.revision) {
    return Forget({due.revision});
  }
  if (state.has_value()) {
    return ExpireValue(state, now, expired);
  }
  // The whole key: were its older entries left, the newest of them would come back to life.
  std::vector<Revision> all;
  for (const Version& version : state.versions) {
    all.push_back(version.revision);
  }
  return Forget(all);
}

Status Bucket::ExpireValue(const KeyState& state, TimePoint now, std::vector<Expiration>& expired) {
  const std::string key = state.key;  // the purge drops the entry that the state's own key is of
  const KeyedWrite purge{Key::Kept(key),
                         {.operation = Operation::kPurge, .reason = Reason::kExpired}};
  RevisionList revisions;
  auto purged = ApplyUnawaited({&purge, 1}, now, revisions);
  if (!purged) {
    return std::move(purged).error();
  }
  expired.push_back({key, purged->revision, purged->time});
  return Ok{};
}

// Removing entries without a trace; so that no revision is given out again should the last one be
// among them, the last revision is written down beside.
void Bucket::AddForgetting(const std::vector<Revision>& revisions, ChangeSet& changes) const {
  if (record_.config.storage == Storage::kFile) {
    for (const Revision revision : revisions) {
      changes.DeleteEntry(id(), revision);
    }
  }
  changes.Put(LastRevisionKey(id()), EncodeNumber(revisions_.last()));
  if (const Revision gone = HighestOfKeysGone(revisions); gone > forgotten_) {
    changes.Put(ForgottenKey(id()), EncodeNumber(gone));
  }
}

// The highest of these revisions with which its key goes: no later entry tells that it was there.
Revision Bucket::HighestOfKeysGone(const std::vector<Revision>& revisions) const {
  Revision highest = 0;
  for (const Revision revision : revisions) {
    if (index_.HolderOf(revision)->newest().revision == revision) {
      highest = std::max(highest, revision);
    }
  }
  return highest;
}

Status Bucket::Forget(const std::vector<Revision>& revisions) {
  if (record_.config.storage == Storage::kFile) {
    ChangeSet changes;
    AddForgetting(revisions, changes);
    auto record = engine_.Commit(changes);
    if (!record) {
      return std::move(record).error();
    }
  }
  for (const Revision revision : revisions) {
    Drop(*index_.HolderOf(revision), revision);
  }
  return Ok{};
}

// Whether the key's newest entry is this one, and a marker from `before` or earlier.
Result<bool> Bucket::IsMarkerFrom(TimePoint before,
                                  Revision revision,
                                  const KeyState& state) const {
  if (state.newest().revision != revision || state.has_value()) {
    return false;
  }
  auto record = ReadRecord(revision);
  if (!record) {
    return std::move(record).error();
  }
  auto head = DecodeEntryHead(*record);
  if (!head) {
    return std::move(head).error();
  }
  return head->time <= before;
}

Result<std::size_t> Bucket::ForgetMarkers(TimePoint before,
                                          Revision end,
                                          std::size_t limit,
                                          Revision& next) {
  std::vector<Revision> revisions;
  std::size_t keys = 0;
  Revision rest = 0;
  std::size_t visited = 0;
  Status readable = Ok{};
  index_.by_revision().ForEachFrom(next, [&](Revision revision, const KeyState& state) {
    if (revision > end || visited++ == limit) {
      rest = revision > end ? 0 : revision;
      return false;
    }
    auto old = IsMarkerFrom(before, revision, state);
    if (!old) {
      readable = std::move(old).error();
      return false;
    }
    if (*old) {
      // The whole key: were its older entries left, the newest of them would come back to life.
      std::transform(state.versions.begin(),
                     state.versions.end(),
                     std::back_inserter(revisions),
                     [](const Version& version) { return version.revision; });
      ++keys;
    }
    return true;
  });
  if (!readable) {
    return std::move(readable).error();
  }
  if (!revisions.empty()) {
    if (auto forgotten = Forget(revisions); !forgotten) {
      return std::move(forgotten).error();
    }
  }
  next = rest;
  return keys;
}

std::size_t Bucket::PruneDuplicates(TimePoint oldest, std::size_t limit, ChangeSet& changes) {
  return duplicates_.Prune(oldest, limit, [&](TimePoint time, std::string_view message_id) {
    DeleteDuplicate(changes, time, message_id);
  });
}

Status Bucket::CheckConfig(const BucketConfig& config) const {
  const BucketStats now = stats();
  const bool moved =
      config.storage != record_.config.storage || config.retained != record_.config.retained;
  if (moved && now.entries > 0) {
    return Error(ErrorCode::kNotSupported,
                 "storage and retained change only while the bucket is empty");
  }
  if ((config.max_bytes && *config.max_bytes < now.bytes) ||
      (config.max_keys && *config.max_keys < now.keys)) {
    return Error(ErrorCode::kBucketFull,
                 "the bucket holds " + std::to_string(now.keys) + " keys and " +
                     std::to_string(now.bytes) + " bytes, more than the new limit");
  }
  return Ok{};
}

Status Bucket::BeginConfig(const BucketConfig& config) {
  if (auto checked = CheckConfig(config); !checked) {
    return checked;
  }
  BucketRecord changed = record_;
  changed.config = config;
  ChangeSet changes;
  changes.Put(BucketKey(name_), EncodeBucket(changed));
  // In any case: of a bucket in memory there was no other trace of them.
  changes.Put(LastRevisionKey(id()), EncodeNumber(revisions_.last()));
  changes.Put(ForgottenKey(id()), EncodeNumber(forgotten_));
  auto stored = engine_.Commit(changes);
  if (!stored) {
    return std::move(stored).error();
  }
  retime_ =
      retime_ || config.ttl != record_.config.ttl || config.marker_ttl != record_.config.marker_ttl;
  if (retime_ || config.history < record_.config.history) {
    trim_from_.emplace();
  }
  record_ = std::move(changed);
  return Ok{};
}

Result<Progress> Bucket::Trim(TimePoint now, std::size_t limit) {
  if (!trim_from_) {
    return Progress::kDone;
  }
  std::vector<Revision> excess;
  const auto& keys = index_.by_key();
  auto at = keys.lower_bound(*trim_from_);
  for (std::size_t i = 0; i < limit && at != keys.end(); ++i, ++at) {
    const auto& versions = at->second->versions;
    for (std::size_t v = 0; v < versions.size(); ++v) {
      if (v + record_.config.history < versions.size()) {
        excess.push_back(versions[v].revision);
      } else if (retime_) {
        expiry_.LookAt(versions[v].revision, now);
      }
    }
  }
  auto rest = at == keys.end() ? std::nullopt : std::optional(std::string(at->first));
  if (!excess.empty()) {
    if (auto forgotten = Forget(excess); !forgotten) {
      return std::move(forgotten).error();
    }
  }
  trim_from_ = std::move(rest);
  retime_ = retime_ && trim_from_;
  return trim_from_ ? Progress::kMore : Progress::kDone;
}

Status Bucket::SetConfig(const BucketConfig& config, TimePoint now) {
  if (auto begun = BeginConfig(config); !begun) {
    return begun;
  }
  auto trimmed = Trim(now, std::numeric_limits<std::size_t>::max());
  return trimmed ? Status(Ok{}) : Status(std::move(trimmed).error());
}

}  // namespace kv::store
