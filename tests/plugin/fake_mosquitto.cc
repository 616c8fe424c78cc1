#include "tests/plugin/fake_mosquitto.h"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include <mosquitto.h>
#include <mosquitto_broker.h>

#include "tests/plugin/mosquitto_properties.h"

namespace kv::plugin::testing {

BrokerCalls& Calls() {
  static BrokerCalls calls;
  return calls;
}

}  // namespace kv::plugin::testing

using kv::plugin::testing::Calls;

extern "C" {

void* mosquitto_malloc(size_t size) {
  if (Calls().no_memory) {
    return nullptr;
  }
  ++Calls().allocated;
  return std::malloc(size);  // NOLINT(*-no-malloc)
}

void mosquitto_free(void* memory) {
  Calls().allocated -= memory == nullptr ? 0U : 1U;
  std::free(memory);  // NOLINT(*-no-malloc)
}

int mosquitto_broker_publish(const char* clientid,
                             const char* topic,
                             int payloadlen,
                             void* payload,
                             int qos,
                             bool retain,
                             mosquitto_property* properties) {
  if (Calls().refuse_publish) {
    return MOSQ_ERR_NOMEM;
  }
  Calls().published.push_back(
      {clientid == nullptr ? std::nullopt : std::optional<std::string>(clientid),
       topic,
       payload == nullptr
           ? ""
           : std::string(static_cast<const char*>(payload), static_cast<size_t>(payloadlen)),
       qos,
       retain,
       kv::plugin::testing::TextsOf(properties)});
  mosquitto_free(payload);  // it is the broker's now
  mosquitto_property_free_all(&properties);
  return MOSQ_ERR_SUCCESS;
}

void mosquitto_log_printf(int level, const char* fmt, ...) {
  std::array<char, 512> line{};
  va_list arguments;
  va_start(arguments, fmt);
  std::vsnprintf(line.data(), line.size(), fmt, arguments);
  va_end(arguments);
  Calls().log.emplace_back(level, line.data());
}

}  // extern "C"
