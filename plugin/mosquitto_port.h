// BrokerPort on Mosquitto's C API, and the owners of what that API allocates.
#pragma once

#include <string>
#include <string_view>

#include "kv/entry.h"
#include "plugin/broker_port.h"

// mosquitto_property, opaque.
struct mqtt5__property;  // NOLINT(bugprone-reserved-identifier): the broker's name

namespace kv::plugin {

// A list of properties on its way to the broker.
class PropertyList {
 public:
  PropertyList() = default;
  PropertyList(const PropertyList&) = delete;
  PropertyList& operator=(const PropertyList&) = delete;
  ~PropertyList();

  // False: out of memory.
  bool Add(const Message& message);
  mqtt5__property* get() const { return head_; }
  // The broker owns it from now on.
  void Release() { head_ = nullptr; }

 private:
  bool AddUser(const std::vector<UserProperty>& properties);
  mqtt5__property* head_ = nullptr;
};

// Appends to a list that the broker owns. False: out of memory.
bool AppendUserProperty(mqtt5__property** list, const UserProperty& property);

class MosquittoPort final : public BrokerPort {
 public:
  bool Publish(const Message& message) override;
  bool SendTo(const std::string& client_id, const Message& message) override;
  void Log(LogLevel level, const std::string& line) override;

 private:
  bool Hand(const char* client_id, const Message& message);

  std::string topic_;  // of one message after the other: the broker wants a C string
};

}  // namespace kv::plugin
