// A BrokerPort that writes down what it is asked for, in order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kv/entry.h"
#include "plugin/broker_port.h"

namespace kv::plugin::testing {

struct Sent {
  std::string to;  // a client's id; empty: everybody
  std::string topic;
  std::string payload;
  std::uint8_t qos = 0;
  bool retain = false;
  std::optional<std::uint8_t> payload_format;
  std::optional<std::string> content_type;
  std::vector<UserProperty> user;
  std::string correlation_data;
};

inline std::string TextOf(const std::vector<UserProperty>& properties) {
  std::string text;
  for (const auto& property : properties) {
    text += (text.empty() ? "" : " ") + property.name + "=" + property.value;
  }
  return text;
}

// `[-> client: ]topic 'payload' qos N[ retain][ format N][ type T][ #correlation] [properties]`
inline std::string TextOf(const Sent& sent) {
  std::string text = sent.to.empty() ? "" : "-> " + sent.to + ": ";
  text += sent.topic + " '" + sent.payload + "' qos " + std::to_string(sent.qos);
  text += sent.retain ? " retain" : "";
  text += sent.payload_format ? " format " + std::to_string(*sent.payload_format) : "";
  text += sent.content_type ? " type " + *sent.content_type : "";
  text += sent.correlation_data.empty() ? "" : " #" + sent.correlation_data;
  return text + " [" + TextOf(sent.user) + "]";
}

// The value of the only property of that name; nothing if there is none or more than one.
inline std::optional<std::string> ValueOf(const Sent& sent, const std::string& name) {
  std::optional<std::string> value;
  for (const auto& property : sent.user) {
    if (property.name == name) {
      if (value) {
        return std::nullopt;
      }
      value = property.value;
    }
  }
  return value;
}

class FakeBroker final : public BrokerPort {
 public:
  bool Publish(const Message& message) override { return Record({}, message); }
  bool SendTo(const std::string& client_id, const Message& message) override {
    return Record(client_id, message);
  }
  void Log(LogLevel level, const std::string& line) override { log.emplace_back(level, line); }

  // What was sent since the last call.
  std::vector<Sent> Take() { return std::exchange(sent, {}); }
  std::vector<std::string> TakeTexts() {
    std::vector<std::string> texts;
    for (const auto& one : Take()) {
      texts.push_back(TextOf(one));
    }
    return texts;
  }

  // The lines of this level that hold `part`.
  std::vector<std::string> Lines(LogLevel level, const std::string& part = {}) const {
    std::vector<std::string> lines;
    for (const auto& [of, line] : log) {
      if (of == level && line.find(part) != std::string::npos) {
        lines.push_back(line);
      }
    }
    return lines;
  }

  std::vector<Sent> sent;
  std::vector<std::pair<LogLevel, std::string>> log;
  bool out_of_memory = false;  // nothing is sent then

 private:
  bool Record(const std::string& to, const Message& message) {
    if (out_of_memory) {
      return false;
    }
    Sent one{.to = to,
             .topic = std::string(message.topic),
             .payload = std::string(message.payload),
             .qos = message.qos,
             .retain = message.retain,
             .correlation_data = std::string(message.correlation_data)};
    if (message.own != nullptr) {
      one.payload_format = message.own->payload_format;
      one.content_type = message.own->content_type;
      if (message.own_user) {
        one.user = message.own->user;
      }
    }
    if (message.user != nullptr) {
      one.user.insert(one.user.end(), message.user->begin(), message.user->end());
    }
    sent.push_back(std::move(one));
    return true;
  }
};

}  // namespace kv::plugin::testing
