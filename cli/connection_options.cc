#include "cli/connection_options.h"

#include <unistd.h>

#include <optional>
#include <utility>

#include "cli/broker_url.h"

#include <CLI/CLI.hpp>

namespace kv::cli {
namespace {

constexpr std::uint16_t kPlainPort = 1883;
constexpr std::uint16_t kTlsPort = 8883;
constexpr double kDefaultTimeout = 10;
constexpr double kLongestTimeout = 86'400;

std::string CheckVersion(const std::string& version) {
  return version == "5" || version == "mqttv5"
             ? ""
             : "accepted is 5 or mqttv5: replies and revisions need MQTT 5";
}

// The URL says more than the options beside it.
void PutOver(const BrokerUrl& url, ConnectionOptions& options) {
  options.host = url.host;
  options.port = url.port == 0 ? options.port : url.port;
  if (!url.username.empty()) {
    options.username = url.username;
    options.password = url.password;
  }
}

// The URL says what the options leave open.
void PutUnder(const BrokerUrl& url, ConnectionOptions& options) {
  options.host = options.host.empty() ? url.host : options.host;
  options.port = options.port == 0 ? url.port : options.port;
  if (options.username.empty()) {
    options.username = url.username;
    options.password = options.password.empty() ? url.password : options.password;
  }
}

// Puts what the URL stands for into the options; true if it asks for TLS.
Result<bool> TakeUrl(ConnectionOptions& options) {
  const bool is_default = options.url.empty();
  const std::string& text = is_default ? options.default_url : options.url;
  bool is_tls = false;
  if (!text.empty()) {
    const auto url = ReadBrokerUrl(text);
    if (!url) {
      return url.error();
    }
    if (is_default) {
      PutUnder(*url, options);
    } else {
      PutOver(*url, options);
    }
    is_tls = url->is_tls;
  }
  if (options.port == 0 && is_default) {
    options.port = options.default_port;
  }
  return is_tls;
}

std::string IdOf(const std::string& prefix) {
  return prefix + std::to_string(getpid());
}

std::optional<TlsOptions> TlsOptionsOf(const ConnectionOptions& options, bool wanted) {
  if (!wanted && options.ca_file.empty() && options.ca_path.empty() &&
      options.certificate_file.empty() && options.key_file.empty() && !options.insecure) {
    return std::nullopt;
  }
  return TlsOptions{.ca_file = options.ca_file,
                    .ca_path = options.ca_path,
                    .certificate_file = options.certificate_file,
                    .key_file = options.key_file,
                    .insecure = options.insecure};
}

}  // namespace

void AddConnectionOptions(CLI::App& app, ConnectionOptions& options) {
  const std::string group = "Connection (as mosquitto_pub has it)";
  const auto text = [&](const std::string& names, std::string& target, const std::string& what) {
    return app.add_option(names, target, what)->group(group)->take_last();
  };
  text("-h,--host", options.host, "the broker; default localhost");
  app.add_option("-p,--port", options.port, "its port; default 1883, with TLS 8883")
      ->group(group)
      ->take_last()
      ->type_name("NUMBER")
      ->check(CLI::Range(1, 65'535).description(""));
  text("-L,--url", options.url, "all in one: mqtt(s)://[user[:password]@]host[:port]");
  text("-u,--username", options.username, "the user");
  text("-P,--pw", options.password, "the user's password");
  text("-i,--id", options.client_id, "the client id; default a random one");
  text("-I,--id-prefix", options.client_id_prefix, "the client id is this and the process id");
  app.add_option("-k,--keepalive", options.keep_alive, "seconds between signs of life; default 60")
      ->group(group)
      ->take_last()
      ->type_name("NUMBER")
      ->check(CLI::Range(1, 65'535).description(""));
  text("-V,--protocol-version", options.protocol_version, "5 or mqttv5, nothing else")
      ->check(CLI::Validator(CheckVersion, "", ""));
  text("--cafile", options.ca_file, "TLS: the certificates to trust, PEM");
  text("--capath", options.ca_path, "TLS: a directory of them");
  text("--cert", options.certificate_file, "TLS: this client's certificate, PEM");
  text("--key", options.key_file, "TLS: its private key, PEM");
  app.add_flag("--insecure", options.insecure, "TLS: accept any certificate (for tests only)")
      ->group(group);
  text("--topic-prefix", options.topic_prefix, "the broker's plugin_opt_topic_prefix; default kv");
  app.add_option("-W,--timeout",
                 options.timeout,
                 "seconds to wait for the connection, and for a reply; default 10. Of watch: "
                 "seconds after which it ends")
      ->group(group)
      ->take_last()
      ->type_name("SECONDS")
      ->check(CLI::Range(0.001, kLongestTimeout).description(""));
}

void TurnIntoDefaults(ConnectionOptions& options) {
  if (!options.url.empty()) {
    options.default_url = std::exchange(options.url, {});
    options.host.clear();  // the URL says more than it
  }
  options.default_port = std::exchange(options.port, std::uint16_t{0});
  if (!options.client_id_prefix.empty()) {
    options.client_id = IdOf(std::exchange(options.client_id_prefix, {}));
  }
}

Result<ClientOptions> ClientOptionsOf(const ConnectionOptions& given) {
  ConnectionOptions options = given;
  const auto wants_tls = TakeUrl(options);
  if (!wants_tls) {
    return wants_tls.error();
  }
  if (options.username.empty() && !options.password.empty()) {
    return Error(ErrorCode::kBadRequest, "--pw: a password needs a --username");
  }
  if (options.certificate_file.empty() != options.key_file.empty()) {
    return Error(ErrorCode::kBadRequest, "--cert and --key: accepted are both or none");
  }
  ClientOptions client{.host = options.host.empty() ? "localhost" : options.host,
                       .port = options.port,
                       .username = options.username,
                       .password = options.password,
                       .client_id = options.client_id,
                       .tls = TlsOptionsOf(options, *wants_tls),
                       .keep_alive = std::chrono::seconds(options.keep_alive),
                       .topic_prefix = options.topic_prefix};
  if (client.port == 0) {
    client.port = client.tls ? kTlsPort : kPlainPort;
  }
  if (!options.client_id_prefix.empty()) {
    client.client_id = IdOf(options.client_id_prefix);
  }
  const double seconds = options.timeout > 0 ? options.timeout : kDefaultTimeout;
  const auto timeout =
      std::chrono::ceil<std::chrono::milliseconds>(std::chrono::duration<double>(seconds));
  client.connect_timeout = timeout;
  client.request_timeout = timeout;
  return client;
}

}  // namespace kv::cli
