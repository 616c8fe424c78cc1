// Lists of MQTT properties as texts.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <mosquitto.h>
#include <mqtt_protocol.h>

namespace kv::plugin::testing {

struct MallocFree {
  void operator()(void* memory) const { std::free(memory); }  // NOLINT(*-no-malloc)
};
template <typename T>
using Malloced = std::unique_ptr<T, MallocFree>;

inline std::string TextOfProperty(const mosquitto_property* property) {
  const int id = mosquitto_property_identifier(property);
  char* name = nullptr;
  char* text = nullptr;
  void* data = nullptr;
  std::uint16_t length = 0;
  std::uint8_t byte = 0;
  switch (id) {
    case MQTT_PROP_USER_PROPERTY: {
      mosquitto_property_read_string_pair(property, id, &name, &text, false);
      const Malloced<char> owned_name(name);
      const Malloced<char> owned_text(text);
      return std::string(name) + "=" + text;
    }
    case MQTT_PROP_CONTENT_TYPE: {
      mosquitto_property_read_string(property, id, &text, false);
      const Malloced<char> owned(text);
      return std::string("content-type ") + text;
    }
    case MQTT_PROP_CORRELATION_DATA: {
      mosquitto_property_read_binary(property, id, &data, &length, false);
      const Malloced<void> owned(data);
      return "correlation-data " + std::string(static_cast<const char*>(data), length);
    }
    case MQTT_PROP_PAYLOAD_FORMAT_INDICATOR:
      mosquitto_property_read_byte(property, id, &byte, false);
      return "payload-format " + std::to_string(byte);
    default: return "property " + std::to_string(id);
  }
}

inline std::vector<std::string> TextsOf(const mosquitto_property* property) {
  std::vector<std::string> texts;
  for (; property != nullptr; property = mosquitto_property_next(property)) {
    texts.push_back(TextOfProperty(property));
  }
  return texts;
}

}  // namespace kv::plugin::testing
