#include "tests/load/worker.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>
#include <variant>

#include <nlohmann/json.hpp>

namespace kv::testing {
namespace {

using std::chrono::steady_clock;

constexpr std::uint8_t kFirstFailureReason = 0x80;
constexpr std::size_t kFormerKept = 50;
constexpr std::string_view kReplyTopic = "replies";

// What the broker may answer to what is asked here. A put with a message id may meet no older one.
bool IsExpected(const std::string& status) {
  static const std::set<std::string> kExpected = {"ok", "end", "key-not-found"};
  return kExpected.contains(status);
}

std::string StatusOf(const PublishPacket& reply, ProtocolVersion version) {
  if (version == ProtocolVersion::kMqtt5) {
    return reply.Property("kv-status").value_or("");
  }
  const auto json = nlohmann::json::parse(reply.payload, nullptr, false);
  return json.is_object() ? json.value("status", "") : "";
}

}  // namespace

Worker::Worker(int epoll, WorkerOptions options, Account& account, Tickets tickets)
    : options_(std::move(options)),
      account_(account),
      tickets_(std::move(tickets)),
      mix_(options_.version, options_.client_id, options_.counters, options_.keys, options_.seed),
      connection_(epoll, *this) {}

void Worker::Open() {
  opening_since_ = steady_clock::now();
  connection_.Open(options_.port, {.client_id = options_.client_id, .version = options_.version});
}

void Worker::Drop() {
  if (is_open()) {
    ++account_.drops;
  }
  connection_.Reset();
  for (const Pending& pending : pending_) {
    ++account_.abandoned;
    if (!pending.operation.counter.empty() && pending.awaits_reply) {
      ++account_.counters[pending.operation.counter].unknown;
    }
  }
  std::erase_if(pending_, [](const Pending& one) { return !one.awaits_reply; });
  std::move(pending_.begin(), pending_.end(), std::back_inserter(former_));
  pending_.clear();
  while (former_.size() > kFormerKept) {
    former_.erase(former_.begin());
  }
  own_revision_.reset();
  own_key_is_busy_ = false;
}

void Worker::OnOpen() {
  account_.connecting.Add(steady_clock::now() - opening_since_, 1);
  Refill();
}

void Worker::OnLost(const std::string& why) {
  Fail("lost its connection: " + why);
}

std::optional<Worker::TimePoint> Worker::WaitsSince() const {
  if (connection_.is_connecting()) {
    return opening_since_;
  }
  return pending_.empty() ? std::nullopt : std::optional(pending_.front().since);
}

std::string Worker::WaitsFor() const {
  if (pending_.empty()) {
    return "CONNACK";
  }
  const Pending& pending = pending_.front();
  return std::string(pending.operation.name) + " of QoS " +
         std::to_string(pending.operation.packet.qos) + (pending.awaits_ack ? ", its ack" : "") +
         (pending.awaits_reply ? ", its reply" : "") + (pending.awaits_ping ? ", a ping" : "");
}

void Worker::Refill() {
  while (connection_.is_open() && pending_.size() < options_.window) {
    const auto ticket = tickets_();
    if (!ticket) {
      return;
    }
    Begin(Choose(*ticket));
  }
}

// The first operations of a load put each key once.
Operation Worker::Choose(std::uint64_t ticket) {
  if (ticket < options_.keys) {
    return mix_.PutShared(ticket);
  }
  if (!own_key_is_busy_ && mix_.IsOwnKeysTurn()) {
    return own_revision_ ? mix_.UpdateOwn(*own_revision_) : mix_.GetOwn();
  }
  return mix_.Next();
}

void Worker::Begin(Operation operation) {
  Pending pending{.operation = {}, .since = steady_clock::now(), .correlation = {}};
  PublishPacket& packet = operation.packet;
  pending.awaits_ack = packet.qos > 0;
  pending.awaits_reply = operation.wants_reply;
  pending.awaits_ping = packet.qos == 0 && !operation.wants_reply;
  if (packet.qos > 0) {
    last_packet_id_ = static_cast<std::uint16_t>(last_packet_id_ % 65'535 + 1);
    packet.packet_id = last_packet_id_;
  }
  if (operation.wants_reply && options_.version == ProtocolVersion::kMqtt5) {
    pending.correlation = std::to_string(++last_correlation_);
    packet.properties.ResponseTopic(kReplyTopic).CorrelationData(pending.correlation);
  }
  own_key_is_busy_ = own_key_is_busy_ || operation.is_of_own_key;
  connection_.SendPacket(packet);
  if (pending.awaits_ping) {
    connection_.Send(EncodePingRequest());
  }
  packet.payload.clear();
  pending.operation = std::move(operation);
  pending_.push_back(std::move(pending));
}

void Worker::OnFrame(const Frame& frame) {
  const auto packet = Decode(frame, options_.version);
  if (!packet) {
    Fail("got a malformed packet");
  } else if (const auto* ack = std::get_if<AckPacket>(&*packet)) {
    HandleAck(*ack);
  } else if (const auto* publish = std::get_if<PublishPacket>(&*packet)) {
    HandlePublish(*publish);
  } else if (std::holds_alternative<PingResponse>(*packet)) {
    HandlePing();
  } else {
    Fail("got a packet of type " + std::to_string(static_cast<int>(frame.type)));
  }
  Refill();
}

void Worker::HandleAck(const AckPacket& ack) {
  const auto pending = std::find_if(pending_.begin(), pending_.end(), [&](const Pending& one) {
    return one.awaits_ack && one.operation.packet.packet_id == ack.packet_id;
  });
  if (pending == pending_.end()) {
    Fail("got an acknowledgement of nothing");
    return;
  }
  if (ack.reason >= kFirstFailureReason) {
    Fail(std::string(pending->operation.name) + " was refused");
  } else if (ack.type == PacketType::kPubrec) {
    connection_.SendPacket(AckPacket{.type = PacketType::kPubrel, .packet_id = ack.packet_id});
    return;
  }
  pending->awaits_ack = false;
  FinishIfComplete(*pending);
}

void Worker::HandlePing() {
  const auto pending = std::find_if(
      pending_.begin(), pending_.end(), [](const Pending& one) { return one.awaits_ping; });
  if (pending == pending_.end()) {
    Fail("got an answer to no ping");
    return;
  }
  pending->awaits_ping = false;
  FinishIfComplete(*pending);
}

void Worker::HandlePublish(const PublishPacket& reply) {
  if (reply.qos == 1) {
    connection_.SendPacket(AckPacket{.type = PacketType::kPuback, .packet_id = reply.packet_id});
  }
  const auto pending = FindReplied(pending_, reply);
  if (pending != pending_.end()) {
    HandleReply(*pending, reply);
    return;
  }
  const auto former = FindReplied(former_, reply);
  if (former == former_.end()) {
    Fail("got a reply to nothing, or a second one, on " + reply.topic);
  } else if (StatusOf(reply, options_.version) != "entry") {
    ++account_.late_replies;
    former_.erase(former);
  }
}

std::vector<Worker::Pending>::iterator Worker::FindReplied(std::vector<Pending>& among,
                                                           const PublishPacket& reply) const {
  const bool version5 = options_.version == ProtocolVersion::kMqtt5;
  const std::string correlation =
      reply.properties.FindText(PropertyId::kCorrelationData).value_or("");
  return std::find_if(among.begin(), among.end(), [&](const Pending& one) {
    constexpr std::string_view plane = "$KV/";
    const std::string& asked = one.operation.packet.topic;
    return one.awaits_reply &&
           (version5 ? one.correlation == correlation
                     : reply.topic == "$KV/reply/" + asked.substr(plane.size()));
  });
}

void Worker::HandleReply(Pending& pending, const PublishPacket& reply) {
  const std::string status = StatusOf(reply, options_.version);
  if (status == "entry") {
    ++account_.entries;
    return;
  }
  ++account_.replies;
  ++account_.statuses[status];
  if (!IsExpected(status)) {
    Fail(std::string(pending.operation.name) + " was answered '" + status +
         "': " + reply.Property("kv-error").value_or(reply.payload));
  } else if (!pending.operation.counter.empty()) {
    ++account_.counters[pending.operation.counter].acknowledged;
  }
  if (pending.operation.is_of_own_key) {
    HandleOwnKeysReply(pending, status, reply);
  }
  pending.awaits_reply = false;
  FinishIfComplete(pending);
}

// Nobody else writes it, so that each compare-and-set must succeed.
void Worker::HandleOwnKeysReply(const Pending& pending,
                                const std::string& status,
                                const PublishPacket& reply) {
  own_key_is_busy_ = false;
  const std::uint64_t revision = std::stoull(reply.Property("kv-revision").value_or("0"));
  if (status == "ok" && own_revision_.value_or(0) > revision) {
    Fail(std::string(pending.operation.name) + " of the own key went back in revisions");
  }
  if (IsExpected(status)) {
    own_revision_ = revision;
  } else {
    own_revision_.reset();
  }
}

void Worker::FinishIfComplete(const Pending& pending) {
  if (pending.awaits_ack || pending.awaits_reply || pending.awaits_ping) {
    return;
  }
  account_.CountDone(pending.operation.name, pending.since);
  pending_.erase(pending_.begin() + (&pending - pending_.data()));
}

}  // namespace kv::testing
