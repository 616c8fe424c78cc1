// A client that keeps a few operations under way all the time, and an account of what each is to
// get: the acknowledgements of its QoS, and one final reply if it wants one.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/load/account.h"
#include "tests/load/connection.h"
#include "tests/load/operation.h"

namespace kv::testing {

struct WorkerOptions {
  std::uint16_t port = 0;
  ProtocolVersion version = ProtocolVersion::kMqtt5;
  std::string client_id = {};
  std::string counters = {};
  unsigned window = 4;
  std::uint64_t keys = 0;
  std::uint64_t seed = 0;
};

class Worker final : public Connection::Owner {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  // The number of the load's next operation, counted from 0; nothing when there are enough.
  using Tickets = std::function<std::optional<std::uint64_t>()>;

  Worker(int epoll, WorkerOptions options, Account& account, Tickets tickets);

  void Open();
  void Drop();  // resets the connection, whatever is under way
  bool is_open() const { return connection_.is_open(); }
  bool IsIdle() const { return is_open() && pending_.empty(); }
  // Since when the connection, or the oldest operation, waits for the broker.
  std::optional<TimePoint> WaitsSince() const;
  std::string WaitsFor() const;

  const std::string& client_id() const { return options_.client_id; }
  // What the own key's newest entry must have; nothing if that is not known.
  std::optional<std::uint64_t> own_revision() const { return own_revision_; }

  void OnOpen() override;
  void OnFrame(const Frame& frame) override;
  void OnLost(const std::string& why) override;

 private:
  struct Pending {
    Operation operation;
    TimePoint since;
    std::string correlation;
    bool awaits_ack = false;  // PUBACK or PUBCOMP
    bool awaits_reply = false;
    bool awaits_ping = false;  // QoS 0 without a reply: what follows it was answered
  };

  void Refill();
  Operation Choose(std::uint64_t ticket);
  void Begin(Operation operation);
  void HandleAck(const AckPacket& ack);
  void HandlePublish(const PublishPacket& reply);
  void HandlePing();
  std::vector<Pending>::iterator FindReplied(std::vector<Pending>& among,
                                             const PublishPacket& reply) const;
  void HandleReply(Pending& pending, const PublishPacket& reply);
  void HandleOwnKeysReply(const Pending& pending,
                          const std::string& status,
                          const PublishPacket& reply);
  void FinishIfComplete(const Pending& pending);
  void Fail(const std::string& what) { account_.Fail(options_.client_id + ": " + what); }

  WorkerOptions options_;
  Account& account_;
  Tickets tickets_;
  OperationMix mix_;
  Connection connection_;
  TimePoint opening_since_ = {};
  std::vector<Pending> pending_;  // in the order of sending
  // What the connection before was still to be told. The broker knows clients by their ids alone
  // when it delivers what a plugin says, so that the next connection may be told instead.
  std::vector<Pending> former_;
  std::uint16_t last_packet_id_ = 0;
  std::uint64_t last_correlation_ = 0;  // never used twice, also not by the next connection
  std::optional<std::uint64_t> own_revision_;
  bool own_key_is_busy_ = false;
};

}  // namespace kv::testing
