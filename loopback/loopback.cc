#include "loopback/loopback.h"

#include <MQTTClient.h>

#include <algorithm>
#include <chrono>
#include <memory>

#include "kv/own_files.h"

namespace kv::loopback {
namespace {

constexpr int kConnectSeconds = 1;  // short: the broker waits for this thread when it stops
constexpr int kKeepAliveSeconds = 60;
constexpr unsigned long kReceiveMilliseconds = 200;
// What came while the plugin was not connected, the broker keeps this long.
constexpr std::uint32_t kSessionSeconds = 24 * 3600;
constexpr std::uint16_t kReceiveMaximum = 65535;
constexpr std::chrono::milliseconds kFirstPause{50};
constexpr std::chrono::milliseconds kLastPause{2000};

struct Destroy {
  void operator()(void* handle) const { MQTTClient_destroy(&handle); }
};
using Client = std::unique_ptr<void, Destroy>;

class PropertyList {
 public:
  PropertyList() = default;
  PropertyList(const PropertyList&) = delete;
  PropertyList& operator=(const PropertyList&) = delete;
  ~PropertyList() { MQTTProperties_free(&list_); }

  void AddNumber(MQTTPropertyCodes code, std::uint32_t number) {
    MQTTProperty property{};
    property.identifier = code;
    if (code == MQTTPROPERTY_CODE_RECEIVE_MAXIMUM) {
      property.value.integer2 = static_cast<unsigned short>(number);
    } else {
      property.value.integer4 = number;
    }
    MQTTProperties_add(&list_, &property);
  }
  MQTTProperties* get() { return &list_; }

 private:
  MQTTProperties list_ = MQTTProperties_initializer;
};

std::string TextOf(const MQTTLenString& text) {
  return {text.data, static_cast<std::size_t>(text.len)};
}

Properties PropertiesOf(const MQTTProperties& list) {
  Properties properties;
  for (int i = 0; i < list.count; ++i) {
    const MQTTProperty& property = list.array[i];
    switch (property.identifier) {
      case MQTTPROPERTY_CODE_USER_PROPERTY:
        properties.user.push_back({TextOf(property.value.data), TextOf(property.value.value)});
        break;
      case MQTTPROPERTY_CODE_CONTENT_TYPE:
        properties.content_type = TextOf(property.value.data);
        break;
      case MQTTPROPERTY_CODE_PAYLOAD_FORMAT_INDICATOR:
        properties.payload_format = property.value.byte;
        break;
      default: break;
    }
  }
  return properties;
}

std::string Why(const char* what, int code) {
  const char* text = MQTTClient_strerror(code);
  return std::string(what) + ": " + (text != nullptr ? text : "code " + std::to_string(code));
}

// Empty: connected.
std::string Connect(MQTTClient client, const Options& options) {
  MQTTClient_connectOptions connect = MQTTClient_connectOptions_initializer5;
  connect.keepAliveInterval = kKeepAliveSeconds;
  connect.connectTimeout = kConnectSeconds;
  connect.cleanstart = 0;
  if (!options.username.empty()) {
    connect.username = options.username.c_str();
    connect.password = options.password.c_str();
  }
  PropertyList properties;
  properties.AddNumber(MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL, kSessionSeconds);
  properties.AddNumber(MQTTPROPERTY_CODE_RECEIVE_MAXIMUM, kReceiveMaximum);
  MQTTResponse response = MQTTClient_connect5(client, &connect, properties.get(), nullptr);
  const int code = static_cast<int>(response.reasonCode);
  MQTTResponse_free(response);
  if (code == MQTTCLIENT_SUCCESS) {
    return {};
  }
  return code > 0 ? "refused, reason code " + std::to_string(code) : Why("cannot connect", code);
}

// Empty: subscribed.
std::string Subscribe(MQTTClient client, const std::string& filter) {
  MQTTSubscribe_options subscribe = MQTTSubscribe_options_initializer;
  subscribe.retainAsPublished = 1;
  subscribe.retainHandling = 2;  // what is retained already is not news
  MQTTResponse response = MQTTClient_subscribe5(client, filter.c_str(), 1, &subscribe, nullptr);
  const int code = static_cast<int>(response.reasonCode);
  MQTTResponse_free(response);
  return code >= 0 && code <= 2
             ? std::string()
             : "the subscription to " + filter + " is refused, reason code " + std::to_string(code);
}

}  // namespace

Loopback::Loopback(Options options, Handlers handlers)
    : options_(std::move(options)), handlers_(std::move(handlers)), thread_([this] { Run(); }) {}

Loopback::~Loopback() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    stopped_.notify_all();
  }
  thread_.join();
}

bool Loopback::Pause(int attempts) {
  const auto pause = std::min(kLastPause, kFirstPause * (1 << std::min(attempts, 6)));
  std::unique_lock lock(mutex_);
  return !stopped_.wait_for(lock, pause, [this] { return stopping(); });
}

void Loopback::Run() {
  TakeOwnFiles();
  std::string known;
  int attempts = 0;
  while (!stopping()) {
    served_ = false;
    const std::string why = Serve();
    attempts = served_ ? 0 : attempts + 1;
    // The broker does not listen yet when it loads the plugin: the first refusals are no news.
    constexpr int quiet = 5;
    if (!stopping() && (served_ || attempts > quiet) && why != known) {
      handlers_.on_state(false, why);
      known = why;
    }
    if (served_) {
      known.clear();
    }
    if (!Pause(attempts)) {
      return;
    }
  }
}

std::string Loopback::Serve() {
  const std::string address = "tcp://127.0.0.1:" + std::to_string(options_.port);
  MQTTClient_createOptions create = MQTTClient_createOptions_initializer;
  create.MQTTVersion = MQTTVERSION_5;
  MQTTClient handle = nullptr;
  const int created = MQTTClient_createWithOptions(&handle,
                                                   address.c_str(),
                                                   options_.client_id.c_str(),
                                                   MQTTCLIENT_PERSISTENCE_NONE,
                                                   nullptr,
                                                   &create);
  if (created != MQTTCLIENT_SUCCESS) {
    return Why("no client", created);
  }
  const Client client(handle);
  std::string wrong = Connect(handle, options_);
  wrong = wrong.empty() ? Subscribe(handle, options_.filter) : wrong;
  if (!wrong.empty()) {
    return wrong;
  }
  served_ = true;
  handlers_.on_state(true, options_.filter);
  while (!stopping()) {
    char* topic = nullptr;
    int topic_length = 0;
    MQTTClient_message* message = nullptr;
    const int received =
        MQTTClient_receive(handle, &topic, &topic_length, &message, kReceiveMilliseconds);
    if (message != nullptr) {
      const std::size_t length =
          topic_length > 0 ? static_cast<std::size_t>(topic_length) : std::string(topic).size();
      handlers_.on_message({.topic = std::string(topic, length),
                            .payload = {static_cast<const char*>(message->payload),
                                        static_cast<std::size_t>(message->payloadlen)},
                            .qos = static_cast<std::uint8_t>(message->qos),
                            .retain = message->retained != 0,
                            .own = PropertiesOf(message->properties)});
      MQTTClient_freeMessage(&message);
      MQTTClient_free(topic);
    } else if (received != MQTTCLIENT_SUCCESS || MQTTClient_isConnected(handle) == 0) {
      return "the connection was lost";
    }
  }
  return {};
}

}  // namespace kv::loopback
