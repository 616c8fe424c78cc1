#include "plugin/write_requests.h"

#include <charconv>
#include <limits>

#include "wire/names.h"
#include "wire/reply.h"

namespace kv::plugin {
namespace {

std::optional<std::int64_t> ParseInteger(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number)
                                                                  : std::nullopt;
}

// The error of a flush that was to come before the reply; nothing if all is well.
Answered AnswerOf(const store::Written& written, wire::Reply reply) {
  if (written.not_flushed) {
    return *written.not_flushed;
  }
  std::vector<wire::Reply> replies;
  replies.push_back(std::move(reply));
  return Answer{std::move(replies), written.sequence};
}

BucketName NameOf(const wire::RequestTopic& topic) {
  return *BucketName::Parse(topic.bucket);  // ParseRequest has accepted it
}

constexpr std::string_view kIntegerForm = "a decimal integer of 64 bits";

}  // namespace

Answered WriteRequests::Handle(const Call& call) {
  switch (call.topic.verb) {
    case wire::Verb::kCreate: return WriteOne(call, wire::WriteVerb::kCreate);
    case wire::Verb::kUpdate: return WriteOne(call, wire::WriteVerb::kUpdate);
    case wire::Verb::kDelete: return WriteOne(call, wire::WriteVerb::kDelete);
    case wire::Verb::kPurge: return WriteOne(call, wire::WriteVerb::kPurge);
    case wire::Verb::kIncrement: return Increment(call);
    case wire::Verb::kTxn: return Transact(call);
    default: return WriteOne(call, wire::WriteVerb::kPut);
  }
}

Answered WriteRequests::WriteOne(const Call& call, wire::WriteVerb verb) {
  auto given = call.incoming.options;
  if (call.topic.revision) {
    given.push_back({std::string(wire::kExpectedRevision), std::to_string(*call.topic.revision)});
  }
  auto options = wire::ParseWriteOptions(given, call.incoming.payload.empty(), verb);
  if (!options) {
    return std::move(options).error();
  }
  store::KeyedWrite item{*Key::Parse(call.topic.rest), WriteOf(*options, call.incoming)};
  auto outcome = writer_.Write(call.client,
                               NameOf(call.topic),
                               {&item, 1},
                               {.message_id = options->message_id, .result = {}},
                               call.now);
  if (!outcome) {
    return std::move(outcome).error();
  }
  writer_.Publish(*outcome, {&item, 1});
  const store::Written& written = outcome->written;
  return AnswerOf(written, wire::WriteReply(written.revision, written.time, written.duplicate));
}

Result<std::int64_t> WriteRequests::NumberOf(const store::Bucket* bucket, Key key) const {
  const store::KeyState* state = bucket != nullptr ? bucket->index().Find(key.text()) : nullptr;
  if (state == nullptr || !state->has_value()) {
    return std::int64_t{0};
  }
  auto entry = bucket->ReadEntry(state->newest().revision);
  if (!entry) {
    return std::move(entry).error();
  }
  const auto number = ParseInteger(entry->value);
  if (!number) {
    return Error(ErrorCode::kBadRequest,
                 "the key's value is not " + std::string(kIntegerForm) + ": it has " +
                     std::to_string(entry->value.size()) + " bytes, of revision " +
                     std::to_string(entry->revision));
  }
  return *number;
}

Answered WriteRequests::Increment(const Call& call) {
  auto options = wire::ParseWriteOptions(call.incoming.options, false, wire::WriteVerb::kPut);
  if (!options) {
    return std::move(options).error();
  }
  const auto delta = call.incoming.payload.empty() ? std::optional<std::int64_t>(1)
                                                   : ParseInteger(call.incoming.payload);
  if (!delta) {
    return Error(ErrorCode::kBadRequest,
                 "the payload: accepted is " + std::string(kIntegerForm) + ", or nothing for 1");
  }
  const Key key = *Key::Parse(call.topic.rest);
  const store::Bucket* bucket = store_.Find(NameOf(call.topic));
  // Before the value is looked at: what it is now is no matter to a request that comes again.
  if (auto first = bucket != nullptr ? bucket->FindDuplicate(options->message_id) : std::nullopt) {
    wire::Reply reply = wire::WriteReply(first->revision, first->time, true);
    reply.payload = first->result;
    reply.has_value = true;
    return AnswerOf(*first, std::move(reply));
  }
  auto number = NumberOf(bucket, key);
  if (!number) {
    return std::move(number).error();
  }
  std::int64_t sum = 0;
  if (__builtin_add_overflow(*number, *delta, &sum)) {
    return Error(ErrorCode::kBadRequest,
                 "the sum would not be " + std::string(kIntegerForm) + ": the key's value is " +
                     std::to_string(*number));
  }
  std::string text = std::to_string(sum);
  store::KeyedWrite item{key, WriteOf(*options, call.incoming)};
  item.write.value = text;
  auto outcome = writer_.Write(call.client,
                               NameOf(call.topic),
                               {&item, 1},
                               {.message_id = options->message_id,
                                .result =
                                    [&text](const store::RevisionList&) {
                                      return text;
                                    }},
                               call.now);
  if (!outcome) {
    return std::move(outcome).error();
  }
  writer_.Publish(*outcome, {&item, 1});
  wire::Reply reply = wire::WriteReply(outcome->written.revision, outcome->written.time, false);
  reply.payload = text;
  reply.has_value = true;
  return AnswerOf(outcome->written, std::move(reply));
}

bool WriteRequests::Holds(const store::Bucket* bucket, const wire::TxnCondition& condition) const {
  const store::KeyState* state = bucket != nullptr ? bucket->index().Find(condition.key) : nullptr;
  return condition.revision == (state != nullptr ? state->newest().revision : 0);
}

Answered WriteRequests::Transact(const Call& call) {
  auto options = wire::ParseWriteOptions(call.incoming.options, false, wire::WriteVerb::kPut);
  if (!options) {
    return std::move(options).error();
  }
  if (options->expected) {
    return Error(ErrorCode::kBadRequest,
                 "kv-expected-revision: a transaction has its conditions in `if`");
  }
  auto txn = wire::ParseTxn(call.incoming.payload);
  if (!txn) {
    return std::move(txn).error();
  }
  const BucketName name = NameOf(call.topic);
  const store::Bucket* bucket = store_.Find(name);
  // Before the conditions: the first time they held, and what was done has changed them.
  const auto first = bucket != nullptr ? bucket->FindDuplicate(options->message_id) : std::nullopt;
  store::Written written;
  if (first) {
    written = *first;
  } else {
    bool succeeded = true;
    for (const auto& condition : txn->conditions) {
      succeeded = succeeded && Holds(bucket, condition);
    }
    auto outcome =
        Run(call, name, succeeded, succeeded ? txn->then : txn->otherwise, options->message_id);
    if (!outcome) {
      return std::move(outcome).error();
    }
    written = std::move(outcome->written);
  }
  if (written.result.empty()) {  // the id is that of another write
    return AnswerOf(written, wire::WriteReply(written.revision, written.time, written.duplicate));
  }
  wire::Reply reply = wire::DocumentReply(wire::kTopOfReply, written.result);
  if (written.duplicate) {
    wire::AddFlag(reply, wire::kDuplicate);
  }
  return AnswerOf(written, std::move(reply));
}

Result<Outcome> WriteRequests::Run(const Call& call,
                                   BucketName name,
                                   bool succeeded,
                                   const std::vector<wire::TxnOperation>& operations,
                                   const std::string& message_id) {
  std::vector<store::KeyedWrite> writes;
  writes.reserve(operations.size());
  for (const auto& operation : operations) {
    writes.push_back({*Key::Parse(operation.key),
                      {.operation = wire::OperationOf(operation.verb),
                       .create = operation.verb == wire::WriteVerb::kCreate,
                       .expected = operation.expected,
                       .value = operation.value,
                       .ttl = operation.ttl,
                       .ephemeral = operation.ephemeral,
                       .qos = call.incoming.qos}});
  }
  const auto result = [&](const store::RevisionList& revisions) {
    std::vector<wire::TxnResult> results;
    for (std::size_t i = 0; i < operations.size(); ++i) {
      results.push_back({operations[i].key, i < revisions.size() ? revisions[i] : 0});
    }
    return wire::TxnJson(succeeded, results);
  };
  auto outcome = writer_.Write(
      call.client, name, writes, {.message_id = message_id, .result = result}, call.now);
  if (!outcome) {
    return outcome;
  }
  if (outcome->bucket == nullptr) {
    outcome->written.result = result({});
  }
  writer_.Publish(*outcome, writes);
  return outcome;
}

}  // namespace kv::plugin
