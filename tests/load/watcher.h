// A subscriber of a load: one that reads everything, one that reads slowly, one that never reads,
// or one that vanishes now and then and comes back to its session.
#pragma once

#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <unordered_map>

#include "tests/load/account.h"
#include "tests/load/connection.h"

namespace kv::testing {

enum class Temper : std::uint8_t {
  kAttentive,
  kSlow,
  kDeaf,
  kVanishing,
};
inline constexpr unsigned kTempers = 4;

// All that comes, as long as it is there.
inline bool Reads(Temper temper) {
  return temper == Temper::kAttentive || temper == Temper::kVanishing;
}

struct WatcherOptions {
  std::uint16_t port = 0;
  ProtocolVersion version = ProtocolVersion::kMqtt5;
  std::string client_id = {};
  Temper temper = Temper::kAttentive;
  std::string filter = {};
  std::uint8_t qos = 0;
  std::uint64_t seed = 0;
};

class Watcher final : public Connection::Owner {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  Watcher(int epoll, WatcherOptions options, Account& account);

  void Open();
  void Drop();
  // To be called often: what its temper does by the clock.
  void Pass(TimePoint now);
  bool is_open() const { return connection_.is_open(); }

  void OnOpen() override;
  void OnFrame(const Frame& frame) override;
  void OnLost(const std::string& why) override;

 private:
  void HandleChange(const PublishPacket& change);
  void ExpectOrder(const PublishPacket& change);

  WatcherOptions options_;
  Account& account_;
  std::mt19937_64 random_;
  Connection connection_;
  TimePoint next_turn_ = {};
  std::unordered_map<std::string, std::uint64_t> revisions_;  // by topic
};

}  // namespace kv::testing
