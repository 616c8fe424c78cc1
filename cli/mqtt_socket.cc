#include "cli/mqtt_socket.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <system_error>

namespace kv::cli {
namespace {

// The first byte of each packet. MQTT 3.1.1, section 2.2.
constexpr char kConnect = 0x10;
constexpr unsigned char kConnack = 0x20;
constexpr char kPublishQos1 = 0x32;
constexpr char kRetainFlag = 0x01;
constexpr unsigned char kPuback = 0x40;
constexpr std::size_t kConnackSize = 4;
constexpr unsigned kNotAuthorized = 5;  // and 4: bad user name or password
constexpr std::size_t kPubackSize = 4;

void AppendTwoBytes(std::string& out, std::size_t value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value & 0xFF);
}

void AppendText(std::string& out, std::string_view text) {
  AppendTwoBytes(out, text.size());
  out += text;
}

void AppendLength(std::string& out, std::size_t length) {
  do {
    const auto digit = static_cast<char>(length & 0x7F);
    length >>= 7;
    out += static_cast<char>(length > 0 ? static_cast<unsigned char>(digit) | 0x80U
                                        : static_cast<unsigned char>(digit));
  } while (length > 0);
}

std::string ConnectPacket(const ClientOptions& options, const std::string& client_id) {
  constexpr unsigned clean_session = 0x02;
  constexpr unsigned with_user = 0xC0;
  std::string body;
  AppendText(body, "MQTT");
  body += char{4};
  body += static_cast<char>(clean_session | (options.username.empty() ? 0U : with_user));
  AppendTwoBytes(body, 0);  // no keep alive: it is never idle
  AppendText(body, client_id);
  if (!options.username.empty()) {
    AppendText(body, options.username);
    AppendText(body, options.password);
  }
  std::string packet{kConnect};
  AppendLength(packet, body.size());
  return packet + body;
}

Error Lost(const std::string& what) {
  return Error(ErrorCode::kDisconnected, what + ": " + std::generic_category().message(errno));
}

}  // namespace

MqttSocket::~MqttSocket() {
  if (socket_ >= 0) {
    close(socket_);
  }
}

Status MqttSocket::Open(const ClientOptions& options) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int failure =
      getaddrinfo(options.host.c_str(), std::to_string(options.port).c_str(), &hints, &list);
  if (failure != 0) {
    return Error(ErrorCode::kDisconnected, options.host + ": " + gai_strerror(failure));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, freeaddrinfo);
  for (const addrinfo* address = list; address != nullptr; address = address->ai_next) {
    socket_ = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC, 0);
    if (socket_ >= 0 && connect(socket_, address->ai_addr, address->ai_addrlen) == 0) {
      const int on = 1;
      setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      return Ok{};
    }
    const int reason = errno;
    close(std::exchange(socket_, -1));
    errno = reason;
  }
  return Lost("cannot connect to " + options.host + ":" + std::to_string(options.port));
}

Status MqttSocket::Connect(const ClientOptions& options, const std::string& client_id) {
  if (auto opened = Open(options); !opened) {
    return opened;
  }
  out_ = ConnectPacket(options, client_id);
  if (auto sent = Flush(); !sent) {
    return sent;
  }
  return AwaitConnack(options.connect_timeout);
}

Status MqttSocket::AwaitConnack(std::chrono::milliseconds timeout) {
  pollfd entry{.fd = socket_, .events = POLLIN, .revents = 0};
  std::array<char, kConnackSize> bytes{};
  if (poll(&entry, 1, static_cast<int>(timeout.count())) == 0) {
    return Error(ErrorCode::kTimeout, "the broker did not answer in time");
  }
  const ssize_t count = recv(socket_, bytes.data(), bytes.size(), MSG_WAITALL);
  if (count != ssize_t{kConnackSize} || static_cast<unsigned char>(bytes[0]) != kConnack) {
    return Error(ErrorCode::kDisconnected, "the broker ended the connection");
  }
  const auto reason = static_cast<unsigned char>(bytes[3]);
  if (reason == kNotAuthorized || reason == kNotAuthorized - 1) {
    return Error(ErrorCode::kNotAuthorized, "the broker does not allow the connection");
  }
  return reason == 0 ? Status(Ok{})
                     : Error(ErrorCode::kDisconnected, "the broker refuses the connection");
}

void MqttSocket::Publish(std::string_view topic,
                         std::string_view payload,
                         std::uint16_t id,
                         bool retain) {
  out_ += static_cast<char>(kPublishQos1 | (retain ? kRetainFlag : 0));
  AppendLength(out_, 2 + topic.size() + 2 + payload.size());
  AppendText(out_, topic);
  AppendTwoBytes(out_, id);
  out_ += payload;
}

Status MqttSocket::Flush() {
  std::size_t sent = 0;
  while (sent < out_.size()) {
    const ssize_t count =
        send(socket_, out_.data() + sent, out_.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && errno != EINTR) {
      if (errno != EAGAIN) {
        return Lost("the connection was lost");
      }
      break;
    }
    sent += count > 0 ? static_cast<std::size_t>(count) : 0;
  }
  out_.erase(0, sent);
  return Ok{};
}

Status MqttSocket::Read(const std::function<void(std::uint16_t)>& acknowledged) {
  std::array<char, 65'536> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init): recv fills
  const ssize_t count = recv(socket_, bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
    return Ok{};
  }
  if (count <= 0) {
    errno = count == 0 ? ECONNRESET : errno;
    return Lost("the connection was lost");
  }
  in_.append(bytes.data(), static_cast<std::size_t>(count));
  std::size_t start = 0;
  for (; in_.size() - start >= kPubackSize; start += kPubackSize) {
    const auto byte = [&](std::size_t i) {
      return static_cast<unsigned char>(in_[start + i]);
    };
    if (byte(0) != kPuback || byte(1) != 2) {
      return Error(ErrorCode::kBadReply, "the broker sent what is no acknowledgement");
    }
    acknowledged(static_cast<std::uint16_t>(byte(2) << 8 | byte(3)));
  }
  in_.erase(0, start);
  return Ok{};
}

}  // namespace kv::cli
