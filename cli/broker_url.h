// The broker as mosquitto_pub's --url names it: mqtt(s)://[user[:password]@]host[:port].
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "kv/result.h"

namespace kv::cli {

struct BrokerUrl {
  bool is_tls = false;
  std::string host;
  std::uint16_t port = 0;  // 0: it has none
  std::string username;
  std::string password;
};

// Errors: bad-request, naming what is accepted.
Result<BrokerUrl> ReadBrokerUrl(std::string_view text);

}  // namespace kv::cli
