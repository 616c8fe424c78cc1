#include "plugin/data_plane.h"

#include "wire/reply.h"

namespace kv::plugin {

Decision DataPlane::OnMessage(const Client& client, const wire::Incoming& incoming, TimePoint now) {
  auto decision = Write(client, incoming, now);
  return decision ? std::move(*decision) : Refuse(client, incoming, decision.error());
}

Result<Decision> DataPlane::Write(const Client& client,
                                  const wire::Incoming& incoming,
                                  TimePoint now) {
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
  store::KeyedWrite item{topic->key, WriteOf(*options, incoming)};
  auto outcome = writer_.Write(
      client, topic->bucket, {&item, 1}, {.message_id = options->message_id, .result = {}}, now);
  if (!outcome) {
    return std::move(outcome).error();
  }
  return Accept(client, incoming, item, *outcome);
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
                           const store::KeyedWrite& item,
                           const Outcome& outcome) {
  const store::Written& written = outcome.written;
  Decision decision{Verdict::kSwallowed};
  if (written.is_new()) {
    // A QoS 2 message is delivered at its PUBREL, whenever the client sends that: in place it
    // could land on top of a newer one.
    const bool in_place = incoming.qos < 2 && !incoming.carries_protocol() &&
                          !publisher_.has_unflushed() && !written.not_flushed;
    if (in_place) {
      decision.verdict = Verdict::kMarked;
      decision.retain = outcome.bucket->config().retained;
      decision.marks = wire::ChangeProperties(item.write.operation,
                                              written.revision,
                                              written.time,
                                              Reason::kNone,
                                              outcome.author ? &*outcome.author : nullptr);
    } else {
      writer_.Publish(outcome, {&item, 1});
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
