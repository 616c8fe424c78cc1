#include "plugin/data_plane.h"

#include "wire/reply.h"

namespace kv::plugin {

Decision DataPlane::OnMessage(const Client& client, const wire::Incoming& incoming, TimePoint now) {
  auto outcome = Write(incoming, now);
  return outcome ? Accept(client, incoming, *outcome)
                 : Refuse(client, incoming, outcome.error());
}

Result<DataPlane::Outcome> DataPlane::Write(const wire::Incoming& incoming, TimePoint now) {
  auto topic = topics_.ParseData(incoming.topic);
  if (!topic) {
    return std::move(topic).error();
  }
  if (incoming.response_topic && !wire::IsPublishable(*incoming.response_topic)) {
    return Error(ErrorCode::kBadRequest, "the Response Topic holds a wildcard or is empty");
  }
  auto options = wire::ParseWriteOptions(incoming.options, incoming.payload.empty());
  if (!options) {
    return std::move(options).error();
  }
  if (options->ephemeral) {
    return Error(ErrorCode::kNotSupported, "kv-ephemeral is not supported by this version");
  }
  const store::Write write{.operation = options->operation(),
                           .create = options->verb == wire::WriteVerb::kCreate,
                           .expected = options->expected,
                           .value = incoming.payload,
                           .properties = &incoming.own,
                           .ttl = options->ttl,
                           .message_id = options->message_id,
                           .qos = incoming.qos};
  Outcome outcome{nullptr, topic->key.text(), write.operation, {}};
  const store::KeyedWrite item{topic->key, write};
  auto bucket = store_.FindForWrite(topic->bucket, {&item, 1}, now);
  if (!bucket) {
    return std::move(bucket).error();
  }
  outcome.bucket = *bucket;
  if (outcome.bucket != nullptr) {
    auto written = outcome.bucket->Apply(topic->key, write, now);
    if (!written) {
      return std::move(written).error();
    }
    outcome.written = std::move(*written);
  }
  return outcome;
}

Decision DataPlane::Refuse(const Client& client,
                           const wire::Incoming& incoming,
                           const Error& error) {
  ++counters_.rejected;
  port_.Log(LogLevel::kDebug,
            "refused a write to " + std::string(incoming.topic) + " by " + std::string(client.id) +
                ": " + std::string(error.token()) + ": " + error.message);
  const auto address = WriteAddress(client, incoming);
  if (!address) {
    // A denial shows only in a v5 acknowledgement. Elsewhere the message is swallowed: under
    // `max_queued_messages 0` many brokers of the 2.0 series end the connection after a denial.
    const bool shows = client.is_v5 && incoming.qos > 0;
    return {shows ? Verdict::kDenied : Verdict::kSwallowed};
  }
  replier_.Send(*address, {wire::ErrorReply(error)});
  return {Verdict::kSwallowed};
}

Decision DataPlane::Accept(const Client& client,
                           const wire::Incoming& incoming,
                           const Outcome& outcome) {
  const store::Written& written = outcome.written;
  ++counters_.writes;
  Decision decision{Verdict::kSwallowed};
  if (written.is_new()) {
    // A QoS 2 message is delivered at its PUBREL, whenever the client sends that: in place it
    // could land on top of a newer one.
    const bool in_place = incoming.qos < 2 && !incoming.carries_protocol() &&
                          !publisher_.has_unflushed() && !written.not_flushed;
    if (in_place) {
      decision.verdict = Verdict::kMarked;
      decision.retain = outcome.bucket->config().retained;
      decision.marks = wire::ChangeProperties(
          outcome.operation, written.revision, written.time, Reason::kNone);
    } else {
      const bool put = outcome.operation == Operation::kPut;
      publisher_.Publish({.bucket = *outcome.bucket,
                          .key = outcome.key,
                          .operation = outcome.operation,
                          .revision = written.revision,
                          .time = written.time,
                          .qos = incoming.qos,
                          .value = put ? incoming.payload : std::string_view(),
                          .own = &incoming.own});
    }
  }
  if (written.not_flushed) {
    return Refuse(client, incoming, *written.not_flushed);
  }
  if (auto address = WriteAddress(client, incoming)) {
    replier_.SendWhenDurable(written.sequence,
                             std::move(*address),
                             wire::WriteReply(written.revision, written.time, written.duplicate));
  }
  return decision;
}

}  // namespace kv::plugin
