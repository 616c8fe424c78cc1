#include "plugin/replier.h"

#include <algorithm>

#include "wire/topics.h"

namespace kv::plugin {

std::optional<ReplyAddress> WriteAddress(const Client& client, const wire::Incoming& incoming) {
  if (!incoming.response_topic || !wire::IsPublishable(*incoming.response_topic)) {
    return std::nullopt;
  }
  return ReplyAddress{std::string(client.id),
                      *incoming.response_topic,
                      incoming.correlation_data.value_or(""),
                      std::min<std::uint8_t>(incoming.qos, 1),
                      false};
}

std::optional<ReplyAddress> RequestAddress(const Client& client, const wire::Incoming& incoming) {
  if (client.is_v5) {
    return WriteAddress(client, incoming);
  }
  std::string topic = wire::ReplyTopicOf(incoming.topic);
  // The reply's topic is longer than the request's. Of one that MQTT cannot spell 2.0 would send
  // a cut length with all of its bytes.
  constexpr std::size_t max_topic_bytes = 65535;
  if (topic.size() > max_topic_bytes) {
    return std::nullopt;
  }
  return ReplyAddress{
      std::string(client.id), std::move(topic), {}, std::min<std::uint8_t>(incoming.qos, 1), true};
}

void Replier::Send(const ReplyAddress& address, std::span<const wire::Reply> replies) {
  bool sent = true;
  if (address.as_json) {
    const std::string json = wire::JsonOf(replies);
    sent = port_.SendTo(address.client_id,
                        {.topic = address.topic, .payload = json, .qos = address.qos});
  } else {
    for (const auto& reply : replies) {
      sent = sent && SendOne(address, reply);
    }
  }
  if (!sent) {
    port_.Log(LogLevel::kError, "out of memory: a reply to " + address.client_id + " is lost");
  }
}

bool Replier::SendOne(const ReplyAddress& address, const wire::Reply& reply) {
  wire::SpellUserProperties(reply, user_);
  const bool sent = port_.SendTo(address.client_id,
                                 {.topic = address.topic,
                                  .payload = reply.payload,
                                  .qos = address.qos,
                                  .own = &reply.own,
                                  .user = &user_,
                                  .own_user = false,
                                  .correlation_data = address.correlation_data});
  if (!reply.own.user.empty()) {
    user_ = {};  // they may be many, and large
  }
  return sent;
}

void Replier::SendWhenDurable(store::Sequence sequence, ReplyAddress address, wire::Reply reply) {
  // None overtakes those that wait: the replies to a client's writes keep the writes' order.
  const bool now = store_.options().sync == store::Sync::kInterval ||
                   (waiting_.empty() && store_.IsDurable(sequence));
  if (now) {
    Send(address, reply);
    return;
  }
  store_.RequestDurable(sequence);
  waiting_.push_back({sequence, std::move(address), std::move(reply)});
  waiting_bytes_ += waiting_.back().bytes();
}

std::size_t Replier::Waiting::bytes() const {
  constexpr std::size_t without_texts = 500;
  return without_texts + address.client_id.size() + address.topic.size() +
         address.correlation_data.size() + reply.payload.size();
}

Status Replier::CheckRoom() const {
  if (waiting_bytes_ < kMaxWaitingBytes) {
    return Ok{};
  }
  return Error(ErrorCode::kUnavailable,
               std::to_string(waiting_.size()) + " replies wait for the disk, try again");
}

void Replier::Flush() {
  while (!waiting_.empty() && store_.IsDurable(waiting_.front().sequence)) {
    waiting_bytes_ -= waiting_.front().bytes();
    Send(waiting_.front().address, waiting_.front().reply);
    waiting_.pop_front();
  }
  if (waiting_.empty()) {
    return;
  }
  if (const auto writable = store_.CheckWritable(); !writable) {
    // What happened stays and will be flushed when the disk is well, but that is no `ok`.
    const Error error(ErrorCode::kStorageError,
                      "written, but not yet on disk: " + writable.error().message);
    for (auto& waiting : waiting_) {
      const bool durable = store_.IsDurable(waiting.sequence);  // it waited for its turn only
      Send(waiting.address, durable ? waiting.reply : wire::ErrorReply(error));
    }
    waiting_.clear();
    waiting_bytes_ = 0;
  }
}

}  // namespace kv::plugin
