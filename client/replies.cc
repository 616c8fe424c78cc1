#include "client/replies.h"

#include <charconv>

#include "wire/bucket_json.h"
#include "wire/names.h"
#include "wire/packed_entries.h"
#include "wire/received.h"
#include "wire/time_text.h"
#include "wire/txn.h"

namespace kv::client {
namespace {

bool HasFlag(const Reply& reply, std::string_view name) {
  return wire::FindProperty(reply.last.properties.user, name) == "true";
}

}  // namespace

Result<Entry> ToEntry(const Reply& reply) {
  return wire::ReadEntry(reply.last.properties, reply.last.payload);
}

Result<Written> ToWritten(const Reply& reply) {
  const auto& properties = reply.last.properties.user;
  const auto time = wire::FindProperty(properties, wire::kTime);
  return Written{.revision = wire::FindNumber(properties, wire::kRevision).value_or(0),
                 .time = time ? wire::ParseTime(*time).value_or(0) : 0,
                 .duplicate = HasFlag(reply, wire::kDuplicate)};
}

Result<Counted> ToCounted(const Reply& reply) {
  Counted counted;
  const std::string& text = reply.last.payload;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), counted.value);
  if (error != std::errc() || stop != text.data() + text.size()) {
    return Error(ErrorCode::kBadReply, "the reply of an increment is no number");
  }
  counted.written = *ToWritten(reply);
  return counted;
}

Result<TxnOutcome> ToTxnOutcome(const Reply& reply) {
  auto read = wire::ReadTxnReply(reply.last.payload);
  if (!read) {
    return std::move(read).error();
  }
  TxnOutcome outcome{.succeeded = read->succeeded, .duplicate = HasFlag(reply, wire::kDuplicate)};
  for (auto& [key, revision] : read->results) {
    outcome.writes.push_back({std::move(key), revision});
  }
  return outcome;
}

Result<std::optional<EntryPage>> ToEntryPage(const Reply& reply) {
  const auto count = wire::FindNumber(reply.last.properties.user, wire::kCount);
  EntryPage page{.cursor = CursorOf(reply), .compacted = HasFlag(reply, wire::kCompacted)};
  if (reply.last.properties.content_type == wire::kPackedEntriesType) {
    auto entries = wire::UnpackEntries(reply.last.payload);
    if (!entries) {
      return std::move(entries).error();
    }
    if (count != entries->size()) {
      return Error(ErrorCode::kBadReply, "a packed page has not as many entries as it says");
    }
    page.entries = std::move(*entries);
    return std::optional(std::move(page));
  }
  if (count != reply.entries.size()) {
    return std::optional<EntryPage>();
  }
  for (const Arrival& arrival : reply.entries) {
    auto entry = wire::ReadEntry(arrival.properties, arrival.payload);
    if (!entry) {
      return std::move(entry).error();
    }
    page.entries.push_back(std::move(*entry));
  }
  return std::optional(std::move(page));
}

Result<KeyPage> ToKeyPage(const Reply& reply) {
  auto keys = wire::ReadKeysJson(reply.last.payload);
  if (!keys) {
    return std::move(keys).error();
  }
  return KeyPage{.keys = std::move(*keys), .cursor = CursorOf(reply)};
}

Result<BucketInfo> ToInfo(const Reply& reply) {
  return wire::ReadInfoJson(reply.last.payload);
}

Result<std::uint64_t> ToCount(const Reply& reply) {
  const auto count = wire::FindNumber(reply.last.properties.user, wire::kCount);
  return count ? Result(*count) : Error(ErrorCode::kBadReply, "the reply has no kv-count");
}

std::string CursorOf(const Reply& reply) {
  return std::string(wire::FindProperty(reply.last.properties.user, wire::kCursor).value_or(""));
}

}  // namespace kv::client
