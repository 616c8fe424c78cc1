// The requests of the contract, made of typed arguments. Source: protocol.md, "Request plane".
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "client/request.h"
#include "kv/bucket_config.h"
#include "kv/result.h"
#include "mosquitto_kv/types.h"

namespace kv::client {

// Whom a request is for, and how long to wait.
struct Target {
  std::string bucket;
  std::chrono::milliseconds timeout = {};
};

// All of them: errors are invalid-bucket, invalid-key and bad-request, found before anything is
// sent.
Result<Request> GetRequest(const Target& target, std::string_view key);
Result<Request> GetRevisionRequest(const Target& target, std::string_view key, Revision revision);

// `verb`: put, create, or update/<revision>.
Result<Request> PutRequest(const Target& target,
                           std::string_view verb,
                           std::string_view key,
                           std::string_view value,
                           const PutSettings& settings);
std::string UpdateVerb(Revision expected);
// `verb`: delete or purge.
Result<Request> MarkRequest(const Target& target,
                            std::string_view verb,
                            std::string_view key,
                            const WriteSettings& settings);
Result<Request> IncrementRequest(const Target& target,
                                 std::string_view key,
                                 std::int64_t delta,
                                 const WriteSettings& settings);
Result<Request> TxnRequest(const Target& target, const Txn& txn);
Result<Request> TxnJsonRequest(const Target& target, std::string_view json);

// `verb`: keys, entries or history.
Result<Request> ReadRequest(const Target& target,
                            std::string_view verb,
                            const Selection& selection,
                            const PageRequest& page);
Result<Request> InfoRequest(const Target& target);
Result<Request> PurgeAllRequest(const Target& target);
Result<Request> PurgeDeletesRequest(const Target& target, Nanoseconds older_than);

// `verb`: create or update.
Result<Request> ConfigureRequest(const Target& target,
                                 std::string_view verb,
                                 const BucketConfig& config);
Result<Request> ConfigureRequest(const Target& target,
                                 std::string_view verb,
                                 const BucketFields& fields);
Result<Request> DeleteBucketRequest(const Target& target);
Request BucketsRequest(std::chrono::milliseconds timeout, std::string_view cursor);
Request CheckpointRequest(std::chrono::milliseconds timeout);

}  // namespace kv::client
