#include "bench/reader.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "bench/loopback_socket.h"

namespace kv::bench {
namespace {

using testing::Frame;
using testing::FrameStatus;
using testing::PacketType;
using testing::ProtocolVersion;

constexpr std::size_t kReadSize = 262'144;

[[noreturn]] void ThrowErrno(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

std::uint16_t ReadTwoBytes(std::string_view bytes) {
  return static_cast<std::uint16_t>((static_cast<unsigned char>(bytes[0]) << 8) |
                                    static_cast<unsigned char>(bytes[1]));
}

}  // namespace

Reader::Reader(std::uint16_t port, const std::string& client_id) : socket_(ConnectLoopback(port)) {
  if (socket_ < 0) {
    ThrowErrno("cannot connect");
  }
  const timeval stall_timeout{.tv_sec = 10, .tv_usec = 0};
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &stall_timeout, sizeof(stall_timeout));
  testing::ConnectPacket packet;
  packet.client_id = client_id;
  packet.properties.ReceiveMaximum(65'535);
  Send(Encode(packet));
  Await(PacketType::kConnack);
}

Reader::~Reader() {
  close(socket_);
}

void Reader::Subscribe(const std::string& filter, std::uint8_t qos) {
  testing::SubscribePacket packet;
  packet.packet_id = next_packet_id_++;
  packet.subscriptions.push_back({.filter = filter, .qos = qos});
  Send(Encode(packet, ProtocolVersion::kMqtt5));
}

void Reader::Request(const std::string& topic,
                     std::uint8_t qos,
                     const std::vector<std::pair<std::string, std::string>>& properties) {
  testing::PublishPacket packet;
  packet.topic = topic;
  packet.qos = qos;
  packet.packet_id = next_packet_id_;
  next_packet_id_ = next_packet_id_ == 65'535 ? 1 : next_packet_id_ + 1;
  packet.properties.ResponseTopic("replies");
  for (const auto& [name, value] : properties) {
    packet.properties.User(name, value);
  }
  Send(Encode(packet, ProtocolVersion::kMqtt5));
}

void Reader::Read(const OnPublish& on_publish) {
  Receive();
  std::size_t start = 0;
  Frame frame;
  FrameStatus status = FrameStatus::kIncomplete;
  while ((status = testing::ReadFrame(std::string_view(in_).substr(start), frame)) ==
         FrameStatus::kComplete) {
    start += frame.size;
    if (frame.type == PacketType::kPublish) {
      Acknowledge(frame);
      on_publish(frame);
    }
  }
  if (status == FrameStatus::kMalformed) {
    throw std::runtime_error("the broker sent what is no MQTT");
  }
  in_.erase(0, start);
  Send(std::exchange(acks_, {}));
}

void Reader::Send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t count = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno != EINTR) {
      ThrowErrno("cannot send");
    }
    bytes.remove_prefix(count < 0 ? 0 : static_cast<std::size_t>(count));
  }
}

void Reader::Await(PacketType type) {
  Frame frame;
  while (testing::ReadFrame(in_, frame) != FrameStatus::kComplete) {
    Receive();
  }
  if (frame.type != type) {
    throw std::runtime_error("the broker refused the connection");
  }
  in_.erase(0, frame.size);
}

void Reader::Receive() {
  const std::size_t before = in_.size();
  in_.resize(before + kReadSize);
  const ssize_t count = recv(socket_, in_.data() + before, kReadSize, 0);
  in_.resize(before + (count > 0 ? static_cast<std::size_t>(count) : 0));
  if (count == 0) {
    throw std::runtime_error("the broker closed the connection");
  }
  if (count < 0 && errno != EINTR) {
    ThrowErrno("cannot receive");
  }
}

void Reader::Acknowledge(const Frame& frame) {
  const unsigned qos = (frame.flags >> 1) & 3U;
  if (qos == 0) {
    return;
  }
  const testing::AckPacket ack{
      .type = PacketType::kPuback,
      .packet_id = ReadTwoBytes(frame.body.substr(2U + ReadTwoBytes(frame.body)))};
  acks_ += Encode(ack, ProtocolVersion::kMqtt5);
}

}  // namespace kv::bench
