#include "tests/load/put_load.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

namespace kv::testing {
namespace {

using std::chrono::steady_clock;

constexpr unsigned kMostInFlight = 100;  // for each connection
constexpr int kTurnMilliseconds = 1;
constexpr std::uint8_t kFirstFailureReason = 0x80;

}  // namespace

class PutLoad::Publisher final : public Connection::Owner {
 public:
  Publisher(PutLoad& load, const std::string& client_id)
      : load_(load), connection_(load.epoll_, *this) {
    connection_.Open(load.options_.port, {.client_id = client_id});
  }

  bool HasRoom() const { return connection_.is_open() && in_flight_ < kMostInFlight; }
  void Put(PublishPacket packet) {
    ++in_flight_;
    last_packet_id_ = static_cast<std::uint16_t>(last_packet_id_ % 65'535 + 1);
    packet.packet_id = last_packet_id_;
    connection_.SendPacket(packet);
  }
  void Flush() { connection_.Flush(); }

  void OnOpen() override {}
  void OnLost(const std::string& /*why*/) override { load_.failed_ = true; }
  void OnFrame(const Frame& frame) override {
    const auto packet = Decode(frame, connection_.version());
    const auto* ack = packet ? std::get_if<AckPacket>(&*packet) : nullptr;
    const auto* reply = packet ? std::get_if<PublishPacket>(&*packet) : nullptr;
    if (ack != nullptr && ack->reason < kFirstFailureReason) {
      --in_flight_;
      ++load_.acknowledged_;
    } else if (reply != nullptr && reply->Property("kv-status") == "ok") {
      ++load_.replies_;
      connection_.SendPacket(AckPacket{.type = PacketType::kPuback, .packet_id = reply->packet_id});
    } else {
      load_.failed_ = true;
    }
  }

 private:
  PutLoad& load_;
  Connection connection_;
  unsigned in_flight_ = 0;
  std::uint16_t last_packet_id_ = 0;
};

PutLoad::PutLoad(PutLoadOptions options)
    : options_(options), epoll_(epoll_create1(EPOLL_CLOEXEC)), thread_([this] { Run(); }) {}

PutLoad::~PutLoad() {
  stop_ = true;
  thread_.join();
  publishers_.clear();
  close(epoll_);
}

void PutLoad::Run() {
  for (unsigned i = 0; i < options_.connections; ++i) {
    publishers_.push_back(std::make_unique<Publisher>(*this, "put-load-" + std::to_string(i)));
  }
  start_ = steady_clock::now();
  while (!stop_) {
    std::array<epoll_event, 64> events{};
    const int ready = epoll_wait(epoll_, events.data(), events.size(), kTurnMilliseconds);
    for (int i = 0; i < ready; ++i) {
      const epoll_event& event = events.at(static_cast<std::size_t>(i));
      static_cast<Connection*>(event.data.ptr)->HandleEvents(event.events);
    }
    SendDue();
  }
}

void PutLoad::SendDue() {
  const std::chrono::duration<double> elapsed = steady_clock::now() - start_;
  const auto due = static_cast<std::uint64_t>(elapsed.count() * options_.rate);
  const auto has_room = [](const auto& publisher) {
    return publisher->HasRoom();
  };
  while (sent_ < due && std::all_of(publishers_.begin(), publishers_.end(), has_room)) {
    publishers_[sent_++ % publishers_.size()]->Put(NextPut());
  }
  for (const auto& publisher : publishers_) {
    publisher->Flush();
  }
}

PublishPacket PutLoad::NextPut() {
  PublishPacket put{.topic = "kv/load/" + std::to_string(random_() % options_.keys),
                    .payload = std::string(options_.value_size, '\0'),
                    .qos = 1,
                    .retain = true};
  for (char& byte : put.payload) {
    byte = static_cast<char>(random_());
  }
  if (random_() % 100 < options_.reply_percent) {
    put.properties.ResponseTopic("replies");
  }
  return put;
}

}  // namespace kv::testing
