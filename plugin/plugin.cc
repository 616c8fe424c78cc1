// The three entry points of the plugin, and the callbacks that they register.
//
// What a callback answers when something throws stands beside its registration. No callback keeps a
// pointer of its event beyond its call.
#include <algorithm>
#include <memory>
#include <string>

#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>

#include "plugin/broker_configuration.h"
#include "plugin/guarded.h"
#include "plugin/incoming_message.h"
#include "plugin/instance.h"

namespace kv::plugin {
namespace {

constexpr int kPluginVersion = 5;
constexpr int kMqtt5 = 5;

// What one listener's loading of the plugin holds: the broker's userdata.
struct Loading {
  mosquitto_plugin_id_t* id = nullptr;
  std::shared_ptr<Instance> instance;
};

void LogLine(int level, const std::string& line) {
  mosquitto_log_printf(level, "kv: %s", line.c_str());
}

std::string_view TextOf(const char* text) {
  return text == nullptr ? std::string_view() : std::string_view(text);
}

// What was not stored must never look as if it were; what is not ours goes on whatever happens.
int AnswerOnFailure(const KvService& service, const mosquitto_evt_message& event) {
  return service.PlaneOf(event.topic) == wire::Plane::kNone ? MOSQ_ERR_SUCCESS
                                                            : MOSQ_ERR_ACL_DENIED;
}

int HandleMessage(KvService& service, mosquitto_evt_message& event) {
  if (service.PlaneOf(event.topic) == wire::Plane::kNone && !service.Captures(event.topic)) {
    return MOSQ_ERR_SUCCESS;
  }
  const Client client{TextOf(mosquitto_client_id(event.client)),
                      mosquitto_client_protocol_version(event.client) == kMqtt5,
                      TextOf(mosquitto_client_username(event.client)),
                      event.client,
                      // Only the broker's own bridges have none: they were not accepted.
                      mosquitto_client_address(event.client) == nullptr};
  auto incoming = ReadEvent(event, client.is_v5);
  if (!incoming) {
    return AnswerOnFailure(service, event);
  }
  return ApplyDecision(service.OnMessage(client, *incoming), event);
}

int OnMessage(int /*event*/, void* data, void* userdata) noexcept {
  auto& event = *static_cast<mosquitto_evt_message*>(data);
  KvService& service = static_cast<Loading*>(userdata)->instance->service();
  return Guarded(
      [&](const char* what) {
        LogLine(MOSQ_LOG_ERR, std::string("a message was not stored: ") + what);
        return AnswerOnFailure(service, event);  // nothing throws once the topic is changed
      },
      [&] { return HandleMessage(service, event); });
}

int OnDisconnect(int /*event*/, void* data, void* userdata) noexcept {
  const auto& event = *static_cast<mosquitto_evt_disconnect*>(data);
  // What could not be done now is done at the next ticks or, at the latest, at the next start.
  return Guarded(
      [](const char* what) {
        LogLine(MOSQ_LOG_ERR, std::string("the end of a connection was not seen: ") + what);
        return MOSQ_ERR_SUCCESS;
      },
      [&] {
        static_cast<Loading*>(userdata)->instance->service().OnDisconnect(event.client);
        return MOSQ_ERR_SUCCESS;
      });
}

int OnTick(int /*event*/, void* data, void* userdata) noexcept {
  Instance& instance = *static_cast<Loading*>(userdata)->instance;
  instance.waker().TickSeen();
  instance.Tick();
  // 2.0 comes back after 100 ms at most and ignores this. 2.1 sleeps until its next event unless
  // it is told: there the member is called next_ms.
  auto& event = *static_cast<mosquitto_evt_tick*>(data);
  constexpr long next_milliseconds = 100;
  event.next_s = 0;
  event.next_ns = next_milliseconds;
  return MOSQ_ERR_SUCCESS;
}

OptionList ToOptionList(const mosquitto_opt* options, int count) {
  OptionList list;
  std::for_each(options, options + count, [&list](const mosquitto_opt& option) {
    list.emplace_back(option.key, option.value);
  });
  return list;
}

int Load(mosquitto_plugin_id_t* id, void** userdata, const OptionList& list) {
  auto options = ParseOptions(list);
  if (!options) {
    LogLine(MOSQ_LOG_ERR, options.error().message);
    return MOSQ_ERR_INVAL;
  }
  if (!options->broker_snapshot) {
    options->broker_snapshot = FindBrokerSnapshot(CommandLine());
  }
  auto instance = Instance::Share(*options);
  if (!instance) {
    LogLine(MOSQ_LOG_ERR, instance.error().message);
    return MOSQ_ERR_INVAL;
  }
  auto loading = std::make_unique<Loading>(Loading{id, std::move(*instance)});
  // ACL_CHECK is not registered: merely listening to it would close an open broker or skip the
  // acl_file (broker-facts.md).
  for (const auto& [event, callback] : {std::pair{MOSQ_EVT_MESSAGE, &OnMessage},
                                        std::pair{MOSQ_EVT_DISCONNECT, &OnDisconnect},
                                        std::pair{MOSQ_EVT_TICK, &OnTick}}) {
    const int registered = mosquitto_callback_register(id, event, callback, nullptr, loading.get());
    if (registered != MOSQ_ERR_SUCCESS) {
      LogLine(MOSQ_LOG_ERR, "the broker refused a callback: " + std::to_string(registered));
      return registered;
    }
  }
  *userdata = loading.release();
  return MOSQ_ERR_SUCCESS;
}

int Unload(void* userdata) {
  const std::unique_ptr<Loading> loading(static_cast<Loading*>(userdata));
  if (loading) {
    mosquitto_callback_unregister(loading->id, MOSQ_EVT_MESSAGE, &OnMessage, nullptr);
    mosquitto_callback_unregister(loading->id, MOSQ_EVT_DISCONNECT, &OnDisconnect, nullptr);
    mosquitto_callback_unregister(loading->id, MOSQ_EVT_TICK, &OnTick, nullptr);
  }
  return MOSQ_ERR_SUCCESS;
}

int ReportFailure(const char* what) {
  LogLine(MOSQ_LOG_ERR, std::string("failed: ") + what);
  return MOSQ_ERR_UNKNOWN;
}

}  // namespace
}  // namespace kv::plugin

extern "C" {

__attribute__((visibility("default"))) int mosquitto_plugin_version(int supported_version_count,
                                                                    const int* supported_versions) {
  const int* end = supported_versions + supported_version_count;
  return std::find(supported_versions, end, kv::plugin::kPluginVersion) == end
             ? -1
             : kv::plugin::kPluginVersion;
}

__attribute__((visibility("default"))) int mosquitto_plugin_init(mosquitto_plugin_id_t* identifier,
                                                                 void** userdata,
                                                                 mosquitto_opt* options,
                                                                 int option_count) {
  return kv::plugin::Guarded(kv::plugin::ReportFailure, [&] {
    return kv::plugin::Load(identifier, userdata, kv::plugin::ToOptionList(options, option_count));
  });
}

__attribute__((visibility("default"))) int mosquitto_plugin_cleanup(void* userdata,
                                                                    mosquitto_opt* /*options*/,
                                                                    int /*option_count*/) {
  return kv::plugin::Guarded(kv::plugin::ReportFailure,
                             [&] { return kv::plugin::Unload(userdata); });
}

}  // extern "C"
