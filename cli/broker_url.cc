#include "cli/broker_url.h"

#include <utility>

#include "kv/units.h"

namespace kv::cli {
namespace {

Error BadUrl() {
  return Error(ErrorCode::kBadRequest,
               "--url: accepted is mqtt://[user[:password]@]host[:port] or mqtts://…");
}

// host[:port], or [address][:port] of IPv6, whose address has colons.
Status ReadPlace(std::string_view text, BrokerUrl& url) {
  const std::size_t end = text.find(':', text.starts_with('[') ? text.find(']') : 0);
  std::string_view host = text.substr(0, end);
  if (host.size() > 2 && host.front() == '[') {
    host = host.substr(1, host.size() - 2);
  }
  if (host.empty() || host.find('/') != std::string_view::npos) {
    return BadUrl();
  }
  url.host = host;
  if (end != std::string_view::npos) {
    const auto port = ParseUnsigned(text.substr(end + 1));
    if (!port || *port == 0 || *port > 65'535) {
      return BadUrl();
    }
    url.port = static_cast<std::uint16_t>(*port);
  }
  return Ok{};
}

}  // namespace

Result<BrokerUrl> ReadBrokerUrl(std::string_view text) {
  const std::size_t colon = text.find("://");
  const std::string_view scheme = text.substr(0, colon);
  if (colon == std::string_view::npos || (scheme != "mqtt" && scheme != "mqtts")) {
    return BadUrl();
  }
  BrokerUrl url{.is_tls = scheme == "mqtts"};
  std::string_view rest = text.substr(colon + 3);
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    const std::string_view user = rest.substr(0, at);
    const std::size_t end = user.find(':');
    url.username = user.substr(0, end);
    url.password = end == std::string_view::npos ? "" : user.substr(end + 1);
    rest.remove_prefix(at + 1);
  }
  if (!rest.empty() && rest.back() == '/') {
    rest.remove_suffix(1);
  }
  if (auto read = ReadPlace(rest, url); !read) {
    return std::move(read).error();
  }
  return url;
}

}  // namespace kv::cli
