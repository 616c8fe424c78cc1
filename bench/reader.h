// A client that receives: one connection that says what was sent to it, message by message, as
// bytes and without decoding more than it must.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/mqtt_packet.h"

namespace kv::bench {

class Reader {
 public:
  // Throws std::system_error or std::runtime_error, as everything here does.
  Reader(std::uint16_t port, const std::string& client_id);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  void Subscribe(const std::string& filter, std::uint8_t qos);
  // A request without a payload, answered to this connection.
  void Request(const std::string& topic,
               std::uint8_t qos,
               const std::vector<std::pair<std::string, std::string>>& properties);

  using OnPublish = std::function<void(const testing::Frame&)>;
  // Waits for bytes and hands over the messages in them, acknowledged.
  void Read(const OnPublish& on_publish);
  int socket() const { return socket_; }

 private:
  void Send(std::string_view bytes) const;
  void Await(testing::PacketType type);
  void Receive();
  void Acknowledge(const testing::Frame& frame);

  int socket_;
  std::string in_;
  std::string acks_;
  std::uint16_t next_packet_id_ = 1;
};

}  // namespace kv::bench
