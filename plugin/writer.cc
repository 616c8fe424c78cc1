#include "plugin/writer.h"

namespace kv::plugin {

store::Write WriteOf(const wire::WriteOptions& options, const wire::Incoming& incoming) {
  return {.operation = options.operation(),
          .create = options.verb == wire::WriteVerb::kCreate,
          .expected = options.expected,
          .value = incoming.payload,
          .properties = &incoming.own,
          .ttl = options.ttl,
          .ephemeral = options.ephemeral && options.operation() == Operation::kPut,
          .qos = incoming.qos};
}

Result<Outcome> Writer::Write(const Client& client,
                              BucketName name,
                              std::span<store::KeyedWrite> writes,
                              const store::Identity& identity,
                              TimePoint now) {
  Result<Outcome> outcome(std::in_place);
  auto bucket = store_.FindForWrite(name, writes, now);
  if (!bucket) {
    outcome = std::move(bucket).error();
    return outcome;
  }
  outcome->bucket = *bucket;
  if (auto applied = Apply(*outcome, client, writes, identity, now); !applied) {
    outcome = std::move(applied).error();
  }
  return outcome;
}

Status Writer::Apply(Outcome& outcome,
                     const Client& client,
                     std::span<store::KeyedWrite> writes,
                     const store::Identity& identity,
                     TimePoint now) {
  if (outcome.bucket == nullptr) {
    outcome.revisions.resize(writes.size());
    ++counters_.writes;
    return Ok{};
  }
  if (outcome.bucket->config().audit) {
    outcome.author = Author{std::string(client.id), std::string(client.username)};
    for (auto& item : writes) {
      item.write.author = &*outcome.author;
    }
  }
  auto written = outcome.bucket->ApplyAll(writes, identity, now, outcome.revisions);
  if (!written) {
    return std::move(written).error();
  }
  outcome.written = std::move(*written);
  ++counters_.writes;
  NoteEphemerals(outcome, client, writes, identity.message_id);
  ClearWhatWasDropped(outcome, writes);
  if (outcome.author) {  // the views of the writes end with the call; this one is in the outcome
    for (auto& item : writes) {
      item.write.author = nullptr;
    }
  }
  return Ok{};
}

void Writer::NoteEphemerals(const Outcome& outcome,
                            const Client& client,
                            std::span<const store::KeyedWrite> writes,
                            std::string_view message_id) {
  for (std::size_t i = 0; i < outcome.revisions.size(); ++i) {
    if (writes[i].write.ephemeral && outcome.revisions[i] != 0) {
      ephemerals_.Wrote(
          client.connection,
          *outcome.bucket,
          {std::string(writes[i].key.text()), outcome.revisions[i], std::string(message_id)});
    }
  }
}

// Nothing that a bucket without retained messages publishes takes the place of what a dropped one
// of its name had retained, and later the key is passed over: a new bucket has it.
void Writer::ClearWhatWasDropped(const Outcome& outcome,
                                 std::span<const store::KeyedWrite> writes) {
  const store::Bucket& bucket = *outcome.bucket;
  if (bucket.config().retained) {
    return;
  }
  for (std::size_t i = 0; i < outcome.revisions.size(); ++i) {
    const Key key = writes[i].key;
    if (outcome.revisions[i] != 0 &&
        store_.IsToBeTakenBack(*BucketName::Parse(bucket.name()), key)) {
      publisher_.Clear(bucket.name(), key.text());
    }
  }
}

void Writer::Publish(const Outcome& outcome,
                     std::span<const store::KeyedWrite> writes,
                     std::string_view origin) {
  for (std::size_t i = 0; i < outcome.revisions.size(); ++i) {
    if (outcome.revisions[i] == 0) {
      continue;
    }
    const store::Write& write = writes[i].write;
    const bool put = write.operation == Operation::kPut;
    publisher_.Publish({.bucket = outcome.bucket->name(),
                        .retained = outcome.bucket->config().retained,
                        .key = writes[i].key.text(),
                        .operation = write.operation,
                        .revision = outcome.revisions[i],
                        .time = outcome.written.time,
                        .qos = write.qos,
                        .value = put ? write.value : std::string_view(),
                        .own = write.properties,
                        .author = outcome.author ? &*outcome.author : nullptr,
                        .origin = origin});
  }
}

}  // namespace kv::plugin
