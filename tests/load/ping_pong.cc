#include "tests/load/ping_pong.h"

#include <thread>

#include "tests/support/mqtt_client.h"

namespace kv::testing {

using std::chrono::ceil;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

std::optional<bench::Histogram> PingPong(std::uint16_t port,
                                         std::chrono::milliseconds interval,
                                         std::chrono::duration<double> warm_up,
                                         std::chrono::duration<double> duration) {
  constexpr const char* topic = "neighbour/ping";
  MqttClient client(port);
  if (!client.Connect() || client.Subscribe(topic, 1) != 1) {
    return std::nullopt;
  }
  bench::Histogram latency;
  const auto measured_from = steady_clock::now() + ceil<nanoseconds>(warm_up);
  const auto end = measured_from + ceil<nanoseconds>(duration);
  for (auto due = steady_clock::now(); due < end; due += interval) {
    auto sent = due;
    if (steady_clock::now() < due) {
      std::this_thread::sleep_until(due);
      sent = steady_clock::now();  // waking up late is not the broker's fault
    }
    const auto id = client.PublishAsync(topic, "ping");
    if (!id || !client.WaitMessage()) {
      return std::nullopt;
    }
    const auto back = steady_clock::now();
    if (!client.WaitPublished(*id)) {
      return std::nullopt;
    }
    if (due >= measured_from) {
      latency.Add(back - sent, 1);
    }
  }
  return latency;
}

}  // namespace kv::testing
