// What the tool's exit codes mean. mosquitto_kv.1 and docs/cli.md have the same table.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "kv/error.h"

namespace kv::cli {

enum class ExitCode : std::uint8_t {
  kOk = 0,
  kUsage = 1,
  kConnection = 2,
  kNotFound = 3,
  kConflict = 4,
  kRefused = 5,
};

struct ExitCodeRow {
  ExitCode code;
  std::string_view meaning;
};

inline constexpr std::array<ExitCodeRow, 6> kExitCodes{{
    {ExitCode::kOk, "done"},
    {ExitCode::kUsage,
     "what was asked for is none: an option, a name, a file, a malformed request"},
    {ExitCode::kConnection, "no connection, no reply in time, or the connection was lost"},
    {ExitCode::kNotFound, "no such bucket, key or revision"},
    {ExitCode::kConflict,
     "the key has a value or another revision, the bucket another configuration, or the conditions "
     "of a transaction did not hold"},
    {ExitCode::kRefused, "the broker refuses for another reason: a limit, a right, its disk"},
}};

constexpr ExitCode ExitCodeOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kBadRequest:
    case ErrorCode::kInvalidBucket:
    case ErrorCode::kInvalidKey: return ExitCode::kUsage;
    case ErrorCode::kTimeout:
    case ErrorCode::kDisconnected:
    case ErrorCode::kCancelled: return ExitCode::kConnection;
    case ErrorCode::kBucketNotFound:
    case ErrorCode::kKeyNotFound: return ExitCode::kNotFound;
    case ErrorCode::kBucketExists:
    case ErrorCode::kKeyExists:
    case ErrorCode::kWrongLastRevision: return ExitCode::kConflict;
    case ErrorCode::kValueTooLarge:
    case ErrorCode::kBucketFull:
    case ErrorCode::kTooManyBuckets:
    case ErrorCode::kNotSupported:
    case ErrorCode::kStorageError:
    case ErrorCode::kUnavailable:
    case ErrorCode::kNotAuthorized:
    case ErrorCode::kBadReply: return ExitCode::kRefused;
  }
  return ExitCode::kRefused;
}

}  // namespace kv::cli
