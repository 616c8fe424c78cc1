// Replier: brings replies to the session that asked, at once or when the disk has what they
// report. The broker's thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "plugin/broker_port.h"
#include "store/store.h"
#include "wire/incoming.h"
#include "wire/reply.h"

namespace kv::plugin {

// Who wrote a message.
struct Client {
  std::string_view id;
  bool is_v5 = false;
  std::string_view username;         // empty: anonymous
  const void* connection = nullptr;  // tells connections apart while they last
  bool is_bridge = false;            // one of this broker's own, to another broker
};

// Where a reply goes, and in which spelling.
struct ReplyAddress {
  std::string client_id;
  std::string topic;
  std::string correlation_data;
  std::uint8_t qos = 0;
  bool as_json = false;  // MQTT 3: one JSON text
};

// Of a write: only a Response Topic asks for a reply.
std::optional<ReplyAddress> WriteAddress(const Client& client, const wire::Incoming& incoming);
// Of a request: MQTT 3 clients get theirs under $KV/reply/.
std::optional<ReplyAddress> RequestAddress(const Client& client, const wire::Incoming& incoming);

class Replier {
 public:
  Replier(BrokerPort& port, store::Store& store) : port_(port), store_(store) {}

  void Send(const ReplyAddress& address, std::span<const wire::Reply> replies);
  void Send(const ReplyAddress& address, const wire::Reply& reply) { Send(address, {&reply, 1}); }
  // Sent once the store has `sequence` on disk, and behind those that wait already; a store that
  // fails meanwhile makes it an error.
  void SendWhenDurable(store::Sequence sequence, ReplyAddress address, wire::Reply reply);
  // Sends what has become durable; to be called at each tick.
  void Flush();
  bool empty() const { return waiting_.empty(); }
  // To be asked before a write whose reply will have to wait. Errors: unavailable, while so many
  // wait that a disk which does not keep up would cost the broker its memory.
  Status CheckRoom() const;

  static constexpr std::size_t kMaxWaitingBytes = std::size_t{64} << 20;

 private:
  bool SendOne(const ReplyAddress& address, const wire::Reply& reply);

  struct Waiting {
    store::Sequence sequence = 0;
    ReplyAddress address;
    wire::Reply reply;

    std::size_t bytes() const;  // in memory, about
  };

  BrokerPort& port_;
  store::Store& store_;
  std::deque<Waiting> waiting_;  // in the order of the writes
  std::size_t waiting_bytes_ = 0;
  std::vector<UserProperty> user_;  // of one message after the other, in the same memory
};

}  // namespace kv::plugin
