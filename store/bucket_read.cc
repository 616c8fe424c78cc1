// Bucket's reading side.
#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "store/bucket.h"

namespace kv::store {
namespace {

// A page looks at this many entries at most before it ends, found or not: a filter that matches
// little must not hold up the broker. The next page goes on from there.
constexpr std::size_t kMaxSearch = 20'000;
// A prefix with at most so many keys, and kMaxSearch entries, is read from the keys; a larger one
// from the revisions.
constexpr std::size_t kSmallPrefix = 2'000;
// Entries are read by going from one to the next unless more than so many revisions, most of them
// no longer there, come to each.
constexpr std::size_t kNeighbours = 4;

// Calls `visit(state)` for the keys beyond `after` under `prefix`, in order, until it says false.
template <typename Visit>
void WalkPrefix(const KeyIndex& index,
                std::string_view prefix,
                std::string_view after,
                const Visit& visit) {
  const auto& keys = index.by_key();
  auto at = keys.upper_bound(after);
  if (!prefix.empty()) {
    const auto own = keys.find(prefix);
    if (own != keys.end() && prefix > after && !visit(*own->second)) {
      return;
    }
    // What lies between `a` and `a/` (as `a!`) is not under `a`.
    const std::string below = std::string(prefix) + "/";
    at = below.compare(after) > 0 ? keys.lower_bound(below) : at;
  }
  for (; at != keys.end() && IsUnderPrefix(at->first, prefix); ++at) {
    if (!visit(*at->second)) {
      return;
    }
  }
}

// What a key takes in a JSON array: quotes, comma, and a backslash where it needs one. Keys hold
// no control characters.
std::size_t JsonBytes(std::string_view key) {
  const auto escaped =
      std::count_if(key.begin(), key.end(), [](char c) { return c == '"' || c == '\\'; });
  return key.size() + static_cast<std::size_t>(escaped) + 3;
}

// What an entry takes in memory, about: its properties may be many though empty.
std::size_t WeightOf(const Entry& entry) {
  const std::size_t author =
      entry.author ? entry.author->client.size() + entry.author->username.size() : 0;
  return entry.key.size() + author + entry.value.size() + entry.properties.size() +
         entry.properties.user.size() * sizeof(UserProperty);
}

const Version& VersionOf(const KeyState& holder, Revision revision) {
  return *std::find_if(holder.versions.begin(),
                       holder.versions.end(),
                       [revision](const Version& version) { return version.revision == revision; });
}

Error NotFound() {
  return Error(ErrorCode::kKeyNotFound);
}

}  // namespace

Result<std::string> Bucket::ReadRecord(Revision revision) const {
  if (record_.config.storage == Storage::kMemory) {
    const auto found = in_memory_.find(revision);
    return found == in_memory_.end() ? Result<std::string>(NotFound())
                                     : Result<std::string>(found->second);
  }
  const auto pending = std::lower_bound(
      pending_.begin(), pending_.end(), revision, [](const Pending& item, Revision wanted) {
        return item.revision < wanted;
      });
  if (pending != pending_.end() && pending->revision == revision &&
      !engine_.IsApplied(pending->sequence)) {
    return std::string(pending->record);
  }
  if (const std::string* cached = engine_.entries().Find(id(), revision)) {
    return *cached;
  }
  auto record = Kept(revision, engine_.database().Get(StreamKey(id(), revision)));
  if (record) {
    engine_.entries().Add(id(), revision, *record);
  }
  return record;
}

Result<std::string> Bucket::Kept(Revision revision,
                                 Result<std::optional<std::string>> record) const {
  if (!record) {
    return std::move(record).error();
  }
  if (!record->has_value()) {
    // The index says that it is kept: only a database that is being recovered may lack it.
    return Error(ErrorCode::kStorageError,
                 "entry " + std::to_string(revision) + " of bucket " + name_ +
                     " is missing in the database");
  }
  return std::move(**record);
}

Result<Entry> Bucket::ReadEntry(Revision revision) const {
  auto record = ReadRecord(revision);
  if (!record) {
    return std::move(record).error();
  }
  return DecodeEntry(*record, revision);
}

std::vector<Result<Entry>> Bucket::ReadEntries(std::span<const Revision> revisions) const {
  std::vector<Result<Entry>> entries;
  entries.reserve(revisions.size());
  const auto elsewhere = std::lower_bound(revisions.begin(), revisions.end(), FirstNotInDatabase());
  ReadFromDatabase({revisions.begin(), elsewhere}, entries);
  std::transform(
      elsewhere, revisions.end(), std::back_inserter(entries), [this](Revision revision) {
        return ReadEntry(revision);
      });
  return entries;
}

// Those below it are in the database. (Others may be by now, too.)
Revision Bucket::FirstNotInDatabase() const {
  if (record_.config.storage == Storage::kMemory) {
    return 0;
  }
  const auto first =
      std::partition_point(pending_.begin(), pending_.end(), [this](const Pending& item) {
        return engine_.IsApplied(item.sequence);
      });
  return first == pending_.end() ? std::numeric_limits<Revision>::max() : first->revision;
}

void Bucket::ReadFromDatabase(std::span<const Revision> revisions,
                              std::vector<Result<Entry>>& entries) const {
  if (revisions.empty()) {
    return;
  }
  std::vector<std::string> keys;
  keys.reserve(revisions.size());
  for (const Revision revision : revisions) {
    keys.push_back(StreamKey(id(), revision));
  }
  const bool neighbours =
      revisions.size() > 1 && revisions.back() - revisions.front() < kNeighbours * revisions.size();
  auto records = engine_.database().Get(keys, neighbours);
  for (std::size_t i = 0; i < revisions.size(); ++i) {
    const auto record = Kept(revisions[i], std::move(records[i]));
    entries.push_back(record ? DecodeEntry(*record, revisions[i]) : Result<Entry>(record.error()));
  }
}

Result<Entry> Bucket::Get(Key key) const {
  const KeyState* state = index_.Find(key.text());
  return state == nullptr ? Result<Entry>(NotFound()) : ReadEntry(state->newest().revision);
}

Result<Entry> Bucket::GetRevision(Key key, Revision revision) const {
  const KeyState* state = index_.HolderOf(revision);
  return state == nullptr || state->key != key.text() ? Result<Entry>(NotFound())
                                                      : ReadEntry(revision);
}

bool Bucket::Wanted(const PageRequest& request, const KeyState& state, Revision revision) const {
  if (!IsUnderPrefix(state.key, request.prefix) ||
      (request.filter != nullptr && !request.filter->Matches(state.key)) ||
      (request.newest_only && state.newest().revision != revision)) {
    return false;
  }
  if (!request.ignore_markers) {
    return true;
  }
  return VersionOf(state, revision).operation == Operation::kPut;
}

// The revisions of a prefix's keys from `from` on, sorted; false if there are too many keys.
bool Bucket::CollectByPrefix(const PageRequest& request, std::vector<Revision>& revisions) const {
  std::size_t keys = 0;
  WalkPrefix(index_, request.prefix, {}, [&](const KeyState& state) {
    for (const Version& version : state.versions) {
      if (version.revision >= request.from) {
        revisions.push_back(version.revision);
      }
    }
    return ++keys <= kSmallPrefix && revisions.size() <= kMaxSearch;
  });
  if (keys > kSmallPrefix || revisions.size() > kMaxSearch) {
    return false;
  }
  std::sort(revisions.begin(), revisions.end());
  return true;
}

// Takes entries one after the other until the page is full. They are read some at a time, which is
// much quicker.
class Bucket::PageMaker {
 public:
  PageMaker(const Bucket& bucket, const PageRequest& request)
      : bucket_(bucket), request_(request) {}

  // False once that is enough: `next` of the page is then where the next one begins.
  bool Take(Revision revision, const KeyState& state) {
    if (IsEnough() && !ReadTaken()) {
      return false;
    }
    if (IsFull() || ++searched_ > kMaxSearch) {
      page_.next = revision;
      return false;
    }
    if (bucket_.Wanted(request_, state, revision)) {
      taken_.push_back(revision);
      taken_bytes_ += VersionOf(state, revision).bytes;
    }
    return true;
  }

  Result<Page> Finish() && {
    ReadTaken();
    return readable_ ? Result<Page>(std::move(page_)) : Result<Page>(std::move(readable_).error());
  }

 private:
  static constexpr std::size_t kReadAtOnce = 64;

  bool IsFull() const {
    return page_.entries.size() >= request_.limit || bytes_ >= request_.max_bytes;
  }

  // Whether what was taken may fill the page, or is as much as should be read at once.
  bool IsEnough() const {
    return taken_.size() >= kReadAtOnce || page_.entries.size() + taken_.size() >= request_.limit ||
           bytes_ + taken_bytes_ >= request_.max_bytes;
  }

  // False once that is enough.
  bool ReadTaken() {
    const std::vector<Revision> taken = std::exchange(taken_, {});
    taken_bytes_ = 0;
    auto entries = bucket_.ReadEntries(taken);
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (IsFull()) {
        page_.next = taken[i];
        return false;
      }
      if (!entries[i]) {
        readable_ = std::move(entries[i]).error();
        return false;
      }
      bytes_ += WeightOf(*entries[i]);
      page_.entries.push_back(std::move(*entries[i]));
    }
    return true;
  }

  const Bucket& bucket_;
  const PageRequest& request_;
  Page page_;
  Status readable_ = Ok{};
  std::vector<Revision> taken_;  // that belong to the page, and are not read yet
  std::size_t taken_bytes_ = 0;
  std::size_t bytes_ = 0;
  std::size_t searched_ = 0;
};

Result<Page> Bucket::ReadPage(const PageRequest& request) const {
  PageMaker maker(*this, request);
  std::vector<Revision> few;
  if (!request.prefix.empty() && CollectByPrefix(request, few)) {
    for (const Revision revision : few) {
      if (!maker.Take(revision, *index_.HolderOf(revision))) {
        break;
      }
    }
  } else {
    index_.by_revision().ForEachFrom(request.from, [&](Revision revision, const KeyState& state) {
      return maker.Take(revision, state);
    });
  }
  return std::move(maker).Finish();
}

bool Bucket::IsCompacted(std::string_view prefix, Revision from) const {
  from = std::max<Revision>(from, 1);
  if (from > max_dropped_) {
    return false;
  }
  if (from <= forgotten_ || prefix.empty()) {
    return true;
  }
  const auto lacks = [from](const KeyState& state) {
    return state.dropped >= from;
  };
  bool found = false;
  std::size_t searched = 0;
  WalkPrefix(index_, prefix, {}, [&](const KeyState& state) {
    found = lacks(state);
    return !found && ++searched <= kSmallPrefix;
  });
  if (found || searched <= kSmallPrefix) {
    return found;
  }
  // A key that lacks an entry of `from` or later has kept a later one: it comes by here.
  searched = 0;
  index_.by_revision().ForEachFrom(from, [&](Revision, const KeyState& state) {
    found = ++searched > kMaxSearch || (IsUnderPrefix(state.key, prefix) && lacks(state));
    return !found;
  });
  return found;
}

KeysPage Bucket::ReadKeys(const KeysRequest& request) const {
  KeysPage page;
  std::size_t bytes = 2;
  std::size_t searched = 0;
  WalkPrefix(index_, request.prefix, request.after, [&](const KeyState& state) {
    const bool wanted = (request.include_deleted || state.has_value()) &&
                        (request.filter == nullptr || request.filter->Matches(state.key));
    const std::size_t more = wanted ? JsonBytes(state.key) : 0;
    if (++searched > kMaxSearch || bytes + more > request.max_bytes ||
        (wanted && request.limit != 0 && page.keys.size() >= request.limit)) {
      page.more = true;
      return false;
    }
    if (wanted) {
      bytes += more;
      page.keys.push_back(state.key);
    }
    page.position = state.key;
    return true;
  });
  return page;
}

}  // namespace kv::store
