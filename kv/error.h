// The error vocabulary: one code table for the store, the wire, the plugin and the client.
// Source: protocol.md, "Error codes".
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace kv {

enum class ErrorCode : std::uint8_t {
  kBadRequest,
  kInvalidBucket,
  kInvalidKey,
  kBucketNotFound,
  kBucketExists,
  kKeyNotFound,
  kKeyExists,
  kWrongLastRevision,
  kValueTooLarge,
  kBucketFull,
  kTooManyBuckets,
  kNotSupported,
  kStorageError,
  kUnavailable,
  // What only a client meets: never on the wire.
  kTimeout,
  kDisconnected,
  kNotAuthorized,
  kCancelled,
  kBadReply,
};

struct ErrorInfo {
  ErrorCode code;
  std::string_view token;     // what stands in kv-status
  std::string_view sentence;  // what stands in kv-error when nothing more precise is known
};

// One row per code, in the order of the enumeration (checked below).
inline constexpr std::array<ErrorInfo, 14> kErrorTable{{
    {ErrorCode::kBadRequest, "bad-request", "the request is malformed"},
    {ErrorCode::kInvalidBucket, "invalid-bucket", "a bucket name is 1 to 64 of A-Z a-z 0-9 _ -"},
    {ErrorCode::kInvalidKey,
     "invalid-key",
     "a key is one or more non-empty UTF-8 levels joined by /, without + # or control characters, "
     "at most 1024 bytes and 190 levels"},
    {ErrorCode::kBucketNotFound, "bucket-not-found", "there is no such bucket"},
    {ErrorCode::kBucketExists, "bucket-exists", "the bucket exists with another configuration"},
    {ErrorCode::kKeyNotFound, "key-not-found", "the key has no such entry"},
    {ErrorCode::kKeyExists, "key-exists", "the key already has a value"},
    {ErrorCode::kWrongLastRevision,
     "wrong-last-revision",
     "the key's newest revision is not the expected one"},
    {ErrorCode::kValueTooLarge, "value-too-large", "the value exceeds the bucket's max_value_size"},
    {ErrorCode::kBucketFull, "bucket-full", "the bucket's max_bytes or max_keys is reached"},
    {ErrorCode::kTooManyBuckets, "too-many-buckets", "the limit max_buckets is reached"},
    {ErrorCode::kNotSupported, "not-supported", "this is not supported"},
    {ErrorCode::kStorageError, "storage-error", "the store cannot write at the moment"},
    {ErrorCode::kUnavailable, "unavailable", "the store is busy, try again"},
}};

// The codes that the contract does not know: how a client's request can end without a reply.
inline constexpr std::array<ErrorInfo, 5> kClientErrorTable{{
    {ErrorCode::kTimeout,
     "timeout",
     "no reply came in time: whether the request was carried out is not known"},
    {ErrorCode::kDisconnected, "disconnected", "there is no connection to the broker"},
    {ErrorCode::kNotAuthorized, "not-authorized", "the broker does not allow this to the user"},
    {ErrorCode::kCancelled, "cancelled", "the client was closed"},
    {ErrorCode::kBadReply, "bad-reply", "the reply is not one of this protocol"},
}};

constexpr const ErrorInfo& InfoOf(ErrorCode code) {
  const auto row = static_cast<std::size_t>(code);
  return row < kErrorTable.size() ? kErrorTable[row] : kClientErrorTable[row - kErrorTable.size()];
}

constexpr bool RowsAreInOrder() {
  for (std::size_t i = 0; i < kErrorTable.size() + kClientErrorTable.size(); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    if (InfoOf(code).code != code) {
      return false;
    }
  }
  return true;
}
static_assert(RowsAreInOrder());

// What went wrong and, for a person, what would be accepted.
struct Error {
  ErrorCode code;
  std::string message;
  // The key's actual newest revision, where the contract promises it (wrong-last-revision, a get
  // that met a marker).
  std::optional<std::uint64_t> revision;

  // Cold: what leads to one of these is kept out of the way of what goes well.
  [[gnu::cold]] explicit Error(ErrorCode error_code)
      : code(error_code), message(InfoOf(error_code).sentence) {}
  [[gnu::cold]] Error(ErrorCode error_code, std::string text)
      : code(error_code), message(std::move(text)) {}
  [[gnu::cold]] Error(ErrorCode error_code, std::string text, std::uint64_t actual_revision)
      : code(error_code), message(std::move(text)), revision(actual_revision) {}

  std::string_view token() const { return InfoOf(code).token; }
};

}  // namespace kv
