#include "cli/connection_options.h"

#include <unistd.h>

#include <optional>
#include <utility>

#include "kv/units.h"

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

Error BadUrl() {
  return Error(ErrorCode::kBadRequest,
               "--url: accepted is mqtt://[user[:password]@]host[:port] or mqtts://…");
}

// Reads the URL into the options that it stands for; true if it asks for TLS.
Result<bool> ReadUrl(std::string_view url, ConnectionOptions& options) {
  const std::size_t colon = url.find("://");
  const std::string_view scheme = url.substr(0, colon);
  if (colon == std::string_view::npos || (scheme != "mqtt" && scheme != "mqtts")) {
    return BadUrl();
  }
  std::string_view rest = url.substr(colon + 3);
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    const std::string_view user = rest.substr(0, at);
    const std::size_t end = user.find(':');
    options.username = user.substr(0, end);
    options.password = end == std::string_view::npos ? "" : user.substr(end + 1);
    rest.remove_prefix(at + 1);
  }
  if (!rest.empty() && rest.back() == '/') {
    rest.remove_suffix(1);
  }
  // The brackets of an IPv6 address have colons between them.
  const std::size_t end = rest.find(':', rest.starts_with('[') ? rest.find(']') : 0);
  std::string_view host = rest.substr(0, end);
  if (host.size() > 2 && host.front() == '[') {
    host = host.substr(1, host.size() - 2);
  }
  if (end != std::string_view::npos) {
    const auto port = ParseUnsigned(rest.substr(end + 1));
    if (!port || *port == 0 || *port > 65'535) {
      return BadUrl();
    }
    options.port = static_cast<std::uint16_t>(*port);
  }
  if (host.empty() || host.find('/') != std::string_view::npos) {
    return BadUrl();
  }
  options.host = host;
  return scheme == "mqtts";
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

Result<ClientOptions> ClientOptionsOf(const ConnectionOptions& given) {
  ConnectionOptions options = given;
  bool wants_tls = false;
  if (!options.url.empty()) {
    auto read = ReadUrl(options.url, options);
    if (!read) {
      return std::move(read).error();
    }
    wants_tls = *read;
  }
  if (options.username.empty() && !options.password.empty()) {
    return Error(ErrorCode::kBadRequest, "--pw: a password needs a --username");
  }
  if (options.certificate_file.empty() != options.key_file.empty()) {
    return Error(ErrorCode::kBadRequest, "--cert and --key: accepted are both or none");
  }
  ClientOptions client{.host = options.host,
                       .port = options.port,
                       .username = options.username,
                       .password = options.password,
                       .client_id = options.client_id,
                       .tls = TlsOptionsOf(options, wants_tls),
                       .keep_alive = std::chrono::seconds(options.keep_alive),
                       .topic_prefix = options.topic_prefix};
  if (client.port == 0) {
    client.port = client.tls ? kTlsPort : kPlainPort;
  }
  if (!options.client_id_prefix.empty()) {
    client.client_id = options.client_id_prefix + std::to_string(getpid());
  }
  const double seconds = options.timeout > 0 ? options.timeout : kDefaultTimeout;
  const auto timeout =
      std::chrono::ceil<std::chrono::milliseconds>(std::chrono::duration<double>(seconds));
  client.connect_timeout = timeout;
  client.request_timeout = timeout;
  return client;
}

}  // namespace kv::cli
