// A plugin that retains every publish under kv/ with three properties such as a change has, and
// does nothing else. So scripts/bench tells what the broker takes for the properties alone, which
// no plugin can spare it.
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>
#include <mqtt_protocol.h>

namespace {

constexpr int kPluginVersion = 5;

struct Marks {
  mosquitto_plugin_id_t* id = nullptr;
  std::uint64_t revision = 0;
};

void Add(mosquitto_property** list, const char* name, const char* value) {
  mosquitto_property_add_string_pair(list, MQTT_PROP_USER_PROPERTY, name, value);
}

int OnMessage(int /*event*/, void* data, void* userdata) {
  auto& event = *static_cast<mosquitto_evt_message*>(data);
  auto& marks = *static_cast<Marks*>(userdata);
  if (std::strncmp(event.topic, "kv/", 3) == 0) {
    Add(&event.properties, "kv-op", "PUT");
    Add(&event.properties, "kv-revision", std::to_string(++marks.revision).c_str());
    Add(&event.properties, "kv-time", "2026-11-22T20:20:03.123456789Z");
    event.retain = true;
  }
  return MOSQ_ERR_SUCCESS;
}

}  // namespace

extern "C" {

__attribute__((visibility("default"))) int mosquitto_plugin_version(int /*count*/,
                                                                    const int* /*versions*/) {
  return kPluginVersion;
}

__attribute__((visibility("default"))) int mosquitto_plugin_init(mosquitto_plugin_id_t* id,
                                                                 void** userdata,
                                                                 mosquitto_opt* /*options*/,
                                                                 int /*option_count*/) {
  auto marks = std::make_unique<Marks>(Marks{.id = id});
  const int registered =
      mosquitto_callback_register(id, MOSQ_EVT_MESSAGE, &OnMessage, nullptr, marks.get());
  *userdata = marks.release();
  return registered;
}

__attribute__((visibility("default"))) int mosquitto_plugin_cleanup(void* userdata,
                                                                    mosquitto_opt* /*options*/,
                                                                    int /*option_count*/) {
  const std::unique_ptr<Marks> marks(static_cast<Marks*>(userdata));
  return mosquitto_callback_unregister(marks->id, MOSQ_EVT_MESSAGE, &OnMessage, nullptr);
}

}  // extern "C"
