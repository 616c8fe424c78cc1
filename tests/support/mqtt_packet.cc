#include "tests/support/mqtt_packet.h"

#include <algorithm>
#include <cstddef>

namespace kv::testing {
namespace {

constexpr std::uint8_t kSubscribeFlags = 0x02;  // also of PUBREL and UNSUBSCRIBE
constexpr int kMaxVarintBytes = 4;

enum class PropertyKind {
  kByte,
  kTwoBytes,
  kFourBytes,
  kVarint,
  kText,
  kPair,
  kUnknown,
};

PropertyKind KindOf(PropertyId id) {
  switch (id) {
    case PropertyId::kPayloadFormat:
    case PropertyId::kRequestProblemInformation:
    case PropertyId::kRequestResponseInformation:
    case PropertyId::kMaximumQos:
    case PropertyId::kRetainAvailable:
    case PropertyId::kWildcardSubscriptionAvailable:
    case PropertyId::kSubscriptionIdentifierAvailable:
    case PropertyId::kSharedSubscriptionAvailable: return PropertyKind::kByte;
    case PropertyId::kServerKeepAlive:
    case PropertyId::kReceiveMaximum:
    case PropertyId::kTopicAliasMaximum:
    case PropertyId::kTopicAlias: return PropertyKind::kTwoBytes;
    case PropertyId::kMessageExpiry:
    case PropertyId::kSessionExpiry:
    case PropertyId::kWillDelay:
    case PropertyId::kMaximumPacketSize: return PropertyKind::kFourBytes;
    case PropertyId::kSubscriptionIdentifier: return PropertyKind::kVarint;
    case PropertyId::kContentType:
    case PropertyId::kResponseTopic:
    case PropertyId::kCorrelationData:
    case PropertyId::kAssignedClientId:
    case PropertyId::kAuthenticationMethod:
    case PropertyId::kAuthenticationData:
    case PropertyId::kResponseInformation:
    case PropertyId::kServerReference:
    case PropertyId::kReasonString: return PropertyKind::kText;
    case PropertyId::kUser: return PropertyKind::kPair;
  }
  return PropertyKind::kUnknown;
}

class Writer {
 public:
  void Byte(std::uint32_t value) { out_.push_back(static_cast<char>(value & 0xFF)); }
  void TwoBytes(std::uint32_t value) {
    Byte(value >> 8);
    Byte(value);
  }
  void FourBytes(std::uint32_t value) {
    TwoBytes(value >> 16);
    TwoBytes(value);
  }
  void Varint(std::size_t value) {
    do {
      const auto low = static_cast<std::uint32_t>(value & 0x7F);
      value >>= 7;
      Byte(value > 0 ? (low | 0x80) : low);
    } while (value > 0);
  }
  void Bytes(std::string_view bytes) { out_.append(bytes); }
  void Text(std::string_view text) {
    TwoBytes(static_cast<std::uint32_t>(text.size()));
    Bytes(text);
  }
  void PropertyList(const Properties& properties);

  std::string Packet(PacketType type, std::uint32_t flags) const {
    Writer packet;
    packet.Byte((static_cast<std::uint32_t>(type) << 4) | flags);
    packet.Varint(out_.size());
    packet.Bytes(out_);
    return std::move(packet.out_);
  }

 private:
  void OneProperty(const PropertyItem& item);

  std::string out_;
};

void Writer::OneProperty(const PropertyItem& item) {
  Byte(static_cast<std::uint32_t>(item.id));
  switch (KindOf(item.id)) {
    case PropertyKind::kByte: Byte(item.number); break;
    case PropertyKind::kTwoBytes: TwoBytes(item.number); break;
    case PropertyKind::kFourBytes: FourBytes(item.number); break;
    case PropertyKind::kVarint: Varint(item.number); break;
    case PropertyKind::kText: Text(item.value); break;
    case PropertyKind::kPair:
      Text(item.name);
      Text(item.value);
      break;
    case PropertyKind::kUnknown: break;  // a test may send an id that does not exist
  }
}

void Writer::PropertyList(const Properties& properties) {
  Writer list;
  for (const PropertyItem& item : properties.items()) {
    list.OneProperty(item);
  }
  Varint(list.out_.size());
  Bytes(list.out_);
}

// Reads past the end yield zeros and make ok() false, so that callers check once.
class Reader {
 public:
  explicit Reader(std::string_view rest) : rest_(rest) {}

  bool ok() const { return ok_; }
  bool AtEnd() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }
  void Fail() { ok_ = false; }

  std::string_view Bytes(std::size_t count) {
    if (count > rest_.size()) {
      ok_ = false;
      count = rest_.size();
    }
    const std::string_view bytes = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return bytes;
  }
  std::uint8_t Byte() {
    const std::string_view byte = Bytes(1);
    return byte.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(byte.front());
  }
  std::uint16_t TwoBytes() {
    const std::uint32_t high = Byte();
    return static_cast<std::uint16_t>((high << 8) | Byte());
  }
  std::uint32_t FourBytes() {
    const std::uint32_t high = TwoBytes();
    return (high << 16) | TwoBytes();
  }
  std::uint32_t Varint() {
    std::uint32_t value = 0;
    for (int i = 0; i < kMaxVarintBytes; ++i) {
      const std::uint32_t byte = Byte();
      value |= (byte & 0x7F) << (7 * i);
      if ((byte & 0x80) == 0) {
        return value;
      }
    }
    ok_ = false;
    return value;
  }
  std::string Text() { return std::string(Bytes(TwoBytes())); }
  Properties PropertyList();

 private:
  PropertyItem OneProperty();

  std::string_view rest_;
  bool ok_ = true;
};

PropertyItem Reader::OneProperty() {
  PropertyItem item{.id = static_cast<PropertyId>(Byte())};
  switch (KindOf(item.id)) {
    case PropertyKind::kByte: item.number = Byte(); break;
    case PropertyKind::kTwoBytes: item.number = TwoBytes(); break;
    case PropertyKind::kFourBytes: item.number = FourBytes(); break;
    case PropertyKind::kVarint: item.number = Varint(); break;
    case PropertyKind::kText: item.value = Text(); break;
    case PropertyKind::kPair:
      item.name = Text();
      item.value = Text();
      break;
    case PropertyKind::kUnknown: ok_ = false; break;
  }
  return item;
}

Properties Reader::PropertyList() {
  Reader list(Bytes(Varint()));
  Properties properties;
  while (list.ok() && !list.AtEnd()) {
    properties.Add(list.OneProperty());
  }
  ok_ = ok_ && list.ok();
  return properties;
}

Properties ReadProperties(Reader& reader, ProtocolVersion version) {
  return version == ProtocolVersion::kMqtt5 ? reader.PropertyList() : Properties();
}

// Version 5 lets a sender leave out a reason of 0 and, after it, empty properties.
void ReadOptionalReason(Reader& reader,
                        ProtocolVersion version,
                        std::uint8_t& reason,
                        Properties& properties) {
  if (version == ProtocolVersion::kMqtt5 && !reader.AtEnd()) {
    reason = reader.Byte();
    if (!reader.AtEnd()) {
      properties = reader.PropertyList();
    }
  }
}

void WriteOptionalReason(Writer& writer,
                         ProtocolVersion version,
                         std::uint8_t reason,
                         const Properties& properties) {
  if (version != ProtocolVersion::kMqtt5 || (reason == 0 && properties.empty())) {
    return;
  }
  writer.Byte(reason);
  writer.PropertyList(properties);
}

std::uint32_t ConnectFlags(const ConnectPacket& packet) {
  std::uint32_t flags = packet.clean_start ? 0x02 : 0;
  if (packet.will) {
    flags |= 0x04 | (static_cast<std::uint32_t>(packet.will->qos) << 3) |
             (packet.will->retain ? 0x20U : 0U);
  }
  flags |= packet.password ? 0x40U : 0U;
  flags |= packet.username ? 0x80U : 0U;
  return flags;
}

ConnackPacket ReadConnack(Reader& reader, ProtocolVersion version) {
  ConnackPacket packet;
  packet.session_present = (reader.Byte() & 0x01) != 0;
  packet.reason = reader.Byte();
  // A broker that refuses the version itself answers in an older one, without properties.
  if (!reader.AtEnd()) {
    packet.properties = ReadProperties(reader, version);
  }
  return packet;
}

PublishPacket ReadPublish(Reader& reader, std::uint8_t flags, ProtocolVersion version) {
  PublishPacket packet;
  packet.dup = (flags & 0x08) != 0;
  packet.qos = (flags >> 1) & 0x03;
  packet.retain = (flags & 0x01) != 0;
  packet.topic = reader.Text();
  if (packet.qos > 0) {
    packet.packet_id = reader.TwoBytes();
  }
  packet.properties = ReadProperties(reader, version);
  packet.payload = std::string(reader.rest());
  if (packet.qos > 2) {
    reader.Fail();
  }
  return packet;
}

AckPacket ReadAck(Reader& reader, PacketType type, ProtocolVersion version) {
  AckPacket packet;
  packet.type = type;
  packet.packet_id = reader.TwoBytes();
  ReadOptionalReason(reader, version, packet.reason, packet.properties);
  return packet;
}

SubscriptionAck ReadSubscriptionAck(Reader& reader, PacketType type, ProtocolVersion version) {
  SubscriptionAck packet;
  packet.type = type;
  packet.packet_id = reader.TwoBytes();
  packet.properties = ReadProperties(reader, version);
  for (const char reason : reader.rest()) {
    packet.reasons.push_back(static_cast<std::uint8_t>(reason));
  }
  return packet;
}

DisconnectPacket ReadDisconnect(Reader& reader, ProtocolVersion version) {
  DisconnectPacket packet;
  ReadOptionalReason(reader, version, packet.reason, packet.properties);
  return packet;
}

std::optional<ServerPacket> ReadPacket(Reader& reader,
                                       const Frame& frame,
                                       ProtocolVersion version) {
  switch (frame.type) {
    case PacketType::kConnack: return ReadConnack(reader, version);
    case PacketType::kPublish: return ReadPublish(reader, frame.flags, version);
    case PacketType::kPuback:
    case PacketType::kPubrec:
    case PacketType::kPubrel:
    case PacketType::kPubcomp: return ReadAck(reader, frame.type, version);
    case PacketType::kSuback:
    case PacketType::kUnsuback: return ReadSubscriptionAck(reader, frame.type, version);
    case PacketType::kPingresp: return PingResponse{};
    case PacketType::kDisconnect: return ReadDisconnect(reader, version);
    case PacketType::kConnect:
    case PacketType::kSubscribe:
    case PacketType::kUnsubscribe:
    case PacketType::kPingreq: break;
  }
  return std::nullopt;
}

}  // namespace

Properties& Properties::Add(PropertyItem item) {
  items_.push_back(std::move(item));
  return *this;
}

Properties& Properties::Number(PropertyId id, std::uint32_t number) {
  return Add({.id = id, .number = number});
}

Properties& Properties::Text(PropertyId id, std::string_view text) {
  return Add({.id = id, .value = std::string(text)});
}

Properties& Properties::User(std::string_view name, std::string_view value) {
  return Add({.id = PropertyId::kUser, .name = std::string(name), .value = std::string(value)});
}

const PropertyItem* Properties::Find(PropertyId id) const {
  const auto found = std::find_if(
      items_.begin(), items_.end(), [id](const PropertyItem& item) { return item.id == id; });
  return found == items_.end() ? nullptr : &*found;
}

std::optional<std::uint32_t> Properties::FindNumber(PropertyId id) const {
  const PropertyItem* item = Find(id);
  return item == nullptr ? std::nullopt : std::optional(item->number);
}

std::optional<std::string> Properties::FindText(PropertyId id) const {
  const PropertyItem* item = Find(id);
  return item == nullptr ? std::nullopt : std::optional(item->value);
}

std::optional<std::string> Properties::FindUser(std::string_view name) const {
  const std::vector<std::string> values = UserValues(name);
  return values.empty() ? std::nullopt : std::optional(values.front());
}

std::vector<Properties::NameAndValue> Properties::Users() const {
  std::vector<NameAndValue> users;
  for (const PropertyItem& item : items_) {
    if (item.id == PropertyId::kUser) {
      users.emplace_back(item.name, item.value);
    }
  }
  return users;
}

std::vector<std::string> Properties::UserValues(std::string_view name) const {
  std::vector<std::string> values;
  for (const PropertyItem& item : items_) {
    if (item.id == PropertyId::kUser && item.name == name) {
      values.push_back(item.value);
    }
  }
  return values;
}

std::string Encode(const ConnectPacket& packet) {
  const bool version5 = packet.version == ProtocolVersion::kMqtt5;
  Writer body;
  body.Text(packet.version == ProtocolVersion::kMqtt31 ? "MQIsdp" : "MQTT");
  body.Byte(static_cast<std::uint32_t>(packet.version));
  body.Byte(ConnectFlags(packet));
  body.TwoBytes(packet.keep_alive_seconds);
  if (version5) {
    body.PropertyList(packet.properties);
  }
  body.Text(packet.client_id);
  if (packet.will) {
    if (version5) {
      body.PropertyList(packet.will->properties);
    }
    body.Text(packet.will->topic);
    body.Text(packet.will->payload);
  }
  if (packet.username) {
    body.Text(*packet.username);
  }
  if (packet.password) {
    body.Text(*packet.password);
  }
  return body.Packet(PacketType::kConnect, 0);
}

std::string Encode(const PublishPacket& packet, ProtocolVersion version) {
  Writer body;
  body.Text(packet.topic);
  if (packet.qos > 0) {
    body.TwoBytes(packet.packet_id);
  }
  if (version == ProtocolVersion::kMqtt5) {
    body.PropertyList(packet.properties);
  }
  body.Bytes(packet.payload);
  const std::uint32_t flags = (packet.dup ? 0x08U : 0U) |
                              (static_cast<std::uint32_t>(packet.qos) << 1) |
                              (packet.retain ? 0x01U : 0U);
  return body.Packet(PacketType::kPublish, flags);
}

std::string Encode(const AckPacket& packet, ProtocolVersion version) {
  Writer body;
  body.TwoBytes(packet.packet_id);
  WriteOptionalReason(body, version, packet.reason, packet.properties);
  return body.Packet(packet.type, packet.type == PacketType::kPubrel ? kSubscribeFlags : 0);
}

std::string Encode(const SubscribePacket& packet, ProtocolVersion version) {
  const bool version5 = version == ProtocolVersion::kMqtt5;
  Writer body;
  body.TwoBytes(packet.packet_id);
  if (version5) {
    body.PropertyList(packet.properties);
  }
  for (const Subscription& subscription : packet.subscriptions) {
    body.Text(subscription.filter);
    std::uint32_t options = subscription.qos;
    if (version5) {
      options |= (subscription.no_local ? 0x04U : 0U) |
                 (subscription.retain_as_published ? 0x08U : 0U) |
                 (static_cast<std::uint32_t>(subscription.retain_handling) << 4);
    }
    body.Byte(options);
  }
  return body.Packet(PacketType::kSubscribe, kSubscribeFlags);
}

std::string Encode(const UnsubscribePacket& packet, ProtocolVersion version) {
  Writer body;
  body.TwoBytes(packet.packet_id);
  if (version == ProtocolVersion::kMqtt5) {
    body.PropertyList(packet.properties);
  }
  for (const std::string& filter : packet.filters) {
    body.Text(filter);
  }
  return body.Packet(PacketType::kUnsubscribe, kSubscribeFlags);
}

std::string Encode(const DisconnectPacket& packet, ProtocolVersion version) {
  Writer body;
  WriteOptionalReason(body, version, packet.reason, packet.properties);
  return body.Packet(PacketType::kDisconnect, 0);
}

std::string EncodePingRequest() {
  return Writer().Packet(PacketType::kPingreq, 0);
}

FrameStatus ReadFrame(std::string_view buffer, Frame& frame) {
  std::size_t length = 0;
  for (std::size_t i = 0; i < kMaxVarintBytes; ++i) {
    if (buffer.size() < i + 2) {
      return FrameStatus::kIncomplete;
    }
    const auto byte = static_cast<std::uint8_t>(buffer[i + 1]);
    length |= static_cast<std::size_t>(byte & 0x7F) << (7 * i);
    if ((byte & 0x80) == 0) {
      const std::size_t header_size = i + 2;
      if (buffer.size() - header_size < length) {
        return FrameStatus::kIncomplete;
      }
      const auto first = static_cast<std::uint8_t>(buffer.front());
      frame = {.type = static_cast<PacketType>(first >> 4),
               .flags = static_cast<std::uint8_t>(first & 0x0F),
               .body = buffer.substr(header_size, length),
               .size = header_size + length};
      return FrameStatus::kComplete;
    }
  }
  return FrameStatus::kMalformed;
}

std::optional<ServerPacket> Decode(const Frame& frame, ProtocolVersion version) {
  Reader reader(frame.body);
  std::optional<ServerPacket> packet = ReadPacket(reader, frame, version);
  return reader.ok() ? std::move(packet) : std::nullopt;
}

}  // namespace kv::testing
