// A synchronous MQTT client that does what the test says and nothing else: one thread, no
// background traffic, every wait has a deadline. A call that fails says why in error().
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/mqtt_packet.h"

namespace kv::testing {

using std::chrono::milliseconds;

// Long enough for a broker under valgrind on a busy machine: only a failing test waits so long.
inline constexpr milliseconds kDefaultTimeout{60'000};

// Unique among the clients of this process and, by its id, of the others on this machine.
std::string UniqueClientId();

struct ConnectOptions {
  std::string client_id = UniqueClientId();  // empty: the broker assigns one (not in 3.1)
  ProtocolVersion version = ProtocolVersion::kMqtt5;
  bool clean_start = true;
  // Version 5 only; older versions keep the session if and only if clean_start is false.
  std::optional<std::uint32_t> session_expiry_seconds = std::nullopt;
  std::uint16_t keep_alive_seconds = 600;  // the client never pings by itself
  std::optional<std::string> username = std::nullopt;
  std::optional<std::string> password = std::nullopt;
  std::optional<Will> will = std::nullopt;
  Properties properties = {};
  // Off: received QoS 1 and 2 messages stay unacknowledged (SendPacket answers them by hand).
  bool automatic_acks = true;
  milliseconds timeout = kDefaultTimeout;
};

struct PublishOptions {
  std::uint8_t qos = 1;
  bool retain = false;
  Properties properties = {};
};

class MqttClient {
 public:
  using MessagePredicate = std::function<bool(const Message&)>;

  // The broker listens on this port of 127.0.0.1.
  explicit MqttClient(std::uint16_t port) : port_(port) {}
  ~MqttClient() { Drop(); }
  MqttClient(const MqttClient&) = delete;
  MqttClient& operator=(const MqttClient&) = delete;

  // True if the broker accepted. Drops an earlier connection; messages already received stay.
  bool Connect(const ConnectOptions& options = {});
  // Only the TCP connection, for a test that sends its own CONNECT. Reads as `version`.
  bool Open(ProtocolVersion version = ProtocolVersion::kMqtt5);
  bool Disconnect(const DisconnectPacket& packet = {});
  void Drop();  // closes the socket without a DISCONNECT, so that a will is sent
  bool IsConnected();
  // Waits until the broker closes the connection.
  bool WaitDisconnected(milliseconds timeout = kDefaultTimeout);

  // Waits for the acknowledgement and returns its reason code; 0 at once for QoS 0. The reason of
  // QoS 2 is the PUBREC's.
  std::optional<std::uint8_t> Publish(std::string_view topic,
                                      std::string_view payload,
                                      const PublishOptions& options = {});
  // Sends PUBLISH and returns its packet id (0 for QoS 0) without waiting; nothing if it could not
  // be sent. WaitPublished() finishes it; for QoS 2 so do the single steps below.
  std::optional<std::uint16_t> PublishAsync(std::string_view topic,
                                            std::string_view payload,
                                            const PublishOptions& options = {});
  std::optional<std::uint8_t> WaitPublished(std::uint16_t packet_id,
                                            milliseconds timeout = kDefaultTimeout);
  // As it stands, with the packet's own id and DUP flag: what redelivery after a reconnect looks
  // like.
  bool SendPublish(const PublishPacket& packet);
  std::optional<std::uint8_t> WaitPuback(std::uint16_t packet_id,
                                         milliseconds timeout = kDefaultTimeout) {
    return WaitAck(PacketType::kPuback, packet_id, timeout);
  }
  std::optional<std::uint8_t> WaitPubrec(std::uint16_t packet_id,
                                         milliseconds timeout = kDefaultTimeout);
  bool SendPubrel(std::uint16_t packet_id);
  std::optional<std::uint8_t> WaitPubcomp(std::uint16_t packet_id,
                                          milliseconds timeout = kDefaultTimeout);

  // The granted QoS, or the reason code of a refusal (0x80 and above).
  std::optional<std::uint8_t> Subscribe(std::string_view filter, std::uint8_t qos = 1) {
    return Subscribe(Subscription{.filter = std::string(filter), .qos = qos});
  }
  std::optional<std::uint8_t> Subscribe(const Subscription& subscription,
                                        const Properties& properties = {});
  std::optional<std::uint8_t> Unsubscribe(std::string_view filter);

  // The oldest message received and not yet taken; the others keep their order when one that
  // matches is picked out.
  std::optional<Message> WaitMessage(milliseconds timeout = kDefaultTimeout) {
    return WaitMessage([](const Message&) { return true; }, timeout);
  }
  std::optional<Message> WaitMessage(const MessagePredicate& matches,
                                     milliseconds timeout = kDefaultTimeout);
  // Exactly the next `count`; fewer only if the time is up or the connection ended.
  std::vector<Message> WaitMessages(std::size_t count, milliseconds timeout = kDefaultTimeout);
  // All messages that the broker had sent, or queued to send, before this call. It asks by PING,
  // so that a test of what is *not* delivered needs no waiting time.
  std::vector<Message> TakeMessages(milliseconds timeout = kDefaultTimeout);
  bool Ping(milliseconds timeout = kDefaultTimeout);

  // Publishes (QoS 1) with a Response Topic and Correlation Data, and returns the replies: all
  // with `kv-status` "entry" and the one after them. Empty if the first did not come in time; a
  // list that ends with an "entry" was cut off. Version 5 only. The Correlation Data is the
  // client's, so `properties` must not hold any.
  std::vector<Message> Request(std::string_view topic,
                               std::string_view payload = {},
                               Properties properties = {},
                               std::string_view response_topic = "replies",
                               milliseconds timeout = kDefaultTimeout);

  bool SendRaw(std::string_view bytes);
  template <typename Packet>
  bool SendPacket(const Packet& packet) {
    return SendRaw(Encode(packet, version_));
  }
  std::uint16_t NextPacketId();

  const std::optional<ConnackPacket>& connack() const { return connack_; }
  // What the broker said when it ended the connection (version 5).
  const std::optional<DisconnectPacket>& broker_disconnect() const { return broker_disconnect_; }
  const std::string& client_id() const { return client_id_; }
  const std::string& error() const { return error_; }

 private:
  using TimePoint = std::chrono::steady_clock::time_point;
  using AckKey = std::pair<PacketType, std::uint16_t>;

  bool ReadUntil(const std::function<bool()>& done, TimePoint deadline);
  bool WaitReadable(TimePoint deadline);
  bool ReadSome();
  void DecodeBuffer();
  void Handle(ServerPacket packet);
  void HandleConnack(ConnackPacket packet);
  void HandlePublish(PublishPacket packet);
  void HandleAck(const AckPacket& packet);
  std::optional<std::uint8_t> WaitAck(PacketType type,
                                      std::uint16_t packet_id,
                                      milliseconds timeout);
  std::optional<std::uint8_t> WaitSubscriptionAck(PacketType type, std::uint16_t packet_id);
  bool IsRefused(std::uint16_t packet_id);
  std::optional<Message> TakeFirst(const MessagePredicate& matches);
  void StartConnection(const ConnectOptions& options);
  bool Fail(std::string_view reason);

  std::uint16_t port_;
  int socket_ = -1;
  ProtocolVersion version_ = ProtocolVersion::kMqtt5;
  bool automatic_acks_ = true;
  std::string client_id_;
  std::string buffer_;
  std::string error_;
  std::uint16_t last_packet_id_ = 0;
  std::uint64_t requests_ = 0;
  std::uint64_t ping_responses_ = 0;
  std::uint64_t packets_received_ = 0;
  std::optional<ConnackPacket> connack_;
  std::optional<DisconnectPacket> broker_disconnect_;
  std::deque<Message> inbox_;
  std::map<AckKey, AckPacket> acks_;
  std::map<AckKey, SubscriptionAck> subscription_acks_;
  std::set<std::uint16_t> outgoing_qos2_;        // published by us, not yet complete
  std::set<std::uint16_t> unreleased_incoming_;  // QoS 2 messages in the inbox before their PUBREL
};

}  // namespace kv::testing
