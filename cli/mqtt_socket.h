// MqttSocket: as much of MQTT 3.1.1 as a load generator needs, at as little cost as possible: it
// connects, publishes at QoS 1, and counts acknowledgements. Does not block once connected.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "kv/result.h"
#include "mosquitto_kv/client.h"

namespace kv::cli {

class MqttSocket {
 public:
  MqttSocket() = default;
  MqttSocket(const MqttSocket&) = delete;
  MqttSocket& operator=(const MqttSocket&) = delete;
  ~MqttSocket();

  // Waits for the broker's consent. Errors: disconnected, not-authorized, timeout.
  Status Connect(const ClientOptions& options, const std::string& client_id);

  // Queues a PUBLISH; `id` is not 0.
  void Publish(std::string_view topic, std::string_view payload, std::uint16_t id, bool retain);
  // Sends what is queued, as far as it goes. Errors: disconnected.
  Status Flush();
  // Reads what is there; calls `acknowledged` with each publish's id. Errors: disconnected.
  Status Read(const std::function<void(std::uint16_t)>& acknowledged);

  bool has_output() const { return !out_.empty(); }
  int descriptor() const { return socket_; }

 private:
  Status Open(const ClientOptions& options);
  Status AwaitConnack(std::chrono::milliseconds timeout);

  int socket_ = -1;
  std::string out_;
  std::string in_;
};

}  // namespace kv::cli
