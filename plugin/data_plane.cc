#include "plugin/data_plane.h"

#include <algorithm>

#include "wire/mirrored.h"
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
  if (auto room = replier_.CheckRoom(); incoming.response_topic && !room) {
    return std::move(room).error();
  }
  auto options = wire::ParseWriteOptions(incoming.options, incoming.payload.empty());
  if (!options) {
    return std::move(options).error();
  }
  const auto origin = incoming.options.empty() ? std::string() : OriginOf(*topic, incoming);
  if (!origin) {
    ++counters_.writes;
    return Decision{Verdict::kSwallowed};
  }
  store::KeyedWrite item{topic->key, WriteOf(*options, incoming)};
  if (client.is_bridge && !client.is_v5) {
    // Nothing tells what such a bridge brings back. But the broker at its other end returns no more
    // than it publishes anew, which of QoS 2 is everything.
    item.write.qos = std::min<std::uint8_t>(item.write.qos, 1);
  }
  auto outcome = writer_.Write(
      client, topic->bucket, {&item, 1}, {.message_id = options->message_id, .result = {}}, now);
  if (!outcome) {
    return std::move(outcome).error();
  }
  return Accept(client, incoming, item, *origin, *outcome);
}

std::optional<std::string> DataPlane::OriginOf(const wire::DataTopic& topic,
                                               const wire::Incoming& incoming) {
  const auto mirrored = wire::ParseMirrored(incoming);
  if (!mirrored) {
    return std::string();
  }
  const Mirrors& mirrors = publisher_.mirrors();
  switch (mirrors.Judge(*mirrored, store_.Find(topic.bucket), topic.key.text(), incoming)) {
    case Mirrors::Verdict::kKnown: return std::nullopt;
    case Mirrors::Verdict::kNews: return wire::OriginOf(*mirrored, mirrors.broker());
    case Mirrors::Verdict::kOrdinary: break;
  }
  return std::string();
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
  replier_.Send(*address, wire::ErrorReply(error));
  return {Verdict::kSwallowed};
}

Decision DataPlane::Accept(const Client& client,
                           const wire::Incoming& incoming,
                           const store::KeyedWrite& item,
                           const std::string& origin,
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
      decision.marks = publisher_.Mark({.bucket = outcome.bucket->name(),
                                        .key = item.key.text(),
                                        .operation = item.write.operation,
                                        .revision = written.revision,
                                        .time = written.time,
                                        .author = outcome.author ? &*outcome.author : nullptr});
    } else {
      writer_.Publish(outcome, {&item, 1}, origin);
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
