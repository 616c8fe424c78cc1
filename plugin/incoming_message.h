// From the broker's event to this project's own words, and back.
#pragma once

#include <string>

#include "plugin/data_plane.h"
#include "wire/incoming.h"

struct mosquitto_evt_message;

namespace kv::plugin {

// The event's views are good during its call only. Errors: unavailable, when memory is short.
Result<wire::Incoming> ReadEvent(const mosquitto_evt_message& event, bool is_v5);

// Does to the message what was decided; returns what the callback returns. Only MOSQ_ERR_SUCCESS
// and MOSQ_ERR_ACL_DENIED ever: any other value would disconnect the client in 2.0.
int ApplyDecision(const Decision& decision, mosquitto_evt_message& event);

// Nobody gets the message, its writer's PUBACK is a success.
void Swallow(mosquitto_evt_message& event);

}  // namespace kv::plugin
