// The client's half of MQTT 3.1, 3.1.1 and 5 on the wire: encodes what a client sends, decodes what
// a broker sends. It checks only what it needs to stay in step, so a test can also send nonsense.
// AUTH is left out: nothing here uses extended authentication.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace kv::testing {

enum class ProtocolVersion : std::uint8_t {
  kMqtt31 = 3,
  kMqtt311 = 4,
  kMqtt5 = 5,
};

enum class PacketType : std::uint8_t {
  kConnect = 1,
  kConnack = 2,
  kPublish = 3,
  kPuback = 4,
  kPubrec = 5,
  kPubrel = 6,
  kPubcomp = 7,
  kSubscribe = 8,
  kSuback = 9,
  kUnsubscribe = 10,
  kUnsuback = 11,
  kPingreq = 12,
  kPingresp = 13,
  kDisconnect = 14,
};

enum class PropertyId : std::uint8_t {
  kPayloadFormat = 0x01,
  kMessageExpiry = 0x02,
  kContentType = 0x03,
  kResponseTopic = 0x08,
  kCorrelationData = 0x09,
  kSubscriptionIdentifier = 0x0B,
  kSessionExpiry = 0x11,
  kAssignedClientId = 0x12,
  kServerKeepAlive = 0x13,
  kAuthenticationMethod = 0x15,
  kAuthenticationData = 0x16,
  kRequestProblemInformation = 0x17,
  kWillDelay = 0x18,
  kRequestResponseInformation = 0x19,
  kResponseInformation = 0x1A,
  kServerReference = 0x1C,
  kReasonString = 0x1F,
  kReceiveMaximum = 0x21,
  kTopicAliasMaximum = 0x22,
  kTopicAlias = 0x23,
  kMaximumQos = 0x24,
  kRetainAvailable = 0x25,
  kUser = 0x26,
  kMaximumPacketSize = 0x27,
  kWildcardSubscriptionAvailable = 0x28,
  kSubscriptionIdentifierAvailable = 0x29,
  kSharedSubscriptionAvailable = 0x2A,
};

// Which member counts follows from the id: numbers are in `number`, text and bytes in `value`, and
// a user property is `name` and `value`.
struct PropertyItem {
  PropertyId id = PropertyId::kUser;
  std::uint32_t number = 0;
  std::string name = {};
  std::string value = {};

  friend bool operator==(const PropertyItem&, const PropertyItem&) = default;
};

// Properties in the order of the wire, duplicates kept. Written as a chain:
//   Properties().User("kv-op", "create").ResponseTopic("replies")
class Properties {
 public:
  using NameAndValue = std::pair<std::string, std::string>;

  Properties& Add(PropertyItem item);
  Properties& Number(PropertyId id, std::uint32_t number);
  Properties& Text(PropertyId id, std::string_view text);
  Properties& User(std::string_view name, std::string_view value);

  Properties& ResponseTopic(std::string_view topic) {
    return Text(PropertyId::kResponseTopic, topic);
  }
  Properties& CorrelationData(std::string_view data) {
    return Text(PropertyId::kCorrelationData, data);
  }
  Properties& ContentType(std::string_view type) { return Text(PropertyId::kContentType, type); }
  Properties& PayloadFormat(std::uint8_t format) {
    return Number(PropertyId::kPayloadFormat, format);
  }
  Properties& MessageExpiry(std::uint32_t seconds) {
    return Number(PropertyId::kMessageExpiry, seconds);
  }
  Properties& TopicAlias(std::uint16_t alias) { return Number(PropertyId::kTopicAlias, alias); }
  Properties& ReceiveMaximum(std::uint16_t maximum) {
    return Number(PropertyId::kReceiveMaximum, maximum);
  }

  // The first with this id or name.
  std::optional<std::uint32_t> FindNumber(PropertyId id) const;
  std::optional<std::string> FindText(PropertyId id) const;
  std::optional<std::string> FindUser(std::string_view name) const;
  // All user properties; all values of one name.
  std::vector<NameAndValue> Users() const;
  std::vector<std::string> UserValues(std::string_view name) const;

  const std::vector<PropertyItem>& items() const { return items_; }
  bool empty() const { return items_.empty(); }

  friend bool operator==(const Properties&, const Properties&) = default;

 private:
  const PropertyItem* Find(PropertyId id) const;

  std::vector<PropertyItem> items_;
};

struct PublishPacket {
  std::string topic = {};
  std::string payload = {};
  std::uint8_t qos = 0;
  bool retain = false;
  bool dup = false;
  std::uint16_t packet_id = 0;  // only with QoS 1 and 2
  Properties properties = {};

  // The value of a user property.
  std::optional<std::string> Property(std::string_view name) const {
    return properties.FindUser(name);
  }
};
using Message = PublishPacket;  // what a subscriber calls one that it received

struct Will {
  std::string topic = {};
  std::string payload = {};
  std::uint8_t qos = 0;
  bool retain = false;
  Properties properties = {};
};

struct ConnectPacket {
  std::string client_id = {};
  ProtocolVersion version = ProtocolVersion::kMqtt5;
  bool clean_start = true;
  std::uint16_t keep_alive_seconds = 0;
  std::optional<std::string> username = {};
  std::optional<std::string> password = {};
  std::optional<Will> will = {};
  Properties properties = {};
};

struct ConnackPacket {
  bool session_present = false;
  std::uint8_t reason = 0;
  Properties properties = {};
};

// PUBACK, PUBREC, PUBREL and PUBCOMP.
struct AckPacket {
  PacketType type = PacketType::kPuback;
  std::uint16_t packet_id = 0;
  std::uint8_t reason = 0;
  Properties properties = {};
};

struct Subscription {
  std::string filter = {};
  std::uint8_t qos = 0;
  bool no_local = false;
  bool retain_as_published = false;
  std::uint8_t retain_handling = 0;  // 0: send retained; 1: only if new; 2: do not send
};

struct SubscribePacket {
  std::uint16_t packet_id = 0;
  std::vector<Subscription> subscriptions = {};
  Properties properties = {};
};

struct UnsubscribePacket {
  std::uint16_t packet_id = 0;
  std::vector<std::string> filters = {};
  Properties properties = {};
};

// SUBACK and UNSUBACK; the latter has no reasons before version 5.
struct SubscriptionAck {
  PacketType type = PacketType::kSuback;
  std::uint16_t packet_id = 0;
  std::vector<std::uint8_t> reasons = {};
  Properties properties = {};
};

struct PingResponse {};

struct DisconnectPacket {
  std::uint8_t reason = 0;
  Properties properties = {};
};

std::string Encode(const ConnectPacket& packet);
std::string Encode(const PublishPacket& packet, ProtocolVersion version);
std::string Encode(const AckPacket& packet, ProtocolVersion version);
std::string Encode(const SubscribePacket& packet, ProtocolVersion version);
std::string Encode(const UnsubscribePacket& packet, ProtocolVersion version);
std::string Encode(const DisconnectPacket& packet, ProtocolVersion version);
std::string EncodePingRequest();

using ServerPacket = std::variant<ConnackPacket,
                                  PublishPacket,
                                  AckPacket,
                                  SubscriptionAck,
                                  PingResponse,
                                  DisconnectPacket>;

// One packet as it lies in a receive buffer; `body` is a view of that buffer.
struct Frame {
  PacketType type = PacketType::kConnect;
  std::uint8_t flags = 0;
  std::string_view body = {};
  std::size_t size = 0;  // of the whole packet
};

enum class FrameStatus {
  kComplete,
  kIncomplete,
  kMalformed,
};

// Looks at the packet that `buffer` begins with; `frame` is set if it is complete.
FrameStatus ReadFrame(std::string_view buffer, Frame& frame);

// Nothing if the packet is malformed or not one that a broker sends.
std::optional<ServerPacket> Decode(const Frame& frame, ProtocolVersion version);

}  // namespace kv::testing
