// BrokerPort: what the plugin asks of the broker, so that everything but the last inch can be
// tested without one. The broker's thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kv/entry.h"

namespace kv::plugin {

enum class LogLevel : std::uint8_t {
  kDebug,
  kInfo,
  kNotice,
  kWarning,
  kError,
};

// Views are read during the call only.
struct Message {
  std::string_view topic;
  std::string_view payload;
  std::uint8_t qos = 0;
  bool retain = false;
  const Properties* own = nullptr;                  // without its user properties if `user` is set
  const std::vector<UserProperty>* user = nullptr;  // after own->user, unless own_user is false
  bool own_user = true;
  std::string_view correlation_data;  // empty: none
};

class BrokerPort {
 public:
  BrokerPort() = default;
  BrokerPort(const BrokerPort&) = delete;
  BrokerPort& operator=(const BrokerPort&) = delete;
  virtual ~BrokerPort() = default;

  // To every subscriber, and retained if asked, at the broker's next flush. False: out of memory.
  virtual bool Publish(const Message& message) = 0;
  // To one session, subscribed or not. Dropped if there is no such session.
  virtual bool SendTo(const std::string& client_id, const Message& message) = 0;
  virtual void Log(LogLevel level, const std::string& line) = 0;
};

}  // namespace kv::plugin
