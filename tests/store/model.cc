#include "tests/store/model.h"

#include <algorithm>
#include <set>

namespace kv::store::testing {
namespace {

std::uint64_t BytesOf(const Entry& entry) {
  return entry.key.size() + entry.value.size();
}

}  // namespace

Revision ModelBucket::newest_of(const std::string& key) const {
  const auto found = keys_.find(key);
  return found == keys_.end() ? 0 : found->second.back().revision;
}

BucketStats ModelBucket::stats() const {
  BucketStats stats{.entries = by_revision_.size(), .last_revision = last_};
  for (const auto& [key, entries] : keys_) {
    stats.keys += entries.back().is_marker() ? 0U : 1U;
    for (const Entry& entry : entries) {
      stats.bytes += BytesOf(entry);
    }
  }
  return stats;
}

std::optional<std::string> ModelBucket::Again(const std::string& id) const {
  const auto first = ids_.find(id);
  if (first == ids_.end()) {
    return std::nullopt;
  }
  const std::string& result = first->second.result;
  return std::to_string(first->second.revision) + " again" + (result.empty() ? "" : " " + result);
}

std::string ModelBucket::Apply(const ModelWrite& write, TimePoint now) {
  if (auto again = Again(write.message_id)) {
    return *again;
  }
  if (auto refusal = Refusal(write)) {
    return *refusal;
  }
  const Revision revision = Do(write, now);
  if (!write.message_id.empty()) {
    ids_[write.message_id] = {revision, now, ""};
  }
  return std::to_string(revision);
}

std::string ModelBucket::ApplyAll(const std::vector<ModelWrite>& writes,
                                  const std::string& id,
                                  TimePoint now) {
  if (auto again = Again(id)) {
    return *again;
  }
  ModelBucket changed = *this;
  std::string result;
  for (const auto& write : writes) {
    if (auto refusal = changed.Refusal(write)) {
      return *refusal;
    }
    result += (result.empty() ? "" : ",") + std::to_string(changed.Do(write, now));
  }
  if (!id.empty()) {
    changed.ids_[id] = {changed.last_ == last_ ? 0 : changed.last_, now, result};
  }
  *this = std::move(changed);
  return result;
}

// A write that is not refused.
Revision ModelBucket::Do(const ModelWrite& write, TimePoint now) {
  Revision revision = 0;
  if (write.operation == Operation::kPut || newest_of(write.key) != 0) {
    revision = ++last_;
    Entry entry{.key = write.key, .revision = revision, .operation = write.operation, .time = now};
    if (write.operation == Operation::kPut) {
      entry.value = write.value;
      entry.expires = write.ttl ? now + *write.ttl : 0;
      entry.ephemeral = write.ephemeral;
    }
    Add(std::move(entry), write.operation == Operation::kPurge ? 1 : config_.history);
  }
  return revision;
}

std::optional<std::string> ModelBucket::Refusal(const ModelWrite& write) const {
  const auto found = keys_.find(write.key);
  const bool has_value = found != keys_.end() && !found->second.back().is_marker();
  if (write.expected && *write.expected != newest_of(write.key)) {
    return "wrong-last-revision";
  }
  if (write.create && has_value) {
    return "key-exists";
  }
  if (write.operation != Operation::kPut) {
    return std::nullopt;
  }
  if (config_.max_value_size && write.value.size() > *config_.max_value_size) {
    return "value-too-large";
  }
  const BucketStats now = stats();
  if (config_.max_keys && !has_value && now.keys >= *config_.max_keys) {
    return "bucket-full";
  }
  if (config_.max_bytes) {
    std::uint64_t pushed_out = 0;
    const std::size_t kept = found == keys_.end() ? 0 : found->second.size();
    for (std::size_t i = 0; i + config_.history <= kept; ++i) {
      pushed_out += BytesOf(found->second[i]);
    }
    const std::uint64_t added = write.key.size() + write.value.size();
    if (added > pushed_out && now.bytes + added - pushed_out > *config_.max_bytes) {
      return "bucket-full";
    }
  }
  return std::nullopt;
}

void ModelBucket::Add(Entry entry, std::size_t keep) {
  std::vector<Entry>& entries = keys_[entry.key];
  by_revision_[entry.revision] = entry;
  entries.push_back(std::move(entry));
  while (entries.size() > keep) {
    Drop(Entry(entries.front()));
  }
}

void ModelBucket::Drop(const Entry& entry) {
  dropped_[entry.revision] = entry.key;
  by_revision_.erase(entry.revision);
  auto& entries = keys_[entry.key];
  std::erase_if(entries, [&](const Entry& e) { return e.revision == entry.revision; });
  if (entries.empty()) {
    forgotten_ = std::max(forgotten_, entry.revision);
    keys_.erase(std::string(entry.key));
  }
}

bool ModelBucket::IsCompacted(std::string_view prefix, Revision from) const {
  return std::any_of(dropped_.lower_bound(from), dropped_.end(), [prefix](const auto& item) {
    const std::string& key = item.second;
    return prefix.empty() || key == prefix || key.starts_with(std::string(prefix) + "/");
  });
}

std::string ModelBucket::SetConfig(const BucketConfig& config) {
  const BucketStats now = stats();
  if ((config.storage != config_.storage || config.retained != config_.retained) &&
      now.entries > 0) {
    return "not-supported";
  }
  if ((config.max_bytes && now.bytes > *config.max_bytes) ||
      (config.max_keys && now.keys > *config.max_keys)) {
    return "bucket-full";
  }
  config_ = config;
  for (const auto& [key, entries] : std::map(keys_)) {
    for (std::size_t i = 0; i + config.history < entries.size(); ++i) {
      Drop(entries[i]);
    }
  }
  return "ok";
}

bool ModelBucket::Ends(const Entry& entry, bool newest, TimePoint now) const {
  if (entry.is_marker() && config_.marker_ttl && entry.time + *config_.marker_ttl <= now) {
    return true;
  }
  if (!entry.is_marker() && newest && entry.expires != 0 && entry.expires <= now) {
    return true;
  }
  // The newest marker ends by marker_ttl alone: it is what tells that the value ended.
  return config_.ttl && !(entry.is_marker() && newest) && entry.time + *config_.ttl <= now;
}

std::string ModelBucket::Expire(const std::vector<std::string>& expired, TimePoint now) {
  std::set<std::string> values;  // whose newest value ends now
  std::vector<Entry> silent;     // that go without a trace
  for (const auto& [key, entries] : keys_) {
    const bool ends = Ends(entries.back(), true, now);
    if (ends && !entries.back().is_marker()) {
      values.insert(key);
      continue;
    }
    for (const Entry& entry : entries) {
      const bool newest = entry.revision == entries.back().revision;
      if (ends || Ends(entry, newest, now)) {
        silent.push_back(entry);
      }
    }
  }
  for (const std::string& text : expired) {
    const std::string key = text.substr(0, text.find('@'));
    if (values.erase(key) == 0) {
      return key + " expired though it was not due";
    }
    const std::string purged = std::to_string(++last_);
    if (text != key + "@" + purged) {
      return text + " should have revision " + purged;
    }
    Add({.key = key,
         .revision = last_,
         .operation = Operation::kPurge,
         .reason = Reason::kExpired,
         .time = now},
        1);
  }
  for (const Entry& entry : silent) {
    Drop(entry);
  }
  return values.empty() ? "" : *values.begin() + " should have expired";
}

void ModelBucket::ForgetIds(TimePoint before) {
  std::erase_if(ids_, [before](const auto& id) { return id.second.time < before; });
}

std::size_t ModelBucket::ForgetMarkers(TimePoint before) {
  std::size_t forgotten = 0;
  for (const auto& [key, entries] : std::map(keys_)) {
    if (entries.back().is_marker() && entries.back().time <= before) {
      std::for_each(entries.begin(), entries.end(), [this](const Entry& entry) { Drop(entry); });
      ++forgotten;
    }
  }
  return forgotten;
}

bool ModelBucket::TakeApart(std::string& key) {
  if (by_revision_.empty()) {
    return !ids_.empty() && ids_.erase(ids_.begin()->first) == 1;
  }
  const Entry oldest = by_revision_.begin()->second;
  key = newest_of(oldest.key) == oldest.revision && !oldest.is_marker() ? oldest.key : "";
  Drop(oldest);
  return true;
}

std::string ModelBucket::Reopen(bool cleanly, Revision last) {
  const bool memory = config_.storage == Storage::kMemory;
  if (memory) {
    keys_.clear();
    by_revision_.clear();
    ids_.clear();
  }
  // A process that was killed may have given out revisions that nobody remembers.
  if (last < last_ || (last > last_ && (cleanly || !memory))) {
    return "goes on from revision " + std::to_string(last) + " instead of " + std::to_string(last_);
  }
  last_ = last;
  forgotten_ = memory ? last : forgotten_;
  return "";
}

}  // namespace kv::store::testing
