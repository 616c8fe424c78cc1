#include "bench/load_generator.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <deque>
#include <limits>
#include <string_view>
#include <system_error>
#include <utility>

#include "bench/loopback_socket.h"

namespace kv::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;
using testing::Frame;
using testing::FrameStatus;
using testing::PacketType;

constexpr milliseconds kStallTimeout{10'000};
constexpr milliseconds kDrainTimeout{2'000};
constexpr std::size_t kReadSize = 65'536;
constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint8_t kFirstFailureReason = 0x80;
constexpr unsigned kSmallestAck = 4;     // bytes of a PUBACK without a reason
constexpr unsigned kSmallestReply = 24;  // topic, Correlation Data and what frames them
// Nothing acknowledges QoS 0, so that each batch ends with a PING, whose answer stands for all.
constexpr unsigned kQos0Batch = 32;
constexpr unsigned kQos0BatchesInFlight = 2;

std::uint16_t ReadTwoBytes(std::string_view bytes) {
  return static_cast<std::uint16_t>((static_cast<unsigned char>(bytes[0]) << 8) |
                                    static_cast<unsigned char>(bytes[1]));
}

bool HasStatusOk(std::string_view packet) {
  using std::string_view_literals::operator""sv;
  return packet.find("\0\x09kv-status\0\x02ok"sv) != std::string_view::npos;
}

}  // namespace

// A publish in flight occupies a slot, whose number + 1 is its packet id.
class LoadGenerator::Connection {
 public:
  Connection(const LoadOptions& options, PublishTemplate& publish, LoadResult& meter)
      : options_(options), template_(publish), meter_(meter) {}
  ~Connection() { close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool Connect(unsigned number);
  bool Read();
  // With as much as its window lets through, but no more than `limit`; returns how much.
  std::uint64_t Refill(std::uint64_t limit);
  bool Flush();
  bool HasInFlight() const { return free_.size() < slots_.size() || !batches_.empty(); }
  void SetWakeBytes(unsigned bytes) const {
    setsockopt(socket_, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes));
  }
  void Queue(std::string_view packet) { out_ += packet; }
  // Whether its owner's epoll is to report, and reports, that it can send.
  bool WantsOutput() const { return !out_.empty(); }
  bool watches_output() const { return watches_output_; }
  void set_watches_output(bool watches) { watches_output_ = watches; }
  int socket() const { return socket_; }
  const std::string& error() const { return error_; }

 private:
  struct Slot {
    TimePoint sent = {};
    int awaited = 0;  // acknowledgement and reply, of those that will come
  };
  struct Batch {
    TimePoint sent = {};
    unsigned size = 0;
  };

  bool IsAnswered() const { return options_.replies || options_.echo; }
  bool UsesBatches() const { return options_.qos == 0 && !IsAnswered(); }
  bool AwaitConnack();
  bool AwaitFrame(Frame& frame);
  bool SubscribeToEcho();
  void MakeSlots(std::uint32_t receive_maximum);
  void WakeLate() const;
  bool HandleFrames();
  bool Handle(const Frame& frame);
  void HandleAck(const Frame& frame);
  void HandleReply(const Frame& frame);
  void AppendAck(PacketType type, std::uint8_t flags, std::size_t id);
  void Settle(std::size_t id, bool rejected);
  void Count(TimePoint sent, unsigned messages) {
    meter_.latency.Add(now_ - sent, messages);
    meter_.messages += messages;
  }
  bool Fail(const std::string& what) {
    error_ = what + ": " + std::generic_category().message(errno);
    return false;
  }

  const LoadOptions& options_;
  PublishTemplate& template_;
  LoadResult& meter_;
  unsigned number_ = 0;
  int socket_ = -1;
  bool watches_output_ = false;
  std::string out_;
  std::string in_;
  std::string error_;
  std::vector<Slot> slots_;
  std::vector<std::size_t> free_;
  std::deque<Batch> batches_;  // of QoS 0
  TimePoint now_ = {};         // of the last Read()
};

bool LoadGenerator::Connection::Connect(unsigned number) {
  socket_ = ConnectLoopback(options_.port);
  if (socket_ < 0) {
    return Fail("cannot connect");
  }
  testing::ConnectPacket packet;
  packet.client_id = "kv-load-" + std::to_string(getpid()) + "-" + std::to_string(number);
  packet.version = options_.version;
  out_ = Encode(packet);
  number_ = number;
  if (!Flush() || !AwaitConnack() || (options_.echo && !SubscribeToEcho())) {
    return false;
  }
  WakeLate();
  return true;
}

bool LoadGenerator::Connection::AwaitFrame(Frame& frame) {
  pollfd entry{.fd = socket_, .events = POLLIN, .revents = 0};
  while (testing::ReadFrame(in_, frame) != FrameStatus::kComplete) {
    std::array<char, 256> bytes{};
    const ssize_t count = poll(&entry, 1, static_cast<int>(kStallTimeout.count())) > 0
                              ? recv(socket_, bytes.data(), bytes.size(), 0)
                              : -1;
    if (count <= 0) {
      return false;
    }
    in_.append(bytes.data(), static_cast<std::size_t>(count));
  }
  return true;
}

bool LoadGenerator::Connection::AwaitConnack() {
  Frame frame;
  if (!AwaitFrame(frame)) {
    return Fail("no CONNACK");
  }
  const auto packet = testing::Decode(frame, options_.version);
  const auto* connack = packet ? std::get_if<testing::ConnackPacket>(&*packet) : nullptr;
  if (connack == nullptr || connack->reason != 0) {
    return Fail("the broker refused the connection");
  }
  in_.erase(0, frame.size);
  MakeSlots(connack->properties.FindNumber(testing::PropertyId::kReceiveMaximum).value_or(65'535));
  return true;
}

bool LoadGenerator::Connection::SubscribeToEcho() {
  testing::SubscribePacket packet;
  packet.packet_id = 1;
  packet.subscriptions.push_back({.filter = template_.Topic(number_), .qos = options_.qos});
  out_ = Encode(packet, options_.version);
  Frame frame;
  if (!Flush() || !AwaitFrame(frame) || frame.type != PacketType::kSuback) {
    return Fail("no SUBACK");
  }
  in_.erase(0, frame.size);
  return true;
}

void LoadGenerator::Connection::MakeSlots(std::uint32_t receive_maximum) {
  if (UsesBatches()) {
    return;
  }
  const unsigned window =
      options_.qos == 0 ? options_.window : std::min(options_.window, receive_maximum);
  slots_.resize(window);
  for (std::size_t i = window; i > 0; --i) {
    free_.push_back(i - 1);
  }
}

void LoadGenerator::Connection::WakeLate() const {
  if (UsesBatches() || options_.rate > 0) {
    return;  // at a rate nothing says how many are in flight
  }
  // What is answered brings at least the answer's bytes for each publish in flight, so that the
  // connection wakes before all are used up.
  const auto window = static_cast<unsigned>(slots_.size());
  const unsigned bytes = IsAnswered() ? kSmallestReply : kSmallestAck;
  SetWakeBytes(std::clamp(options_.wake_after, 1U, window) * bytes);
}

std::uint64_t LoadGenerator::Connection::Refill(std::uint64_t limit) {
  const TimePoint now = steady_clock::now();
  while (UsesBatches() && batches_.size() < kQos0BatchesInFlight) {
    for (unsigned i = 0; i < kQos0Batch; ++i) {
      template_.AppendTo(out_, 0);
    }
    out_ += testing::EncodePingRequest();
    batches_.push_back({.sent = now, .size = kQos0Batch});
  }
  std::uint64_t sent = 0;
  for (; sent < limit && !free_.empty(); ++sent) {
    const std::size_t slot = free_.back();
    free_.pop_back();
    slots_[slot] = {.sent = now, .awaited = (options_.qos > 0 ? 1 : 0) + (IsAnswered() ? 1 : 0)};
    if (options_.echo) {
      template_.AppendTo(out_, slot + 1, number_);
    } else {
      template_.AppendTo(out_, slot + 1);
    }
  }
  return sent;
}

bool LoadGenerator::Connection::Flush() {
  while (!out_.empty()) {
    const ssize_t count = send(socket_, out_.data(), out_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0) {
      return errno == EAGAIN || errno == EINTR || Fail("cannot send");
    }
    out_.erase(0, static_cast<std::size_t>(count));
  }
  return true;
}

bool LoadGenerator::Connection::Read() {
  std::array<char, kReadSize> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init): recv fills
  const ssize_t count = recv(socket_, bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
    return true;
  }
  if (count <= 0) {
    errno = count == 0 ? ECONNRESET : errno;
    return Fail("lost a connection");
  }
  in_.append(bytes.data(), static_cast<std::size_t>(count));
  now_ = steady_clock::now();
  return HandleFrames();
}

bool LoadGenerator::Connection::HandleFrames() {
  std::size_t start = 0;
  Frame frame;
  FrameStatus status = FrameStatus::kIncomplete;
  while ((status = testing::ReadFrame(std::string_view(in_).substr(start), frame)) ==
             FrameStatus::kComplete &&
         Handle(frame)) {
    start += frame.size;
  }
  in_.erase(0, start);
  if (status != FrameStatus::kIncomplete) {
    errno = EPROTO;
    return Fail("the broker sent what was not expected");
  }
  return true;
}

bool LoadGenerator::Connection::Handle(const Frame& frame) {
  if (frame.type == PacketType::kPingresp && !batches_.empty()) {
    Count(batches_.front().sent, batches_.front().size);
    batches_.pop_front();
    return true;
  }
  if (frame.body.size() < 2) {
    return false;
  }
  switch (frame.type) {
    case PacketType::kPuback:
    case PacketType::kPubrec:
    case PacketType::kPubcomp: HandleAck(frame); return true;
    case PacketType::kPublish: HandleReply(frame); return true;
    default: return false;
  }
}

void LoadGenerator::Connection::HandleAck(const Frame& frame) {
  const std::uint16_t id = ReadTwoBytes(frame.body);
  const bool rejected =
      frame.body.size() > 2 && static_cast<std::uint8_t>(frame.body[2]) >= kFirstFailureReason;
  if (frame.type == PacketType::kPubrec && !rejected) {
    AppendAck(PacketType::kPubrel, 0x02, id);
  } else {
    Settle(id, rejected);
  }
}

void LoadGenerator::Connection::HandleReply(const Frame& frame) {
  const std::size_t mark = frame.body.find(kCorrelationMark);
  const std::size_t id_at = mark + kCorrelationMark.size();
  if (mark == std::string_view::npos || frame.body.size() < id_at + 2) {
    return;  // not a reply to one of ours
  }
  if ((frame.flags & 0x06) != 0) {
    const std::size_t id_after_topic = 2U + ReadTwoBytes(frame.body);
    AppendAck(PacketType::kPuback, 0, ReadTwoBytes(frame.body.substr(id_after_topic)));
  }
  ++meter_.replies;
  Settle(ReadTwoBytes(frame.body.substr(id_at)), options_.replies && !HasStatusOk(frame.body));
}

void LoadGenerator::Connection::AppendAck(PacketType type, std::uint8_t flags, std::size_t id) {
  const std::size_t start = out_.size();
  out_.append({static_cast<char>((static_cast<unsigned>(type) << 4) | flags), 2, 0, 0});
  out_[start + 2] = static_cast<char>(id >> 8);
  out_[start + 3] = static_cast<char>(id & 0xFF);
}

void LoadGenerator::Connection::Settle(std::size_t id, bool rejected) {
  if (id == 0 || id > slots_.size() || slots_[id - 1].awaited == 0) {
    return;  // late: the same twice
  }
  Slot& slot = slots_[id - 1];
  meter_.rejected += rejected ? 1U : 0U;
  if (--slot.awaited == 0) {
    Count(slot.sent, 1);
    free_.push_back(id - 1);
  }
}

LoadGenerator::LoadGenerator(LoadOptions options)
    : options_(std::move(options)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      template_(std::make_unique<PublishTemplate>(options_)) {}

LoadGenerator::~LoadGenerator() {
  close(epoll_);
}

std::optional<LoadResult> LoadGenerator::Run() {
  using std::chrono::ceil;
  if (!ConnectAll() || !RunUntil(steady_clock::now() + ceil<nanoseconds>(options_.warm_up), 0)) {
    return std::nullopt;
  }
  meter_ = {};
  options_.on_begin();
  const TimePoint begin = steady_clock::now();
  const TimePoint end =
      options_.count > 0 ? TimePoint::max() : begin + ceil<nanoseconds>(options_.duration);
  if (!RunUntil(end, options_.count)) {
    return std::nullopt;
  }
  meter_.elapsed = steady_clock::now() - begin;
  options_.on_end();
  LoadResult result = meter_;
  Finish();
  if (result.messages == 0) {
    error_ = "nothing was acknowledged";
    return std::nullopt;
  }
  return result;
}

bool LoadGenerator::ConnectAll() {
  for (unsigned i = 0; i < options_.connections; ++i) {
    auto connection = std::make_unique<Connection>(options_, *template_, meter_);
    epoll_event event{.events = EPOLLIN, .data = {.ptr = connection.get()}};
    if (!connection->Connect(i) ||
        epoll_ctl(epoll_, EPOLL_CTL_ADD, connection->socket(), &event) != 0) {
      error_ = connection->error();
      return false;
    }
    connections_.push_back(std::move(connection));
  }
  start_ = steady_clock::now();
  if (options_.rate > 0) {
    return true;
  }
  return std::all_of(connections_.begin(), connections_.end(), [this](const auto& connection) {
    connection->Refill(kUnlimited);
    return Serve(*connection);
  });
}

// Until the time, or until so many messages (unless 0) are acknowledged.
bool LoadGenerator::RunUntil(TimePoint end, std::uint64_t count) {
  TimePoint progress = steady_clock::now();
  std::uint64_t seen = meter_.messages;
  while (count == 0 || meter_.messages < count) {
    const TimePoint now = steady_clock::now();
    if (now >= end) {
      return true;
    }
    if (std::exchange(seen, meter_.messages) != meter_.messages) {
      progress = now;
    } else if (now - progress > kStallTimeout) {
      error_ = "nothing was acknowledged for 10 s";
      return false;
    }
    const nanoseconds left = std::min<nanoseconds>(end - now, kStallTimeout);
    if (!HandleReady(std::min(left, UntilNextIsDue())) || !SendWhatIsDue()) {
      return false;
    }
  }
  return true;
}

nanoseconds LoadGenerator::UntilNextIsDue() const {
  if (options_.rate <= 0) {
    return kStallTimeout;
  }
  const std::chrono::duration<double> due(static_cast<double>(sent_ + 1) / options_.rate);
  const auto left = std::chrono::ceil<nanoseconds>(start_ + due - steady_clock::now());
  // Where the windows are full, it is acknowledgements that let the next one out.
  return left > nanoseconds(0) ? left : milliseconds(1);
}

// At a rate: what is due by now and has room in the windows, each connection in turn.
bool LoadGenerator::SendWhatIsDue() {
  if (options_.rate <= 0) {
    return true;
  }
  const std::chrono::duration<double> elapsed = steady_clock::now() - start_;
  const auto due = static_cast<std::uint64_t>(elapsed.count() * options_.rate);
  for (std::size_t full = 0; sent_ < due && full < connections_.size();) {
    Connection& connection = *connections_[next_sender_++ % connections_.size()];
    const std::uint64_t sent = connection.Refill(1);
    sent_ += sent;
    full = sent == 0 ? full + 1 : 0;
  }
  return std::all_of(connections_.begin(), connections_.end(), [this](const auto& connection) {
    return !connection->WantsOutput() || Serve(*connection);
  });
}

bool LoadGenerator::HandleReady(nanoseconds timeout) {
  std::array<epoll_event, 64> events{};
  const auto seconds = std::chrono::floor<std::chrono::seconds>(timeout);
  const timespec wait{.tv_sec = seconds.count(), .tv_nsec = (timeout - seconds).count()};
  const int ready = epoll_pwait2(epoll_, events.data(), 64, &wait, nullptr);
  for (int i = 0; i < ready; ++i) {
    auto& connection = *static_cast<Connection*>(events.at(static_cast<std::size_t>(i)).data.ptr);
    if (!connection.Read()) {
      error_ = connection.error();
      return false;
    }
    if (refill_ && options_.rate <= 0) {
      connection.Refill(kUnlimited);
    }
    if (!Serve(connection)) {
      return false;
    }
  }
  return true;
}

// Sends what it can, and asks to be woken when it can send the rest.
bool LoadGenerator::Serve(Connection& connection) {
  if (!connection.Flush()) {
    error_ = connection.error();
    return false;
  }
  if (connection.WantsOutput() != connection.watches_output()) {
    connection.set_watches_output(connection.WantsOutput());
    const std::uint32_t output = connection.WantsOutput() ? EPOLLOUT : 0U;
    epoll_event event{.events = EPOLLIN | output, .data = {.ptr = &connection}};
    epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.socket(), &event);
  }
  return true;
}

// Leaves nothing half done in the broker: waits for what is in flight and says goodbye.
void LoadGenerator::Finish() {
  refill_ = false;
  for (const auto& connection : connections_) {
    connection->SetWakeBytes(1);
  }
  const TimePoint deadline = steady_clock::now() + kDrainTimeout;
  const auto in_flight = [](const auto& connection) {
    return connection->HasInFlight();
  };
  while (std::any_of(connections_.begin(), connections_.end(), in_flight) &&
         steady_clock::now() < deadline && HandleReady(milliseconds(100))) {}
  for (const auto& connection : connections_) {
    connection->Queue(Encode(testing::DisconnectPacket(), options_.version));
    connection->Flush();
  }
  connections_.clear();
}

}  // namespace kv::bench
