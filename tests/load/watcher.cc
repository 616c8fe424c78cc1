#include "tests/load/watcher.h"

#include <utility>
#include <variant>

namespace kv::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A slow one gets some 40 KB a second. Its kernel does not take in much more either.
constexpr milliseconds kSlowTurn{50};
constexpr std::size_t kSlowRead = 2048;
constexpr int kSmallReceiveBuffer = 4096;
constexpr milliseconds kShortestPresence{300};
constexpr std::uint64_t kPresenceSpread = 4'000;  // ms
constexpr std::uint32_t kSessionSeconds = 3600;

}  // namespace

Watcher::Watcher(int epoll, WatcherOptions options, Account& account)
    : options_(std::move(options)),
      account_(account),
      random_(options_.seed),
      connection_(epoll, *this) {}

void Watcher::Open() {
  const bool keeps_session = options_.temper == Temper::kVanishing;
  ConnectPacket connect{
      .client_id = options_.client_id, .version = options_.version, .clean_start = !keeps_session};
  if (keeps_session && options_.version == ProtocolVersion::kMqtt5) {
    connect.properties.Number(PropertyId::kSessionExpiry, kSessionSeconds);
  }
  connection_.Open(options_.port, connect, Reads(options_.temper) ? 0 : kSmallReceiveBuffer);
}

void Watcher::Drop() {
  account_.drops += is_open() ? 1U : 0U;
  connection_.Reset();
}

void Watcher::Pass(TimePoint now) {
  if (now < next_turn_ || connection_.is_connecting()) {
    return;
  }
  if (options_.temper == Temper::kSlow) {
    next_turn_ = now + kSlowTurn;
    connection_.ReadSome(kSlowRead);
    connection_.Flush();
  } else if (options_.temper == Temper::kVanishing) {
    // It is away about as long as it is there.
    next_turn_ = now + kShortestPresence + milliseconds(random_() % kPresenceSpread);
    if (is_open()) {
      Drop();
    } else {
      Open();
    }
  }
}

void Watcher::OnOpen() {
  if (!Reads(options_.temper)) {
    connection_.SetReading(false);
  }
  connection_.SendPacket(SubscribePacket{
      .packet_id = 1, .subscriptions = {{.filter = options_.filter, .qos = options_.qos}}});
}

void Watcher::OnLost(const std::string& why) {
  account_.Fail(options_.client_id + ": lost its connection: " + why);
}

void Watcher::OnFrame(const Frame& frame) {
  const auto packet = Decode(frame, options_.version);
  if (!packet) {
    account_.Fail(options_.client_id + ": got a malformed packet");
  } else if (const auto* change = std::get_if<PublishPacket>(&*packet)) {
    HandleChange(*change);
  } else if (const auto* ack = std::get_if<AckPacket>(&*packet)) {
    connection_.SendPacket(
        AckPacket{.type = PacketType::kPubcomp, .packet_id = ack->packet_id});  // of a PUBREL
  }
}

void Watcher::HandleChange(const PublishPacket& change) {
  ++account_.changes;
  if (change.qos > 0) {
    connection_.SendPacket(
        AckPacket{.type = change.qos == 1 ? PacketType::kPuback : PacketType::kPubrec,
                  .packet_id = change.packet_id});
  }
  // Of several QoS the broker lets one overtake the other.
  if (options_.qos == 0 && options_.temper == Temper::kAttentive &&
      options_.version == ProtocolVersion::kMqtt5) {
    ExpectOrder(change);
  }
}

void Watcher::ExpectOrder(const PublishPacket& change) {
  const std::uint64_t revision = std::stoull(change.Property("kv-revision").value_or("0"));
  std::uint64_t& last = revisions_[change.topic];
  if (revision < last) {
    account_.Fail(options_.client_id + ": was told of revision " + std::to_string(revision) +
                  " of " + change.topic + " after " + std::to_string(last));
  }
  last = revision;
}

}  // namespace kv::testing
