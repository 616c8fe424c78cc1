// A device that keeps its configuration in a bucket and follows changes.
//
//   device_config [SERVER [DEVICE]]      default: mqtt://127.0.0.1:1883 lamp-1
//
// Its settings are the keys config/<device>/<name> of the bucket `config`. At start it creates the
// ones that are missing with its defaults (create: what someone has set stays), then applies
// whatever is there and every change. Setting `power` to `off` ends it:
//
//   mosquitto_pub -t kv/config/lamp-1/interval -m 30 -q 1
//   mosquitto_pub -t kv/config/lamp-1/power -m off -q 1
#include <iostream>
#include <map>
#include <string>

#include <mqtt/async_client.h>

namespace {

constexpr int kAtLeastOnce = 1;

const std::map<std::string, std::string> kDefaults{
    {"interval", "60"},
    {"power", "on"},
};

std::string PropertyOf(const mqtt::message& message, const std::string& name) {
  const auto& properties = message.get_properties();
  const auto count = properties.count(mqtt::property::USER_PROPERTY);
  for (std::size_t i = 0; i < count; ++i) {
    const auto [key, value] =
        mqtt::get<mqtt::string_pair>(properties, mqtt::property::USER_PROPERTY, i);
    if (key == name) {
      return value;
    }
  }
  return {};
}

// What a device does with a setting. False: it was told to go.
bool Apply(const std::string& prefix, const mqtt::message& message) {
  const std::string name = message.get_topic().substr(prefix.size());
  const std::string revision = PropertyOf(message, "kv-revision");
  if (message.get_payload().empty()) {
    const auto fallback = kDefaults.find(name);
    std::cout << name << " was deleted at revision " << revision << ", back to "
              << (fallback == kDefaults.end() ? "nothing" : fallback->second) << std::endl;
    return true;
  }
  std::cout << name << " = " << message.get_payload_str() << " (revision " << revision << ")"
            << std::endl;
  return name != "power" || message.get_payload_str() != "off";
}

void CreateDefaults(mqtt::async_client& client, const std::string& prefix) {
  for (const auto& [name, value] : kDefaults) {
    mqtt::properties properties{{mqtt::property::USER_PROPERTY, "kv-op", "create"}};
    const auto message =
        mqtt::message::create(prefix + name, value, kAtLeastOnce, /*retained=*/false, properties);
    try {
      client.publish(message)->wait();
      std::cout << "created " << name << std::endl;
    } catch (const mqtt::exception&) {
      // Reason code 0x87: the key has a value already, and keeps it.
      std::cout << "kept " << name << std::endl;
    }
  }
}

int Run(const std::string& server, const std::string& device) {
  const std::string prefix = "kv/config/" + device + "/";
  mqtt::async_client client(server, "device-" + device, mqtt::create_options(MQTTVERSION_5));
  const auto options = mqtt::connect_options_builder()
                           .mqtt_version(MQTTVERSION_5)
                           .clean_start(true)
                           .automatic_reconnect(true)
                           .finalize();
  client.start_consuming();
  client.connect(options)->wait();
  CreateDefaults(client, prefix);
  // First the values as they are (retained), then every change; anew after each reconnect.
  client.set_connected_handler(
      [&](const std::string&) { client.subscribe(prefix + "#", kAtLeastOnce); });
  client.subscribe(prefix + "#", kAtLeastOnce)->wait();
  bool on = true;
  while (on) {
    const auto message = client.consume_message();
    if (message) {  // none: the connection was lost, and comes back by itself
      on = Apply(prefix, *message);
    }
  }
  client.stop_consuming();
  client.disconnect()->wait();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return Run(argc > 1 ? argv[1] : "mqtt://127.0.0.1:1883", argc > 2 ? argv[2] : "lamp-1");
  } catch (const std::exception& error) {
    std::cerr << "device_config: " << error.what() << std::endl;
    return 1;
  }
}
