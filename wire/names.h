// The protocol's words, each in one place. Source: protocol.md.
#pragma once

#include <string_view>

namespace kv::wire {

inline constexpr std::string_view kReservedPrefix = "kv-";  // of user property names

inline constexpr std::string_view kOp = "kv-op";
inline constexpr std::string_view kExpectedRevision = "kv-expected-revision";
inline constexpr std::string_view kTtl = "kv-ttl";
inline constexpr std::string_view kEphemeral = "kv-ephemeral";
inline constexpr std::string_view kMessageId = "kv-msg-id";

inline constexpr std::string_view kKey = "kv-key";
inline constexpr std::string_view kRevision = "kv-revision";
inline constexpr std::string_view kTime = "kv-time";
inline constexpr std::string_view kFilter = "kv-filter";
inline constexpr std::string_view kFromRevision = "kv-from-revision";
inline constexpr std::string_view kLimit = "kv-limit";
inline constexpr std::string_view kMetaOnly = "kv-meta-only";
inline constexpr std::string_view kIgnoreDeletes = "kv-ignore-deletes";
inline constexpr std::string_view kIncludeDeleted = "kv-include-deleted";
inline constexpr std::string_view kPacked = "kv-packed";
inline constexpr std::string_view kOlderThan = "kv-older-than";
inline constexpr std::string_view kReason = "kv-reason";
inline constexpr std::string_view kOrigin = "kv-origin";
inline constexpr std::string_view kClient = "kv-client";
inline constexpr std::string_view kUsername = "kv-username";
inline constexpr std::string_view kStatus = "kv-status";
inline constexpr std::string_view kError = "kv-error";
inline constexpr std::string_view kDuplicate = "kv-duplicate";
inline constexpr std::string_view kCount = "kv-count";
inline constexpr std::string_view kCursor = "kv-cursor";
inline constexpr std::string_view kCompacted = "kv-compacted";

inline constexpr std::string_view kStatusOk = "ok";
inline constexpr std::string_view kStatusEntry = "entry";
inline constexpr std::string_view kStatusEnd = "end";

inline constexpr std::string_view kPackedEntriesType = "application/vnd.mosquitto-kv.entries";

inline constexpr std::string_view kRequestPrefix = "$KV/";
inline constexpr std::string_view kReplyPrefix = "$KV/reply/";

}  // namespace kv::wire
