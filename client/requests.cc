#include "client/requests.h"

#include <algorithm>

#include "kv/names.h"
#include "kv/units.h"
#include "wire/bucket_json.h"
#include "wire/names.h"
#include "wire/read_options.h"
#include "wire/txn.h"

namespace kv::client {
namespace {

// `$KV/<bucket>/<verb>`.
Result<Request> OfBucket(const Target& target, std::string_view verb) {
  if (auto bucket = BucketName::Parse(target.bucket); !bucket) {
    return std::move(bucket).error();
  }
  Request request;
  request.topic.append(wire::kRequestPrefix).append(target.bucket).append("/").append(verb);
  request.timeout = target.timeout;
  return request;
}

// `$KV/<bucket>/<verb>/<key>`.
Result<Request> OfKey(const Target& target, std::string_view verb, std::string_view key) {
  if (auto parsed = Key::Parse(key); !parsed) {
    return std::move(parsed).error();
  }
  auto request = OfBucket(target, verb);
  if (request) {
    request->topic.append("/").append(key);
  }
  return request;
}

void AddSettings(Request& request, const WriteSettings& settings) {
  request.repeat = Repeat::kSameWrite;
  if (settings.expected_revision) {
    request.Add(wire::kExpectedRevision, std::to_string(*settings.expected_revision));
  }
  if (!settings.message_id.empty()) {
    request.Add(wire::kMessageId, settings.message_id);
  }
}

// The contract's durations are whole milliseconds.
Status CheckDuration(std::string_view name, std::optional<Nanoseconds> length) {
  if (length && (*length < kMillisecond || *length % kMillisecond != 0)) {
    return Error(ErrorCode::kBadRequest,
                 std::string(name) + ": accepted are whole milliseconds, at least 1");
  }
  return Ok{};
}

wire::WriteVerb VerbOf(Txn::Verb verb) {
  switch (verb) {
    case Txn::Verb::kPut: return wire::WriteVerb::kPut;
    case Txn::Verb::kCreate: return wire::WriteVerb::kCreate;
    case Txn::Verb::kUpdate: return wire::WriteVerb::kUpdate;
    case Txn::Verb::kDelete: return wire::WriteVerb::kDelete;
    case Txn::Verb::kPurge: return wire::WriteVerb::kPurge;
  }
  return wire::WriteVerb::kPut;
}

Result<std::vector<wire::TxnOperation>> OperationsOf(const std::vector<Txn::Operation>& from) {
  std::vector<wire::TxnOperation> operations;
  for (const auto& [verb, key, value, settings] : from) {
    if (auto checked = CheckDuration("ttl", settings.ttl); !checked) {
      return std::move(checked).error();
    }
    if (!settings.properties.empty() || !settings.message_id.empty()) {
      return Error(ErrorCode::kBadRequest,
                   "an operation of a transaction has neither properties nor a message id");
    }
    operations.push_back({.key = key,
                          .verb = VerbOf(verb),
                          .value = value,
                          .ttl = settings.ttl,
                          .expected = settings.expected_revision,
                          .ephemeral = settings.ephemeral});
  }
  return operations;
}

bool HasEphemeral(const std::vector<wire::TxnOperation>& operations) {
  return std::any_of(operations.begin(), operations.end(), [](const wire::TxnOperation& operation) {
    return operation.ephemeral;
  });
}

void AddFlag(Request& request, std::string_view name, bool flag) {
  if (flag) {
    request.Add(name, "true");
  }
}

}  // namespace

Result<Request> GetRequest(const Target& target, std::string_view key) {
  return OfKey(target, "get", key);
}

Result<Request> GetRevisionRequest(const Target& target, std::string_view key, Revision revision) {
  auto request = OfKey(target, "get", key);
  if (request) {
    request->Add(wire::kRevision, std::to_string(revision));
  }
  return request;
}

std::string UpdateVerb(Revision expected) {
  return "update/" + std::to_string(expected);
}

Result<Request> PutRequest(const Target& target,
                           std::string_view verb,
                           std::string_view key,
                           std::string_view value,
                           const PutSettings& settings) {
  if (auto checked = CheckDuration("ttl", settings.ttl); !checked) {
    return std::move(checked).error();
  }
  auto request = OfKey(target, verb, key);
  if (!request) {
    return request;
  }
  request->payload = value;
  request->properties = settings.properties;
  AddSettings(*request, settings);
  if (settings.ttl) {
    request->Add(wire::kTtl, FormatDuration(*settings.ttl));
  }
  if (settings.ephemeral) {
    request->Add(wire::kEphemeral, "true");
    request->repeat = settings.message_id.empty() ? Repeat::kFreshWrite : Repeat::kNever;
  }
  return request;
}

Result<Request> MarkRequest(const Target& target,
                            std::string_view verb,
                            std::string_view key,
                            const WriteSettings& settings) {
  auto request = OfKey(target, verb, key);
  if (request) {
    AddSettings(*request, settings);
  }
  return request;
}

Result<Request> IncrementRequest(const Target& target,
                                 std::string_view key,
                                 std::int64_t delta,
                                 const WriteSettings& settings) {
  auto request = OfKey(target, "increment", key);
  if (request) {
    request->payload = std::to_string(delta);
    AddSettings(*request, settings);
  }
  return request;
}

Result<Request> TxnRequest(const Target& target, const Txn& txn) {
  wire::Txn plain;
  for (const auto& [key, revision] : txn.conditions()) {
    plain.conditions.push_back({key, revision});
  }
  auto then = OperationsOf(txn.then());
  auto otherwise = OperationsOf(txn.otherwise());
  if (!then || !otherwise) {
    return then ? std::move(otherwise).error() : std::move(then).error();
  }
  plain.then = std::move(*then);
  plain.otherwise = std::move(*otherwise);
  return TxnJsonRequest(target, wire::TxnRequestJson(plain));
}

Result<Request> TxnJsonRequest(const Target& target, std::string_view json) {
  auto parsed = wire::ParseTxn(json);
  if (!parsed) {
    return std::move(parsed).error();
  }
  auto request = OfBucket(target, "txn");
  if (request) {
    request->payload = json;
    // Of one with ephemeral keys a part lasts, and the other part ends with the connection.
    const bool is_ephemeral = HasEphemeral(parsed->then) || HasEphemeral(parsed->otherwise);
    request->repeat = is_ephemeral ? Repeat::kNever : Repeat::kSameWrite;
  }
  return request;
}

Result<Request> ReadRequest(const Target& target,
                            std::string_view verb,
                            const Selection& selection,
                            const PageRequest& page) {
  if (page.limit < 1 || page.limit > wire::kMaxLimit) {
    return Error(ErrorCode::kBadRequest,
                 "limit: accepted is 1 to " + std::to_string(wire::kMaxLimit));
  }
  auto request =
      selection.prefix.empty() ? OfBucket(target, verb) : OfKey(target, verb, selection.prefix);
  if (!request) {
    return request;
  }
  if (!selection.filter.empty()) {
    if (auto filter = KeyFilter::Parse(selection.filter); !filter) {
      return std::move(filter).error();
    }
    request->Add(wire::kFilter, selection.filter);
  }
  if (selection.from_revision != 0) {
    request->Add(wire::kFromRevision, std::to_string(selection.from_revision));
  }
  AddFlag(*request, wire::kMetaOnly, selection.meta_only);
  AddFlag(*request, wire::kIgnoreDeletes, selection.ignore_deletes);
  AddFlag(*request, wire::kIncludeDeleted, selection.include_deleted);
  request->Add(wire::kLimit, std::to_string(page.limit));
  if (!page.cursor.empty()) {
    request->Add(wire::kCursor, page.cursor);
  }
  request->has_many_replies = verb != "keys";
  // One message instead: the broker's queue takes it whole or not at all. A plugin that does not
  // know it sends many.
  AddFlag(*request, wire::kPacked, request->has_many_replies);
  return request;
}

Result<Request> InfoRequest(const Target& target) {
  return OfBucket(target, "info");
}

Result<Request> PurgeAllRequest(const Target& target) {
  auto request = OfBucket(target, "purge");
  if (request) {
    request->repeat = Repeat::kSameWrite;
  }
  return request;
}

Result<Request> PurgeDeletesRequest(const Target& target, Nanoseconds older_than) {
  if (auto checked = CheckDuration("older_than", older_than == 0 ? kMillisecond : older_than);
      !checked) {
    return std::move(checked).error();
  }
  auto request = OfBucket(target, "admin/purge-deletes");
  if (request) {
    request->Add(wire::kOlderThan, older_than == 0 ? "0" : FormatDuration(older_than));
  }
  return request;
}

Result<Request> ConfigureRequest(const Target& target,
                                 std::string_view verb,
                                 const BucketConfig& config) {
  auto request = OfBucket(target, "admin/" + std::string(verb));
  for (const auto& [name, length] :
       {std::pair("ttl", config.ttl), {"marker_ttl", config.marker_ttl}}) {
    if (auto checked = CheckDuration(name, length); !checked) {
      return std::move(checked).error();
    }
  }
  if (request) {
    request->payload = wire::ConfigJson(config);
  }
  return request;
}

Result<Request> ConfigureRequest(const Target& target,
                                 std::string_view verb,
                                 const BucketFields& fields) {
  BucketConfig checked;
  for (const auto& [name, text] : fields) {
    if (auto set = SetField(checked, name, text); !set) {
      return std::move(set).error();
    }
  }
  auto request = OfBucket(target, "admin/" + std::string(verb));
  if (request) {
    request->payload = wire::FieldsJson(fields);
  }
  return request;
}

Result<Request> DeleteBucketRequest(const Target& target) {
  auto request = OfBucket(target, "admin/delete");
  if (request) {
    // The second time there would be no such bucket, or somebody's new one.
    request->repeat = Repeat::kNever;
  }
  return request;
}

Request BucketsRequest(std::chrono::milliseconds timeout, std::string_view cursor) {
  Request request{.topic = std::string(wire::kRequestPrefix) + "buckets", .timeout = timeout};
  if (!cursor.empty()) {
    request.Add(wire::kCursor, std::string(cursor));
  }
  return request;
}

Request CheckpointRequest(std::chrono::milliseconds timeout) {
  return {.topic = std::string(wire::kRequestPrefix) + "checkpoint",
          .repeat = Repeat::kNever,
          .timeout = timeout};
}

}  // namespace kv::client
