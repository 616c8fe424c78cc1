// Mosquitto's persistence file put together by hand, and what a BrokerSnapshot finds in one.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kv/clock.h"
#include "plugin/broker_snapshot.h"

namespace kv::plugin::testing {

template <typename Integer>
std::string Host(Integer number) {
  return {reinterpret_cast<const char*>(&number), sizeof(number)};
}

template <typename Integer>
std::string Network(Integer number) {
  std::string bytes = Host(number);
  if constexpr (std::endian::native == std::endian::little) {
    std::reverse(bytes.begin(), bytes.end());
  }
  return bytes;
}

inline std::uint16_t Length16(std::string_view text) {
  return static_cast<std::uint16_t>(text.size());
}

inline std::string ChunkOf(std::uint32_t type, const std::string& body) {
  return Network(type) + Network(static_cast<std::uint32_t>(body.size())) + body;
}

inline std::string FileHeader(std::uint32_t version = 6) {
  return std::string("\0\xB5\0mosquitto db", 15) + Network(std::uint32_t{0}) + Network(version);
}

inline std::string ConfigOf(std::uint8_t store_id_size = 8) {
  return ChunkOf(1,
                 Host(std::uint64_t{1000}) + Host(std::uint8_t{1}) + Host(store_id_size) +
                     std::string(6, '\xEE'));  // padding, which may hold anything
}

inline std::string FileStart(std::uint32_t version = 6) {
  return FileHeader(version) + ConfigOf();
}

struct FakeMessage {
  std::uint64_t store_id = 0;
  std::string topic;
  std::string payload = "value";
  std::string properties{};      // see PropertiesOf
  std::int64_t expiry_time = 0;  // seconds since the Unix epoch
  std::string source_id = "writer";
  std::string source_username{};
};

inline std::string MessageBody(const FakeMessage& message) {
  return Host(message.store_id) + Host(message.expiry_time) +
         Network(static_cast<std::uint32_t>(message.payload.size())) + Network(std::uint16_t{0}) +
         Network(Length16(message.source_id)) + Network(Length16(message.source_username)) +
         Network(Length16(message.topic)) + Network(std::uint16_t{1883}) + Host(std::uint8_t{1}) +
         Host(std::uint8_t{1}) + message.source_id + message.source_username + message.topic +
         message.payload + message.properties;
}

inline std::string MessageOf(const FakeMessage& message) {
  return ChunkOf(2, MessageBody(message));
}

inline std::string RetainOf(std::uint64_t store_id) {
  return ChunkOf(4, Host(store_id));
}

inline std::string ClientOf(std::uint32_t version, const std::string& id) {
  std::string body = Host(std::int64_t{0}) + Network(std::uint32_t{0xFFFFFFFF}) +
                     Network(std::uint16_t{3}) + Network(Length16(id));
  if (version >= 6) {
    body += Network(std::uint16_t{1883}) + Network(std::uint16_t{0}) + std::string(4, '\xEE');
  }
  return ChunkOf(6, body + id);
}

inline std::string SubscriptionOf(const std::string& id, const std::string& filter) {
  return ChunkOf(5,
                 Network(std::uint32_t{0}) + Network(Length16(id)) + Network(Length16(filter)) +
                     Host(std::uint8_t{1}) + Host(std::uint8_t{0}) + std::string(2, '\xEE') + id +
                     filter);
}

inline std::string StringOf(std::string_view text) {
  return Network(Length16(text)) + std::string(text);
}

inline std::string UserPropertyOf(std::string_view name, std::string_view value) {
  return "\x26" + StringOf(name) + StringOf(value);
}

// With their length in front, as in a PUBLISH; for up to 127 bytes.
inline std::string PropertiesOf(const std::string& properties) {
  return Host(static_cast<std::uint8_t>(properties.size())) + properties;
}

inline std::string RevisionProperty(std::string_view number) {
  return PropertiesOf(UserPropertyOf("kv-revision", number));
}

struct FixedClock final : Clock {
  explicit FixedClock(std::int64_t now_seconds) : now(now_seconds * kSecond) {}
  TimePoint Now() const override { return now; }
  TimePoint now;
};

// A copy of a RetainedMessage.
struct Seen {
  std::string topic;
  std::string payload;
  std::optional<Revision> revision;

  friend bool operator==(const Seen&, const Seen&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Seen& seen) {
    return out << seen.topic << " = " << seen.payload << " #"
               << (seen.revision ? std::to_string(*seen.revision) : "none");
  }
};

// The whole walk, in slices; sorted by topic.
inline std::vector<Seen> Walk(BrokerSnapshot& snapshot,
                              std::string_view topic_prefix = "kv/",
                              std::size_t slice = 3) {
  std::vector<Seen> seen;
  const auto keep = [&seen](const RetainedMessage& message) {
    seen.push_back({std::string(message.topic), std::string(message.payload), message.revision});
  };
  while (snapshot.Step(slice, topic_prefix, keep)) {}
  std::ranges::sort(seen, {}, &Seen::topic);
  return seen;
}

}  // namespace kv::plugin::testing
