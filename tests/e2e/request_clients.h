// Requests of the plane $KV/, asked by a client of MQTT 5 and by one that has no properties.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/e2e/kv_broker.h"
#include "tests/e2e/reasons.h"

namespace kv::testing {

using Json = nlohmann::json;

inline void WriteFile(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path) << text;
}

inline Properties MessageId(const std::string& id) {
  return Properties().User("kv-msg-id", id);
}

// `request`: the topic after $KV/.
inline Answer Ask(MqttClient& client,
                  const std::string& request,
                  const std::string& payload = {},
                  const Properties& properties = {}) {
  Answer answer = ToAnswer(client.Request("$KV/" + request, payload, properties));
  if (answer.status.empty()) {
    answer.error = client.error();
  }
  return answer;
}

// MQTT 3.1 or 3.1.1.
class JsonClient : public MqttClient {
 public:
  using MqttClient::MqttClient;

  bool Connect(ProtocolVersion version = ProtocolVersion::kMqtt311) {
    return MqttClient::Connect({.version = version});
  }

  Json Ask(const std::string& request, const std::string& payload = {}) {
    EXPECT_TRUE(IsSuccess(Publish("$KV/" + request, payload))) << error();
    const std::string topic = "$KV/reply/" + request;
    const auto reply = WaitMessage([&](const Message& message) { return message.topic == topic; });
    Json json = reply ? Json::parse(reply->payload, nullptr, false) : Json();
    EXPECT_TRUE(json.is_object()) << request << ": " << error();
    return json.is_object() ? json : Json::object();
  }
};

// "<key>@<revision> <op> <value>" of what a subscriber of a bucket received.
inline std::string ChangeText(const Message& message) {
  const std::size_t bucket = message.topic.find('/');
  return message.topic.substr(message.topic.find('/', bucket + 1) + 1) + "@" +
         message.Property("kv-revision").value_or("?") + " " +
         message.Property("kv-op").value_or("?") +
         (message.payload.empty() ? "" : " " + message.payload);
}

inline std::vector<std::string> ChangeTexts(const std::vector<Message>& messages) {
  std::vector<std::string> texts;
  texts.reserve(messages.size());
  for (const Message& message : messages) {
    texts.push_back(ChangeText(message));
  }
  return texts;
}

class RequestTest : public KvBrokerTest {
 protected:
  Answer Ask(const std::string& request,
             const std::string& payload = {},
             const Properties& properties = {}) {
    return testing::Ask(client(), request, payload, properties);
  }

  // A second client with a subscription, once that holds.
  std::unique_ptr<MqttClient> Watch(const std::string& filter) {
    auto watcher = std::make_unique<MqttClient>(broker().port());
    EXPECT_TRUE(watcher->Connect()) << watcher->error();
    EXPECT_EQ(watcher->Subscribe(filter, 1), 1) << watcher->error();
    return watcher;
  }

  // After a kill, if `kill`; otherwise after an end in order.
  void RestartBroker(bool kill) {
    const auto started = kill ? broker().KillAndStart() : broker().Restart();
    ASSERT_TRUE(started) << started.log;
    ASSERT_NO_FATAL_FAILURE(Reconnect());
  }

  // Many at once, without a reply each.
  void Fill(const std::string& bucket, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_TRUE(client().PublishAsync("kv/" + bucket + "/" + std::to_string(i), "v", {.qos = 0}))
          << client().error();
    }
    ASSERT_TRUE(client().Ping()) << client().error();
  }
};

}  // namespace kv::testing
