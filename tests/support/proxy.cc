#include "tests/support/proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace kv::testing {
namespace {

constexpr int kWakeMilliseconds = 5;  // to see what it is told

sockaddr_in LoopbackAddress(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

const sockaddr* Plain(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

void SendAtOnce(int socket) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

}  // namespace

Proxy::Proxy(std::uint16_t target)
    : target_(target), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const int on = 1;
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const sockaddr_in address = LoopbackAddress(port());
  constexpr int backlog = 16;
  if (::bind(listener_, Plain(address), sizeof(address)) != 0 ||
      ::listen(listener_, backlog) != 0) {
    throw std::runtime_error("no proxy on port " + std::to_string(port()));
  }
  thread_ = std::thread([this] { Run(); });
}

Proxy::~Proxy() {
  stopped_ = true;
  thread_.join();
  ::close(listener_);
}

void Proxy::Accept() {
  const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = LoopbackAddress(target_);
  if (is_cut_ || ::connect(server, Plain(address), sizeof(address)) != 0) {
    ::close(client);
    ::close(server);
    return;
  }
  SendAtOnce(client);
  SendAtOnce(server);
  pairs_.push_back({client, server});
}

bool Proxy::PassOn(int from, int to) {
  std::array<char, 65'536> bytes{};
  const ssize_t count = ::recv(from, bytes.data(), bytes.size(), 0);
  for (ssize_t sent = 0; sent < count;) {
    const ssize_t more =
        ::send(to, bytes.data() + sent, static_cast<std::size_t>(count - sent), MSG_NOSIGNAL);
    if (more <= 0) {
      return false;
    }
    sent += more;
  }
  return count > 0;
}

void Proxy::Run() {
  while (!stopped_) {
    std::vector<pollfd> sockets{{listener_, POLLIN, 0}};
    for (const Pair& pair : pairs_) {
      sockets.push_back({pair.client, POLLIN, 0});
      sockets.push_back({pair.server, POLLIN, 0});
    }
    ::poll(sockets.data(), sockets.size(), kWakeMilliseconds);
    std::vector<Pair> open;
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      const auto [client, server] = pairs_[i];
      const bool from_client = sockets[2 * i + 1].revents != 0;
      const bool from_server = sockets[2 * i + 2].revents != 0;
      if (!is_cut_ && (!from_client || PassOn(client, server)) &&
          (!from_server || PassOn(server, client))) {
        open.push_back(pairs_[i]);
      } else {
        ::close(client);
        ::close(server);
      }
    }
    pairs_ = std::move(open);
    if (sockets[0].revents != 0) {
      Accept();
    }
  }
  for (const Pair& pair : pairs_) {
    ::close(pair.client);
    ::close(pair.server);
  }
}

}  // namespace kv::testing
