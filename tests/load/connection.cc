#include "tests/load/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <system_error>
#include <variant>

namespace kv::testing {
namespace {

constexpr std::size_t kReadSize = 65'536;

std::string ErrnoText() {
  return std::generic_category().message(errno);
}

template <typename Value>
void SetOption(int socket, int level, int name, const Value& value) {
  setsockopt(socket, level, name, &value, sizeof(value));
}

}  // namespace

void Connection::Open(std::uint16_t port, const ConnectPacket& connect, int receive_buffer) {
  Reset();
  version_ = connect.version;
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  SetOption(socket_, IPPROTO_TCP, TCP_NODELAY, 1);
  if (receive_buffer > 0) {
    SetOption(socket_, SOL_SOCKET, SO_RCVBUF, receive_buffer);
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the sockets API
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (::connect(socket_, generic, sizeof(address)) != 0 && errno != EINPROGRESS) {
    Lose("cannot connect: " + ErrnoText());
    return;
  }
  state_ = State::kAwaitsConnack;
  Send(Encode(connect));
  WatchEvents(EPOLL_CTL_ADD);
}

void Connection::Reset() {
  if (socket_ >= 0) {
    SetOption(socket_, SOL_SOCKET, SO_LINGER, linger{.l_onoff = 1, .l_linger = 0});
  }
  Close();
}

void Connection::Close() {
  if (socket_ >= 0) {
    close(socket_);  // leaves the epoll, too
  }
  socket_ = -1;
  state_ = State::kClosed;
  watched_ = 0;
  in_.clear();
  out_.clear();
}

void Connection::Lose(const std::string& why) {
  Close();
  owner_.OnLost(why);
}

void Connection::WatchEvents(int operation) {
  const std::uint32_t wanted = (reading_ ? EPOLLIN : 0U) | (out_.empty() ? 0U : EPOLLOUT);
  if (operation == EPOLL_CTL_ADD || wanted != watched_) {
    watched_ = wanted;
    epoll_event event{.events = wanted, .data = {.ptr = this}};
    epoll_ctl(epoll_, operation, socket_, &event);
  }
}

void Connection::HandleEvents(std::uint32_t events) {
  if (socket_ < 0) {
    return;  // closed since the event came
  }
  if ((events & EPOLLIN) != 0 || (events & (EPOLLHUP | EPOLLERR)) != 0) {
    ReadSome(kReadSize);
  }
  Flush();
}

void Connection::Flush() {
  std::size_t sent = 0;
  while (socket_ >= 0 && sent < out_.size()) {
    const ssize_t count = send(socket_, out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN && errno != EINTR) {
      Lose("cannot send: " + ErrnoText());
      return;
    }
    if (count < 0) {
      break;
    }
    sent += static_cast<std::size_t>(count);
  }
  if (socket_ >= 0) {
    out_.erase(0, sent);
    WatchEvents(EPOLL_CTL_MOD);
  }
}

void Connection::SetReading(bool reading) {
  reading_ = reading;
  if (socket_ >= 0) {
    WatchEvents(EPOLL_CTL_MOD);
  }
}

void Connection::ReadSome(std::size_t at_most) {
  if (socket_ < 0) {
    return;
  }
  std::array<char, kReadSize> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init): recv fills
  const ssize_t count = recv(socket_, bytes.data(), std::min(at_most, bytes.size()), 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
    return;
  }
  if (count <= 0) {
    Lose(count == 0 ? "the broker closed the connection" : ErrnoText());
    return;
  }
  in_.append(bytes.data(), static_cast<std::size_t>(count));
  HandleFrames();
}

void Connection::HandleFrames() {
  std::size_t start = 0;
  Frame frame;
  FrameStatus status = FrameStatus::kIncomplete;
  while (socket_ >= 0 && (status = ReadFrame(std::string_view(in_).substr(start), frame)) ==
                             FrameStatus::kComplete) {
    if (state_ == State::kOpen) {
      owner_.OnFrame(frame);
    } else {
      HandleConnack(frame);
    }
    start += frame.size;
  }
  if (socket_ >= 0) {
    in_.erase(0, start);
    if (status == FrameStatus::kMalformed) {
      Lose("the broker sent nonsense");
    }
  }
}

void Connection::HandleConnack(const Frame& frame) {
  const std::optional<ServerPacket> packet = Decode(frame, version_);
  const auto* connack = packet ? std::get_if<ConnackPacket>(&*packet) : nullptr;
  if (connack == nullptr || connack->reason != 0) {
    Lose("the broker refused the connection");
    return;
  }
  state_ = State::kOpen;
  owner_.OnOpen();
}

}  // namespace kv::testing
