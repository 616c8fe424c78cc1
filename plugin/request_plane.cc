#include "plugin/request_plane.h"

namespace kv::plugin {

void RequestPlane::OnMessage(const Client& client, const wire::Incoming& incoming, TimePoint now) {
  auto address = RequestAddress(client, incoming);
  if (client.is_v5 && incoming.response_topic && !address) {
    // Who wants an answer and cannot get it must not find out later that it was done.
    ++counters_.rejected;
    port_.Log(LogLevel::kDebug,
              "refused request " + std::string(incoming.topic) + " by " + std::string(client.id) +
                  ": its Response Topic holds a wildcard or is empty");
    return;
  }
  auto answered = Dispatch(client, incoming, address, now);
  if (!answered) {
    ++counters_.rejected;
    port_.Log(LogLevel::kDebug,
              "refused request " + std::string(incoming.topic) + " by " + std::string(client.id) +
                  ": " + std::string(answered.error().token()) + ": " + answered.error().message);
    answered = Answer{{wire::ErrorReply(answered.error())}};
  }
  if (!address || answered->replies.empty()) {
    return;
  }
  if (answered->sequence == 0) {
    replier_.Send(*address, answered->replies);
  } else {
    replier_.SendWhenDurable(
        answered->sequence, std::move(*address), std::move(answered->replies.front()));
  }
}

Answered RequestPlane::Dispatch(const Client& client,
                                const wire::Incoming& incoming,
                                const std::optional<ReplyAddress>& address,
                                TimePoint now) {
  auto topic = wire::ParseRequest(incoming.topic);
  if (!topic) {
    return std::move(topic).error();
  }
  const Call call{client, incoming, *topic, address, now};
  switch (topic->verb) {
    case wire::Verb::kGet:
    case wire::Verb::kHistory:
    case wire::Verb::kEntries:
    case wire::Verb::kKeys:
    case wire::Verb::kInfo:
    case wire::Verb::kBuckets: {
      if (!address) {
        return Answer{};  // nobody would hear it
      }
      auto answered = reads_.Handle(call);
      counters_.reads += answered ? 1U : 0U;
      return answered;
    }
    default: break;
  }
  if (auto room = replier_.CheckRoom(); address && !room) {
    return std::move(room).error();
  }
  switch (topic->verb) {
    case wire::Verb::kPurge:
      return topic->rest.empty() ? admin_.Handle(call) : writes_.Handle(call);
    case wire::Verb::kPut:
    case wire::Verb::kCreate:
    case wire::Verb::kUpdate:
    case wire::Verb::kDelete:
    case wire::Verb::kIncrement:
    case wire::Verb::kTxn: return writes_.Handle(call);
    case wire::Verb::kAdminCreate:
    case wire::Verb::kAdminUpdate:
    case wire::Verb::kAdminDelete:
    case wire::Verb::kAdminPurgeDeletes:
    case wire::Verb::kCheckpoint: return admin_.Handle(call);
    case wire::Verb::kGet:
    case wire::Verb::kHistory:
    case wire::Verb::kEntries:
    case wire::Verb::kKeys:
    case wire::Verb::kInfo:
    case wire::Verb::kBuckets: break;  // answered above
  }
  return Error(ErrorCode::kNotSupported);
}

}  // namespace kv::plugin
