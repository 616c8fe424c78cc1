#include "tests/support/mqtt_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <system_error>
#include <utility>

namespace kv::testing {
namespace {

using std::chrono::steady_clock;

constexpr std::uint8_t kFirstFailureReason = 0x80;
constexpr std::size_t kReadSize = 65'536;

std::string ErrorText(int error) {
  return std::generic_category().message(error);
}

int RemainingMilliseconds(steady_clock::time_point deadline) {
  const auto rest = std::chrono::ceil<milliseconds>(deadline - steady_clock::now()).count();
  return static_cast<int>(std::max<decltype(rest)>(rest, 0));
}

// False at the deadline.
bool PollSocket(int socket, short events, steady_clock::time_point deadline) {
  pollfd entry{.fd = socket, .events = events, .revents = 0};
  while (true) {
    const int ready = poll(&entry, 1, RemainingMilliseconds(deadline));
    if (ready >= 0 || errno != EINTR) {
      return ready > 0;
    }
  }
}

int ConnectSocket(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the sockets API
  if (connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    const int error = errno;
    close(socket);
    errno = error;
    return -1;
  }
  const int on = 1;  // or Nagle and delayed ACKs make every second small packet 40 ms late
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return socket;
}

ConnectPacket MakeConnectPacket(const ConnectOptions& options) {
  ConnectPacket packet;
  packet.client_id = options.client_id;
  packet.version = options.version;
  packet.clean_start = options.clean_start;
  packet.keep_alive_seconds = options.keep_alive_seconds;
  packet.username = options.username;
  packet.password = options.password;
  packet.will = options.will;
  packet.properties = options.properties;
  if (options.session_expiry_seconds) {
    packet.properties.Number(PropertyId::kSessionExpiry, *options.session_expiry_seconds);
  }
  return packet;
}

}  // namespace

std::string UniqueClientId() {
  static std::atomic<int> count{0};
  return "test-" + std::to_string(getpid()) + "-" + std::to_string(++count);
}

bool MqttClient::Fail(std::string_view reason) {
  error_ = reason;
  return false;
}

bool MqttClient::Open(ProtocolVersion version) {
  Drop();
  version_ = version;
  buffer_.clear();
  error_.clear();
  acks_.clear();
  subscription_acks_.clear();
  connack_.reset();
  broker_disconnect_.reset();
  socket_ = ConnectSocket(port_);
  return socket_ >= 0 || Fail("cannot connect: " + ErrorText(errno));
}

bool MqttClient::Connect(const ConnectOptions& options) {
  if (!Open(options.version)) {
    return false;
  }
  automatic_acks_ = options.automatic_acks;
  client_id_ = options.client_id;
  if (options.clean_start) {
    unreleased_incoming_.clear();
    outgoing_qos2_.clear();
  }
  // The broker may refuse and close before everything is sent, so the CONNACK is what counts.
  SendRaw(Encode(MakeConnectPacket(options)));
  if (!ReadUntil([this] { return connack_.has_value(); }, steady_clock::now() + options.timeout)) {
    return false;
  }
  if (connack_->reason != 0) {
    return Fail("the broker refused with reason " + std::to_string(connack_->reason));
  }
  client_id_ = connack_->properties.FindText(PropertyId::kAssignedClientId).value_or(client_id_);
  return true;
}

bool MqttClient::Disconnect(const DisconnectPacket& packet) {
  const bool sent = SendPacket(packet);
  // The broker closes first: once this returns it has forgotten the connection.
  const bool closed = sent && WaitDisconnected();
  Drop();
  return closed;
}

void MqttClient::Drop() {
  if (socket_ >= 0) {
    close(socket_);
    socket_ = -1;
  }
}

bool MqttClient::IsConnected() {
  while (socket_ >= 0 && PollSocket(socket_, POLLIN, steady_clock::now())) {
    if (!ReadSome()) {
      return false;
    }
  }
  return socket_ >= 0;
}

bool MqttClient::WaitDisconnected(milliseconds timeout) {
  ReadUntil([this] { return socket_ < 0; }, steady_clock::now() + timeout);
  return socket_ < 0;
}

std::uint16_t MqttClient::NextPacketId() {
  do {
    ++last_packet_id_;
  } while (last_packet_id_ == 0 || outgoing_qos2_.contains(last_packet_id_));
  // What nobody waited for belongs to an earlier packet with this id.
  for (const PacketType type : {PacketType::kPuback, PacketType::kPubrec, PacketType::kPubcomp}) {
    acks_.erase(AckKey(type, last_packet_id_));
  }
  return last_packet_id_;
}

std::optional<std::uint16_t> MqttClient::PublishAsync(std::string_view topic,
                                                      std::string_view payload,
                                                      const PublishOptions& options) {
  PublishPacket packet;
  packet.topic = topic;
  packet.payload = payload;
  packet.qos = options.qos;
  packet.retain = options.retain;
  packet.properties = options.properties;
  packet.packet_id = options.qos > 0 ? NextPacketId() : std::uint16_t{0};
  return SendPublish(packet) ? std::optional(packet.packet_id) : std::nullopt;
}

bool MqttClient::SendPublish(const PublishPacket& packet) {
  if (packet.qos == 2) {
    outgoing_qos2_.insert(packet.packet_id);
  }
  return SendPacket(packet);
}

std::optional<std::uint8_t> MqttClient::Publish(std::string_view topic,
                                                std::string_view payload,
                                                const PublishOptions& options) {
  const std::optional<std::uint16_t> packet_id = PublishAsync(topic, payload, options);
  return packet_id ? WaitPublished(*packet_id) : std::nullopt;
}

std::optional<std::uint8_t> MqttClient::WaitPublished(std::uint16_t packet_id,
                                                      milliseconds timeout) {
  if (packet_id == 0) {
    return std::uint8_t{0};
  }
  if (!outgoing_qos2_.contains(packet_id)) {
    return WaitPuback(packet_id, timeout);
  }
  const std::optional<std::uint8_t> received = WaitPubrec(packet_id, timeout);
  if (!received || *received >= kFirstFailureReason) {
    return received;  // a refused QoS 2 message has no further steps
  }
  return SendPubrel(packet_id) && WaitPubcomp(packet_id, timeout) ? received : std::nullopt;
}

std::optional<std::uint8_t> MqttClient::WaitPubrec(std::uint16_t packet_id, milliseconds timeout) {
  const std::optional<std::uint8_t> reason = WaitAck(PacketType::kPubrec, packet_id, timeout);
  if (reason && *reason >= kFirstFailureReason) {
    outgoing_qos2_.erase(packet_id);
  }
  return reason;
}

bool MqttClient::SendPubrel(std::uint16_t packet_id) {
  AckPacket release;
  release.type = PacketType::kPubrel;
  release.packet_id = packet_id;
  return SendPacket(release);
}

std::optional<std::uint8_t> MqttClient::WaitPubcomp(std::uint16_t packet_id, milliseconds timeout) {
  const std::optional<std::uint8_t> reason = WaitAck(PacketType::kPubcomp, packet_id, timeout);
  if (reason) {
    outgoing_qos2_.erase(packet_id);
  }
  return reason;
}

std::optional<std::uint8_t> MqttClient::WaitAck(PacketType type,
                                                std::uint16_t packet_id,
                                                milliseconds timeout) {
  const AckKey key(type, packet_id);
  if (!ReadUntil([this, &key] { return acks_.contains(key); }, steady_clock::now() + timeout)) {
    return std::nullopt;
  }
  return acks_.extract(key).mapped().reason;
}

std::optional<std::uint8_t> MqttClient::Subscribe(const Subscription& subscription,
                                                  const Properties& properties) {
  SubscribePacket packet;
  packet.packet_id = NextPacketId();
  packet.subscriptions.push_back(subscription);
  packet.properties = properties;
  return SendPacket(packet) ? WaitSubscriptionAck(PacketType::kSuback, packet.packet_id)
                            : std::nullopt;
}

std::optional<std::uint8_t> MqttClient::Unsubscribe(std::string_view filter) {
  UnsubscribePacket packet;
  packet.packet_id = NextPacketId();
  packet.filters.emplace_back(filter);
  return SendPacket(packet) ? WaitSubscriptionAck(PacketType::kUnsuback, packet.packet_id)
                            : std::nullopt;
}

std::optional<std::uint8_t> MqttClient::WaitSubscriptionAck(PacketType type,
                                                            std::uint16_t packet_id) {
  const AckKey key(type, packet_id);
  if (!ReadUntil([this, &key] { return subscription_acks_.contains(key); },
                 steady_clock::now() + kDefaultTimeout)) {
    return std::nullopt;
  }
  const SubscriptionAck ack = subscription_acks_.extract(key).mapped();
  return ack.reasons.empty() ? std::uint8_t{0} : ack.reasons.front();
}

std::optional<Message> MqttClient::TakeFirst(const MessagePredicate& matches) {
  const auto found = std::find_if(inbox_.begin(), inbox_.end(), matches);
  if (found == inbox_.end()) {
    return std::nullopt;
  }
  Message message = std::move(*found);
  inbox_.erase(found);
  return message;
}

std::optional<Message> MqttClient::WaitMessage(const MessagePredicate& matches,
                                               milliseconds timeout) {
  std::optional<Message> message;
  ReadUntil([&] { return (message = TakeFirst(matches)).has_value(); },
            steady_clock::now() + timeout);
  return message;
}

std::vector<Message> MqttClient::WaitMessages(std::size_t count, milliseconds timeout) {
  ReadUntil([this, count] { return inbox_.size() >= count; }, steady_clock::now() + timeout);
  const auto end = inbox_.begin() + static_cast<std::ptrdiff_t>(std::min(count, inbox_.size()));
  std::vector<Message> messages(inbox_.begin(), end);
  inbox_.erase(inbox_.begin(), end);
  return messages;
}

std::vector<Message> MqttClient::TakeMessages(milliseconds timeout) {
  const TimePoint deadline = steady_clock::now() + timeout;
  // One round is not enough: a plugin's messages leave at the end of the broker's pass through its
  // loop, and our acknowledgements of one round make room for queued messages in the next.
  std::uint64_t packets_in_round = 0;
  bool first_round = true;
  do {
    const std::uint64_t before = packets_received_;
    if (!Ping(milliseconds(RemainingMilliseconds(deadline)))) {
      break;
    }
    packets_in_round = packets_received_ - before + (std::exchange(first_round, false) ? 1 : 0);
  } while (packets_in_round > 1);
  return WaitMessages(inbox_.size(), timeout);
}

bool MqttClient::Ping(milliseconds timeout) {
  const std::uint64_t wanted = ping_responses_ + 1;
  return SendRaw(EncodePingRequest()) &&
         ReadUntil([this, wanted] { return ping_responses_ >= wanted; },
                   steady_clock::now() + timeout);
}

std::vector<Message> MqttClient::Request(std::string_view topic,
                                         std::string_view payload,
                                         Properties properties,
                                         std::string_view response_topic,
                                         milliseconds timeout) {
  const TimePoint deadline = steady_clock::now() + timeout;
  const std::string correlation = client_id_ + "/" + std::to_string(++requests_);
  properties.ResponseTopic(response_topic).CorrelationData(correlation);
  std::vector<Message> replies;
  const std::optional<std::uint16_t> packet_id =
      PublishAsync(topic, payload, {.qos = 1, .retain = false, .properties = properties});
  if (!packet_id) {
    return replies;
  }
  const auto is_reply = [&](const Message& message) {
    return message.topic == response_topic &&
           message.properties.FindText(PropertyId::kCorrelationData) == correlation;
  };
  std::optional<Message> reply;
  const auto replied_or_refused = [&] {
    return (reply = TakeFirst(is_reply)).has_value() || IsRefused(*packet_id);
  };
  while (ReadUntil(replied_or_refused, deadline) && reply) {
    replies.push_back(std::move(*reply));
    if (replies.back().Property("kv-status") != "entry") {
      break;
    }
  }
  return replies;
}

bool MqttClient::IsRefused(std::uint16_t packet_id) {
  const auto ack = acks_.find(AckKey(PacketType::kPuback, packet_id));
  if (ack == acks_.end() || ack->second.reason < kFirstFailureReason) {
    return false;
  }
  Fail("the broker refused the publish with reason " + std::to_string(ack->second.reason));
  return true;
}

bool MqttClient::SendRaw(std::string_view bytes) {
  const TimePoint deadline = steady_clock::now() + kDefaultTimeout;
  while (!bytes.empty()) {
    if (socket_ < 0) {
      return Fail(error_.empty() ? "not connected" : error_);
    }
    const ssize_t sent = send(socket_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (!PollSocket(socket_, POLLOUT, deadline)) {
        return Fail("the broker does not read");
      }
    } else if (errno != EINTR) {
      // The socket stays open: what the broker said before it closed can still be read.
      return Fail("cannot send: " + ErrorText(errno));
    }
  }
  return true;
}

bool MqttClient::ReadUntil(const std::function<bool()>& done, TimePoint deadline) {
  while (!done()) {
    if (socket_ < 0) {
      return Fail(error_.empty() ? "not connected" : error_);
    }
    if (!PollSocket(socket_, POLLIN, deadline)) {
      return Fail("nothing came before the deadline");
    }
    ReadSome();  // what came before the end of the connection may be what we wait for
  }
  return true;
}

bool MqttClient::ReadSome() {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): recv fills it
  std::array<char, kReadSize> bytes;
  const ssize_t count = recv(socket_, bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
    return true;
  }
  if (count <= 0) {
    Drop();
    return Fail(count == 0 ? "the broker closed the connection"
                           : "cannot receive: " + ErrorText(errno));
  }
  buffer_.append(bytes.data(), static_cast<std::size_t>(count));
  DecodeBuffer();
  return socket_ >= 0;
}

void MqttClient::DecodeBuffer() {
  std::size_t start = 0;
  Frame frame;
  FrameStatus status = FrameStatus::kIncomplete;
  while ((status = ReadFrame(std::string_view(buffer_).substr(start), frame)) ==
         FrameStatus::kComplete) {
    std::optional<ServerPacket> packet = Decode(frame, version_);
    if (!packet) {
      status = FrameStatus::kMalformed;
      break;
    }
    Handle(std::move(*packet));
    start += frame.size;
  }
  buffer_.erase(0, start);
  if (status == FrameStatus::kMalformed) {
    Drop();
    Fail("the broker sent a malformed packet");
  }
}

void MqttClient::Handle(ServerPacket packet) {
  ++packets_received_;
  if (auto* publish = std::get_if<PublishPacket>(&packet)) {
    HandlePublish(std::move(*publish));
  } else if (const auto* ack = std::get_if<AckPacket>(&packet)) {
    HandleAck(*ack);
  } else if (auto* subscription = std::get_if<SubscriptionAck>(&packet)) {
    const AckKey key(subscription->type, subscription->packet_id);
    subscription_acks_.insert_or_assign(key, std::move(*subscription));
  } else if (auto* connack = std::get_if<ConnackPacket>(&packet)) {
    HandleConnack(std::move(*connack));
  } else if (auto* disconnect = std::get_if<DisconnectPacket>(&packet)) {
    broker_disconnect_ = std::move(*disconnect);
  } else {
    ++ping_responses_;
  }
}

void MqttClient::HandleConnack(ConnackPacket packet) {
  // 3.1 has no such flag.
  if (!packet.session_present && version_ != ProtocolVersion::kMqtt31) {
    unreleased_incoming_.clear();
    outgoing_qos2_.clear();
  }
  connack_ = std::move(packet);
}

void MqttClient::HandlePublish(PublishPacket packet) {
  AckPacket ack;
  ack.packet_id = packet.packet_id;
  ack.type = packet.qos == 2 ? PacketType::kPubrec : PacketType::kPuback;
  const bool acknowledge = packet.qos > 0 && automatic_acks_;
  // Exactly once: a repeated QoS 2 message is acknowledged again but not delivered again.
  if (packet.qos < 2 || unreleased_incoming_.insert(packet.packet_id).second) {
    inbox_.push_back(std::move(packet));
  }
  if (acknowledge) {
    SendPacket(ack);
  }
}

void MqttClient::HandleAck(const AckPacket& packet) {
  if (packet.type != PacketType::kPubrel) {
    acks_.insert_or_assign(AckKey(packet.type, packet.packet_id), packet);
    return;
  }
  unreleased_incoming_.erase(packet.packet_id);
  if (automatic_acks_) {
    AckPacket complete;
    complete.type = PacketType::kPubcomp;
    complete.packet_id = packet.packet_id;
    SendPacket(complete);
  }
}

}  // namespace kv::testing
