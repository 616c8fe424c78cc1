// One of a great many MQTT connections that a single thread drives: it never blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tests/support/mqtt_packet.h"

namespace kv::testing {

class Connection {
 public:
  // Whose connection it is. Within these calls it may send, but not reset or open the connection.
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void OnOpen() = 0;  // the broker has accepted it
    virtual void OnFrame(const Frame& frame) = 0;
    virtual void OnLost(const std::string& why) = 0;  // not by Reset()
  };

  // `epoll` reports this object's address with each event, which belongs to HandleEvents().
  Connection(int epoll, Owner& owner) : epoll_(epoll), owner_(owner) {}
  ~Connection() { Reset(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // To this port of 127.0.0.1. `receive_buffer`: of the kernel, in bytes; 0 leaves it as it is.
  void Open(std::uint16_t port, const ConnectPacket& connect, int receive_buffer = 0);
  void Reset();  // by RST, whatever is under way
  void HandleEvents(std::uint32_t events);

  // Leaves with Flush(), which HandleEvents() calls too.
  void Send(std::string_view packet) { out_ += packet; }
  template <typename Packet>
  void SendPacket(const Packet& packet) {
    Send(Encode(packet, version_));
  }
  void Flush();
  // When it is not to read, what comes piles up in the kernel, and then in the broker.
  void SetReading(bool reading);
  void ReadSome(std::size_t at_most);

  bool is_open() const { return state_ == State::kOpen; }
  bool is_connecting() const { return state_ == State::kAwaitsConnack; }
  ProtocolVersion version() const { return version_; }

 private:
  enum class State : std::uint8_t {
    kClosed,
    kAwaitsConnack,
    kOpen,
  };

  void HandleFrames();
  void HandleConnack(const Frame& frame);
  void WatchEvents(int operation);
  void Lose(const std::string& why);
  void Close();

  int epoll_;
  Owner& owner_;
  int socket_ = -1;
  State state_ = State::kClosed;
  ProtocolVersion version_ = ProtocolVersion::kMqtt5;
  bool reading_ = true;
  std::uint32_t watched_ = 0;
  std::string in_;
  std::string out_;
};

}  // namespace kv::testing
