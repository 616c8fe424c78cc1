// How to get to the broker, with the names that mosquitto_pub and mosquitto_sub have for it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "kv/result.h"
#include "mosquitto_kv/client.h"

namespace CLI {
class App;
}

namespace kv::cli {

struct ConnectionOptions {
  std::string host;        // empty: localhost
  std::uint16_t port = 0;  // 0: 1883, with TLS 8883
  std::string username;
  std::string password;
  std::string client_id;
  std::string client_id_prefix;
  std::uint16_t keep_alive = 60;  // seconds
  std::string protocol_version;
  std::string ca_file;
  std::string ca_path;
  std::string certificate_file;
  std::string key_file;
  bool insecure = false;
  std::string url;
  // Of the file of defaults: what says the same on the command line goes before.
  std::string default_url;
  std::uint16_t default_port = 0;
  std::string topic_prefix = "kv";
  double timeout = 0;  // seconds; 0: not given
};

// Adds the options to the command line; `options` has to outlive it.
void AddConnectionOptions(CLI::App& app, ConnectionOptions& options);

// What was read so far is of the file of defaults; what is read into it from now on, of the command
// line.
void TurnIntoDefaults(ConnectionOptions& options);

// Errors: bad-request, naming the option.
Result<ClientOptions> ClientOptionsOf(const ConnectionOptions& given);

}  // namespace kv::cli
