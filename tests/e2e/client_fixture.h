// A broker with the plugin, and typed clients of it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "mosquitto_kv/client.h"
#include "tests/e2e/kv_broker.h"

namespace kv::testing {

// Only a failing test waits so long.
inline constexpr std::chrono::milliseconds kPatience{30'000};

template <typename T>
std::string TokenOf(const Result<T>& result) {
  return std::string(result ? "ok" : result.error().token());
}

template <typename T>
std::string WhyOf(const Result<T>& result) {
  return result ? "ok" : std::string(result.error().token()) + ": " + result.error().message;
}

// `PUT a=1 @3`, `DEL a @4 disconnected`, `end of initial`, `gap after 7`, `ended: cancelled`.
inline std::string TextOf(const WatchEvent& event) {
  const Entry& entry = event.entry;
  switch (event.kind) {
    case WatchEvent::Kind::kEndOfInitial: return "end of initial";
    case WatchEvent::Kind::kGap: return "gap after " + std::to_string(entry.revision);
    case WatchEvent::Kind::kEnded: return "ended: " + std::string(event.error->token());
    case WatchEvent::Kind::kEntry: break;
  }
  std::string text = std::string(NameOf(entry.operation)) + " " + entry.key;
  text += entry.is_marker() ? "" : "=" + entry.value;
  text += " @" + std::to_string(entry.revision);
  return entry.reason == Reason::kNone ? text : text + " " + std::string(NameOf(entry.reason));
}

inline std::string NextOf(Watcher& watcher) {
  auto event = watcher.Next(kPatience);
  return event ? TextOf(*event) : "error: " + TokenOf(event);
}

// The next so many events.
inline std::vector<std::string> NextOf(Watcher& watcher, std::size_t count) {
  std::vector<std::string> events;
  while (events.size() < count) {
    events.push_back(NextOf(watcher));
  }
  return events;
}

class ClientTest : public KvBrokerTest {
 protected:
  ClientOptions Options() {
    ClientOptions options;
    options.port = broker().port();
    options.connect_timeout = kPatience;
    options.request_timeout = kPatience;
    options.first_reconnect_delay = std::chrono::milliseconds(10);
    options.last_reconnect_delay = std::chrono::milliseconds(100);
    return options;
  }

  Client Connected() { return Connected(Options()); }
  static Client Connected(const ClientOptions& options) {
    auto connected = Client::Connect(options);
    if (!connected) {
      throw std::runtime_error("cannot connect: " + WhyOf(connected));
    }
    return std::move(*connected);
  }
};

}  // namespace kv::testing
