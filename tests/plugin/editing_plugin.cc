// A neighbour of the plugin under test, of the kind of Mosquitto's message-timestamp sample: on
// each PUBLISH it appends a user property, and an exclamation mark to the payload.
#include <cstring>

#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>
#include <mqtt_protocol.h>

namespace {

mosquitto_plugin_id_t* identifier = nullptr;

int OnMessage(int /*event*/, void* data, void* /*userdata*/) {
  auto& event = *static_cast<mosquitto_evt_message*>(data);
  if (event.payloadlen > 0) {
    auto* longer = static_cast<char*>(mosquitto_malloc(event.payloadlen + 1));
    if (longer == nullptr) {
      return MOSQ_ERR_NOMEM;
    }
    std::memcpy(longer, event.payload, event.payloadlen);
    longer[event.payloadlen] = '!';
    event.payload = longer;  // the broker frees the one that it replaces
    ++event.payloadlen;
  }
  return mosquitto_property_add_string_pair(
      &event.properties, MQTT_PROP_USER_PROPERTY, "edited-by", "neighbour");
}

}  // namespace

extern "C" {

int mosquitto_plugin_version(int /*count*/, const int* /*versions*/) {
  return 5;
}

int mosquitto_plugin_init(mosquitto_plugin_id_t* id,
                          void** /*userdata*/,
                          mosquitto_opt* /*options*/,
                          int /*count*/) {
  identifier = id;
  return mosquitto_callback_register(id, MOSQ_EVT_MESSAGE, &OnMessage, nullptr, nullptr);
}

int mosquitto_plugin_cleanup(void* /*userdata*/, mosquitto_opt* /*options*/, int /*count*/) {
  return mosquitto_callback_unregister(identifier, MOSQ_EVT_MESSAGE, &OnMessage, nullptr);
}

}  // extern "C"
