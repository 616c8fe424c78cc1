#include "plugin/mosquitto_port.h"

#include <cstring>
#include <memory>

#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mqtt_protocol.h>

namespace kv::plugin {
namespace {

struct BrokerFree {
  void operator()(void* memory) const { mosquitto_free(memory); }
};
// Bytes from the broker's allocator: it accounts for them.
using BrokerBytes = std::unique_ptr<void, BrokerFree>;

int LevelOf(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return MOSQ_LOG_DEBUG;
    case LogLevel::kInfo: return MOSQ_LOG_INFO;
    case LogLevel::kNotice: return MOSQ_LOG_NOTICE;
    case LogLevel::kWarning: return MOSQ_LOG_WARNING;
    case LogLevel::kError: return MOSQ_LOG_ERR;
  }
  return MOSQ_LOG_ERR;
}

mosquitto_property* LastOf(mosquitto_property* list) {
  const mosquitto_property* last = list;
  while (const mosquitto_property* next = mosquitto_property_next(last)) {
    last = next;
  }
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): the API has no other way to walk
  return const_cast<mosquitto_property*>(last);
}

}  // namespace

PropertyList::~PropertyList() {
  mosquitto_property_free_all(&head_);
}

bool AppendUserProperty(mqtt5__property** list, const UserProperty& property) {
  return mosquitto_property_add_string_pair(
             list, MQTT_PROP_USER_PROPERTY, property.name.c_str(), property.value.c_str()) ==
         MOSQ_ERR_SUCCESS;
}

bool PropertyList::AddUser(const std::vector<UserProperty>& properties) {
  // The broker's append walks the list that it is given. It is given the last one only: a client
  // may send hundreds of thousands of properties.
  mosquitto_property* last = LastOf(head_);
  for (const auto& property : properties) {
    if (!AppendUserProperty(last == nullptr ? &head_ : &last, property)) {
      return false;
    }
    last = LastOf(last == nullptr ? head_ : last);
  }
  return true;
}

bool PropertyList::Add(const Message& message) {
  bool added = true;
  if (!message.correlation_data.empty()) {
    added = mosquitto_property_add_binary(
                &head_,
                MQTT_PROP_CORRELATION_DATA,
                message.correlation_data.data(),
                static_cast<std::uint16_t>(message.correlation_data.size())) == MOSQ_ERR_SUCCESS;
  }
  if (const Properties* own = message.own; own != nullptr) {
    if (own->payload_format) {
      added = added && mosquitto_property_add_byte(&head_,
                                                   MQTT_PROP_PAYLOAD_FORMAT_INDICATOR,
                                                   *own->payload_format) == MOSQ_ERR_SUCCESS;
    }
    if (own->content_type) {
      added = added &&
              mosquitto_property_add_string(
                  &head_, MQTT_PROP_CONTENT_TYPE, own->content_type->c_str()) == MOSQ_ERR_SUCCESS;
    }
    added = added && (!message.own_user || AddUser(own->user));
  }
  return added && (message.user == nullptr || AddUser(*message.user));
}

bool MosquittoPort::Hand(const char* client_id, const Message& message) {
  PropertyList properties;
  if (!properties.Add(message)) {
    return false;
  }
  BrokerBytes payload;
  if (!message.payload.empty()) {
    // From the broker's allocator and not by mosquitto_broker_publish_copy: 2.0's copy takes its
    // memory from elsewhere and the broker's count of its heap goes wrong when it is freed.
    payload.reset(mosquitto_malloc(message.payload.size()));
    if (!payload) {
      return false;
    }
    std::memcpy(payload.get(), message.payload.data(), message.payload.size());
  }
  topic_ = message.topic;
  const int handed = mosquitto_broker_publish(client_id,
                                              topic_.c_str(),
                                              static_cast<int>(message.payload.size()),
                                              payload.get(),
                                              message.qos,
                                              message.retain,
                                              properties.get());
  if (handed != MOSQ_ERR_SUCCESS) {
    return false;
  }
  static_cast<void>(payload.release());  // the broker's now
  properties.Release();
  return true;
}

bool MosquittoPort::Publish(const Message& message) {
  return Hand(nullptr, message);
}

bool MosquittoPort::SendTo(const std::string& client_id, const Message& message) {
  return Hand(client_id.c_str(), message);
}

void MosquittoPort::Log(LogLevel level, const std::string& line) {
  mosquitto_log_printf(LevelOf(level), "kv: %s", line.c_str());
}

}  // namespace kv::plugin
