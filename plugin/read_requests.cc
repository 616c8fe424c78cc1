#include "plugin/read_requests.h"

#include <optional>

#include "kv/units.h"
#include "wire/bucket_json.h"
#include "wire/cursor.h"
#include "wire/names.h"
#include "wire/packed_entries.h"

namespace kv::plugin {
namespace {

// A page ends after this many bytes of entries. Kept small where it is one message: that is built
// in one go, and a client may not take a large one.
constexpr std::size_t kPageBytes = std::size_t{4} << 20;
constexpr std::size_t kJsonPageBytes = std::size_t{256} << 10;
constexpr std::size_t kPackedPageBytes = std::size_t{64} << 10;
constexpr std::size_t kDocumentBytes = std::size_t{64} << 10;
// Of an MQTT 3 reply all that is not the document: status, count, and a cursor with a key in it.
constexpr std::size_t kAroundDocumentBytes = std::size_t{2} << 10;

std::size_t MaxDocumentBytes(bool as_json) {
  return as_json ? kDocumentBytes - kAroundDocumentBytes : kDocumentBytes;
}

Error BadCursor() {
  return Error(ErrorCode::kBadRequest,
               "kv-cursor: accepted is the kv-cursor of an earlier reply to this very request");
}

std::string_view FlagText(bool flag) {
  return flag ? "1" : "0";
}

// What all pages of one reply have in common. The bucket's id is in it: a bucket that was dropped
// and made anew is another one.
std::vector<std::string_view> ScopeOf(const wire::RequestTopic& topic,
                                      const wire::ReadOptions& options,
                                      std::string_view verb,
                                      std::string_view id) {
  return {verb,
          topic.bucket,
          id,
          topic.rest,
          options.filter ? std::string_view(*options.filter) : std::string_view("#"),
          FlagText(options.ignore_deletes),
          FlagText(options.include_deleted)};
}

// The filter, parsed; ParseReadOptions has accepted it already.
std::optional<KeyFilter> FilterOf(const wire::ReadOptions& options) {
  if (!options.filter) {
    return std::nullopt;
  }
  auto filter = KeyFilter::Parse(*options.filter);
  return filter ? std::optional(*filter) : std::nullopt;
}

// The messages of a page: one for each entry and the `end`, or all in the `end`.
std::vector<wire::Reply> RepliesOf(std::vector<Entry> entries,
                                   wire::Reply end,
                                   const wire::ReadOptions& options) {
  std::vector<wire::Reply> replies;
  if (options.packed) {
    end.payload = wire::PackEntries(entries, options.meta_only);
    end.own.content_type = wire::kPackedEntriesType;
  } else {
    replies.reserve(entries.size() + 1);
    for (auto& entry : entries) {
      replies.push_back(wire::EntryReply(wire::kStatusEntry, std::move(entry), options.meta_only));
    }
  }
  replies.push_back(std::move(end));
  return replies;
}

}  // namespace

std::string InfoOf(const store::Bucket& bucket) {
  const store::BucketStats stats = bucket.stats();
  return wire::InfoJson({.name = bucket.name(),
                         .config = bucket.config(),
                         .created = bucket.created(),
                         .keys = stats.keys,
                         .entries = stats.entries,
                         .bytes = stats.bytes,
                         .last_revision = stats.last_revision});
}

Answered ReadRequests::Handle(const Call& call) const {
  auto options = wire::ParseReadOptions(call.incoming.options, call.incoming.payload);
  if (!options) {
    return std::move(options).error();
  }
  if (options->packed && !call.client.is_v5) {
    return Error(ErrorCode::kBadRequest,
                 "kv-packed: accepted is from MQTT 5; a page for MQTT 3 is one message already");
  }
  const Request request{call.topic, std::move(*options), !call.client.is_v5};
  auto replies = Read(request);
  return replies ? Answered(Answer{std::move(*replies)}) : Answered(std::move(replies).error());
}

ReadRequests::Replies ReadRequests::Read(const Request& request) const {
  if (request.topic.verb == wire::Verb::kBuckets) {
    return Buckets(request);
  }
  auto bucket = FindBucket(store_, request.topic);
  if (!bucket) {
    return std::move(bucket).error();
  }
  switch (request.topic.verb) {
    case wire::Verb::kGet: return Get(**bucket, request);
    case wire::Verb::kHistory: return Entries(**bucket, request, /*newest_only=*/false);
    case wire::Verb::kEntries: return Entries(**bucket, request, /*newest_only=*/true);
    case wire::Verb::kKeys: return Keys(**bucket, request);
    default: return std::vector{wire::DocumentReply("info", InfoOf(**bucket))};
  }
}

ReadRequests::Replies ReadRequests::Get(const store::Bucket& bucket, const Request& request) const {
  auto key = Key::Parse(request.topic.rest);
  if (!key) {
    return std::move(key).error();
  }
  const auto wanted = request.options.revision;
  auto entry = wanted ? bucket.GetRevision(*key, *wanted) : bucket.Get(*key);
  if (!entry) {
    return std::move(entry).error();
  }
  if (!wanted && entry->is_marker()) {
    return Error(
        ErrorCode::kKeyNotFound,
        "the key has no value: its newest entry is a " + std::string(NameOf(entry->operation)),
        entry->revision);
  }
  return std::vector{
      wire::EntryReply(wire::kStatusOk, std::move(*entry), request.options.meta_only)};
}

ReadRequests::Replies ReadRequests::Entries(const store::Bucket& bucket,
                                            const Request& request,
                                            bool newest_only) const {
  const wire::ReadOptions& options = request.options;
  const std::string id = std::to_string(bucket.id());
  const auto scope = ScopeOf(request.topic, options, newest_only ? "entries" : "history", id);
  const auto filter = FilterOf(options);
  store::PageRequest wanted{.prefix = request.topic.rest,
                            .filter = filter ? &*filter : nullptr,
                            .from = options.from_revision.value_or(0),
                            .newest_only = newest_only,
                            .ignore_markers = options.ignore_deletes,
                            .limit = options.limit.value_or(wire::kDefaultLimit),
                            .max_bytes = request.as_json  ? kJsonPageBytes
                                         : options.packed ? kPackedPageBytes
                                                          : kPageBytes};
  if (options.cursor) {
    const auto position = wire::DecodeCursor(scope, *options.cursor);
    const auto from = position ? ParseUnsigned(*position) : std::nullopt;
    if (!from) {
      return BadCursor();
    }
    wanted.from = *from;
  }
  auto page = bucket.ReadPage(wanted);
  if (!page) {
    return std::move(page).error();
  }
  wire::Reply end = wire::OkReply();
  end.status = wire::kStatusEnd;
  wire::AddNumber(end, wire::kCount, page->entries.size());
  if (page->next != 0) {
    wire::AddText(end, wire::kCursor, wire::EncodeCursor(scope, std::to_string(page->next)));
  }
  // Of the whole request, on each of its pages.
  if (options.from_revision && bucket.IsCompacted(wanted.prefix, *options.from_revision)) {
    wire::AddFlag(end, wire::kCompacted);
  }
  return RepliesOf(std::move(page->entries), std::move(end), options);
}

ReadRequests::Replies ReadRequests::Keys(const store::Bucket& bucket,
                                         const Request& request) const {
  const wire::ReadOptions& options = request.options;
  const std::string id = std::to_string(bucket.id());
  const auto scope = ScopeOf(request.topic, options, "keys", id);
  const auto filter = FilterOf(options);
  store::KeysRequest wanted{.prefix = request.topic.rest,
                            .filter = filter ? &*filter : nullptr,
                            .include_deleted = options.include_deleted,
                            .limit = options.limit.value_or(0),
                            .max_bytes = MaxDocumentBytes(request.as_json)};
  std::optional<std::string> after;
  if (options.cursor) {
    after = wire::DecodeCursor(scope, *options.cursor);
    if (!after) {
      return BadCursor();
    }
    wanted.after = *after;
  }
  const store::KeysPage page = bucket.ReadKeys(wanted);
  wire::Reply reply = wire::DocumentReply("keys", wire::KeysJson(page.keys));
  wire::AddNumber(reply, wire::kCount, page.keys.size());
  if (page.more) {
    wire::AddText(reply, wire::kCursor, wire::EncodeCursor(scope, page.position));
  }
  return std::vector{std::move(reply)};
}

ReadRequests::Replies ReadRequests::Buckets(const Request& request) const {
  const wire::ReadOptions& options = request.options;
  const auto scope = ScopeOf(request.topic, options, "buckets", {});
  std::string after;
  if (options.cursor) {
    const auto position = wire::DecodeCursor(scope, *options.cursor);
    if (!position) {
      return BadCursor();
    }
    after = *position;
  }
  std::vector<std::string> infos;
  std::size_t bytes = 2;
  const auto& buckets = store_.buckets();
  auto at = buckets.upper_bound(after);
  for (; at != buckets.end(); ++at) {
    std::string info = InfoOf(*at->second);
    const bool full = bytes + info.size() + 1 > MaxDocumentBytes(request.as_json) && !infos.empty();
    if (full || (options.limit && infos.size() >= *options.limit)) {
      break;
    }
    bytes += info.size() + 1;
    after = at->first;
    infos.push_back(std::move(info));
  }
  wire::Reply reply = wire::DocumentReply("buckets", wire::ArrayJson(infos));
  wire::AddNumber(reply, wire::kCount, infos.size());
  if (at != buckets.end()) {
    wire::AddText(reply, wire::kCursor, wire::EncodeCursor(scope, after));
  }
  return std::vector{std::move(reply)};
}

}  // namespace kv::plugin
