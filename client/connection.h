// Connection: one connection to the broker, from its attempt to its end. The only place that knows
// the MQTT library.
//
// All functions are called on one thread, the client's network thread; they do not wait. The
// library calls the handlers on threads of its own, with its locks held: they must only hand
// things over.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kv/entry.h"
#include "kv/error.h"
#include "mosquitto_kv/client.h"

namespace kv::client {

struct Publication {
  std::string topic;
  std::string payload;
  std::string response_topic;
  std::string correlation;
  Properties properties;  // those of the protocol among them
  int qos = 1;            // 0 or 1
};

struct Arrival {
  std::string topic;
  std::string payload;
  std::string correlation;
  bool retained = false;
  Properties properties;  // those of the protocol among them
};

class Connection {
 public:
  using ActionId = std::uint64_t;  // chosen by the caller, not 0

  struct Handlers {
    std::function<void()> on_connected;
    std::function<void(Error)> on_failed;      // it never came about
    std::function<void(std::string)> on_lost;  // and why
    std::function<void(Arrival)> on_message;
    // A publish or a subscription is through, respectively refused.
    std::function<void(ActionId, std::optional<Error>)> on_done;
  };

  // Begins to connect. Exactly one of on_connected and on_failed follows.
  Connection(const ClientOptions& options, const std::string& client_id, Handlers handlers);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  // Says good-bye to the broker, which takes at most a second. No handler runs afterwards.
  ~Connection();

  // If the connection is lost before it is through, on_done may never come.
  void Publish(const Publication& publication, ActionId id);
  // At QoS 1, without the retained messages.
  void Subscribe(const std::string& filter, ActionId id);
  void Unsubscribe(const std::string& filter);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kv::client
