#include "plugin/incoming_message.h"

#include <cstdlib>
#include <cstring>
#include <memory>

#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mqtt_protocol.h>

#include "plugin/mosquitto_port.h"

namespace kv::plugin {
namespace {

struct CFree {
  void operator()(void* memory) const {
    std::free(memory);  // NOLINT(cppcoreguidelines-no-malloc): the readers of properties calloc
  }
};
using CText = std::unique_ptr<char, CFree>;

const Error kNoMemory(ErrorCode::kUnavailable, "out of memory");

Status ReadUserProperty(const mosquitto_property* property, wire::Incoming& incoming) {
  char* name = nullptr;
  char* value = nullptr;
  if (mosquitto_property_read_string_pair(
          property, MQTT_PROP_USER_PROPERTY, &name, &value, false) == nullptr) {
    return kNoMemory;
  }
  const CText owned_name(name);
  const CText owned_value(value);
  auto& list = wire::IsReserved(name) ? incoming.options : incoming.own.user;
  list.push_back({name, value});
  return Ok{};
}

Status ReadText(const mosquitto_property* property, int id, std::optional<std::string>& into) {
  char* text = nullptr;
  if (mosquitto_property_read_string(property, id, &text, false) == nullptr) {
    return kNoMemory;
  }
  const CText owned(text);
  into.emplace(text);
  return Ok{};
}

Status ReadCorrelation(const mosquitto_property* property, wire::Incoming& incoming) {
  void* data = nullptr;
  std::uint16_t length = 0;
  if (mosquitto_property_read_binary(property, MQTT_PROP_CORRELATION_DATA, &data, &length, false) ==
      nullptr) {
    return kNoMemory;
  }
  // An empty one comes as a null pointer.
  incoming.correlation_data.emplace(static_cast<const char*>(data) == nullptr
                                        ? std::string()
                                        : std::string(static_cast<const char*>(data), length));
  std::free(data);  // NOLINT(cppcoreguidelines-no-malloc): the readers of properties malloc
  return Ok{};
}

Status ReadProperty(const mosquitto_property* property, wire::Incoming& incoming) {
  switch (mosquitto_property_identifier(property)) {
    case MQTT_PROP_USER_PROPERTY: return ReadUserProperty(property, incoming);
    case MQTT_PROP_CONTENT_TYPE:
      return ReadText(property, MQTT_PROP_CONTENT_TYPE, incoming.own.content_type);
    case MQTT_PROP_RESPONSE_TOPIC:
      return ReadText(property, MQTT_PROP_RESPONSE_TOPIC, incoming.response_topic);
    case MQTT_PROP_CORRELATION_DATA: return ReadCorrelation(property, incoming);
    case MQTT_PROP_PAYLOAD_FORMAT_INDICATOR: {
      std::uint8_t format = 0;
      mosquitto_property_read_byte(property, MQTT_PROP_PAYLOAD_FORMAT_INDICATOR, &format, false);
      incoming.own.payload_format = format;
      return Ok{};
    }
    default: return Ok{};
  }
}

}  // namespace

Result<wire::Incoming> ReadEvent(const mosquitto_evt_message& event, bool is_v5) {
  wire::Incoming incoming;
  incoming.topic = event.topic;
  incoming.payload = {static_cast<const char*>(event.payload),
                      event.payload == nullptr ? 0 : event.payloadlen};
  incoming.qos = event.qos;
  incoming.is_v5 = is_v5;
  for (const mosquitto_property* property = event.properties; property != nullptr;
       property = mosquitto_property_next(property)) {
    if (auto read = ReadProperty(property, incoming); !read) {
      return std::move(read).error();
    }
  }
  return incoming;
}

void Swallow(mosquitto_evt_message& event) {
  // No wildcard matches a topic that begins with $, and nobody can subscribe to a control
  // character. In place, with something no longer: who frees a replaced topic differs between
  // versions. The payload's pointer may be replaced: the broker frees the old one in all of them.
  static constexpr char kNowhere[] = "$\x01";  // NOLINT(modernize-avoid-c-arrays): for memcpy
  std::memcpy(event.topic, kNowhere, sizeof(kNowhere));
  event.payload = nullptr;
  event.payloadlen = 0;
  event.retain = false;
}

int ApplyDecision(const Decision& decision, mosquitto_evt_message& event) {
  switch (decision.verdict) {
    case Verdict::kUntouched: return MOSQ_ERR_SUCCESS;
    case Verdict::kDenied: return MOSQ_ERR_ACL_DENIED;
    case Verdict::kSwallowed: Swallow(event); return MOSQ_ERR_SUCCESS;
    case Verdict::kMarked: break;
  }
  for (const auto& mark : decision.marks) {
    if (!AppendUserProperty(&event.properties, mark)) {
      break;  // short of memory: subscribers get the value all the same
    }
  }
  event.retain = decision.retain;
  return MOSQ_ERR_SUCCESS;
}

}  // namespace kv::plugin
