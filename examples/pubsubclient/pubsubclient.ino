// A bucket from a microcontroller, with PubSubClient alone: MQTT 3.1.1, publishes of QoS 0, no
// properties.
//
// Arduino IDE: install "PubSubClient", choose an ESP32 board, fill in the three lines below,
// upload, and open the serial monitor at 115200 baud.
#include <PubSubClient.h>
#include <WiFi.h>

const char* const kWifiName = "your network";
const char* const kWifiPassword = "its password";
const char* const kBroker = "192.168.1.10";

WiFiClient network;
PubSubClient mqtt(network);

// What PubSubClient can do is publish to a topic. Below kv/ that writes; below $KV/ it is a
// request, whose answer comes as JSON to $KV/reply/..., to this connection alone, without a
// subscription.
struct Step {
  const char* what;
  const char* topic;
  const char* payload;
};
const Step kSteps[] = {
    {"five entries of each key are kept", "$KV/home/admin/create", "{\"history\": 5}"},
    {"put: the watch shows it", "kv/home/lamp", "on"},
    {"get, with its revision", "$KV/home/get/lamp", ""},
    {"create: only if it has no value", "$KV/home/create/door", "closed"},
    {"create again is refused", "$KV/home/create/door", "closed"},
    {"compare-and-set: only if 1 is the newest revision", "$KV/home/update/1/lamp", "off"},
    {"compare-and-set again is refused", "$KV/home/update/1/lamp", "off"},
    {"delete: an empty payload", "kv/home/door", ""},
    {"history, three entries a page", "$KV/home/history", "{\"limit\": 3}"},
    {"keys", "$KV/home/keys", ""},
};
const size_t kStepCount = sizeof(kSteps) / sizeof(kSteps[0]);
size_t next_step = 0;
bool waiting = false;

// Get and watch in one: first the values as they are (retained), then every change.
void onMessage(char* topic, uint8_t* payload, unsigned int length) {
  Serial.print(topic);
  Serial.print(" = ");
  Serial.write(payload, length);
  Serial.println();
  // The next step goes when this one has been answered: a request by its reply, a write by the
  // watch.
  const char* const asked = next_step > 0 ? kSteps[next_step - 1].topic : "";
  const bool is_reply = strncmp(topic, "$KV/reply/", 10) == 0 && strcmp(topic + 10, asked + 4) == 0;
  if (is_reply || strcmp(topic, asked) == 0) {
    waiting = false;
  }
}

void reconnect() {
  while (!mqtt.connect("pubsubclient-example")) {
    Serial.println("no broker yet");
    delay(2000);
  }
  mqtt.subscribe("kv/home/#", 1);
}

void setup() {
  Serial.begin(115200);
  WiFi.begin(kWifiName, kWifiPassword);
  while (WiFi.status() != WL_CONNECTED) {
    delay(200);
  }
  mqtt.setServer(kBroker, 1883);
  mqtt.setCallback(onMessage);
  // PubSubClient drops what does not fit: a page of entries must, with its topic. Its default is
  // 256 bytes.
  mqtt.setBufferSize(1024);
}

void loop() {
  if (!mqtt.connected()) {
    reconnect();
  }
  if (!waiting && next_step < kStepCount) {
    const Step& step = kSteps[next_step++];
    Serial.print("# ");
    Serial.println(step.what);
    // QoS 0 may get lost: a sketch that must be sure asks again when no answer has come in time.
    mqtt.publish(step.topic, step.payload);
    waiting = true;
  }
  mqtt.loop();
}
