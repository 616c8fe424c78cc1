// The calls of Nick O'Leary's PubSubClient that a sketch makes, with its limits: MQTT 3.1.1, a
// clean session, publishes of QoS 0 only, and whatever does not fit into the buffer is not sent or
// is dropped. The broker is on this machine, on the port that the program was given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "WiFi.h"
#include "tests/support/mqtt_client.h"

// NOLINTBEGIN(readability-identifier-naming): the names are Arduino's.
class PubSubClient {
 public:
  using Callback = std::function<void(char*, std::uint8_t*, unsigned int)>;

  explicit PubSubClient(WiFiClient& /*network*/) {}

  PubSubClient& setServer(const char* /*name*/, std::uint16_t /*port*/) { return *this; }
  PubSubClient& setCallback(Callback callback) {
    callback_ = std::move(callback);
    return *this;
  }
  bool setBufferSize(std::uint16_t size) {
    buffer_size_ = size;
    return size > 0;
  }
  bool connect(const char* id) {
    client_.emplace(broker_port);
    return client_->Connect({.client_id = id, .version = kv::testing::ProtocolVersion::kMqtt311});
  }
  bool connected() { return client_ && client_->IsConnected(); }
  bool subscribe(const char* topic, std::uint8_t qos = 0) {
    return client_->Subscribe(topic, qos).has_value();
  }
  bool publish(const char* topic, const char* payload, bool retained = false) {
    return Fits(topic, payload) &&
           client_->Publish(topic, payload, {.qos = 0, .retain = retained}).has_value();
  }
  // Waits a moment for a message where the real one returns at once.
  bool loop() {
    constexpr kv::testing::milliseconds moment{20};
    auto message = client_->WaitMessage(moment);
    if (message && callback_ && Fits(message->topic, message->payload)) {
      auto* bytes = reinterpret_cast<std::uint8_t*>(message->payload.data());  // NOLINT
      callback_(message->topic.data(), bytes, static_cast<unsigned int>(message->payload.size()));
    }
    return connected();
  }

  inline static std::uint16_t broker_port = 1883;

 private:
  bool Fits(const std::string& topic, const std::string& payload) const {
    constexpr std::size_t header = 7;  // the fixed header, the topic's length
    return header + topic.size() + payload.size() <= buffer_size_;
  }

  Callback callback_;
  std::size_t buffer_size_ = 256;
  std::optional<kv::testing::MqttClient> client_;
};
// NOLINTEND(readability-identifier-naming)
