#include "bench/load_generator.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <string_view>
#include <system_error>
#include <utility>

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
constexpr std::size_t kKeyDigits = 8;
constexpr std::size_t kValuePool = 65'536;
constexpr std::size_t kReadSize = 65'536;
constexpr std::uint8_t kFirstFailureReason = 0x80;
constexpr unsigned kSmallestAck = 4;  // bytes of a PUBACK without a reason
// Nothing acknowledges QoS 0, so that each batch ends with a PING, whose answer stands for all.
constexpr unsigned kQos0Batch = 32;
constexpr unsigned kQos0BatchesInFlight = 2;
// Begins the Correlation Data; the slot's number follows. Long enough to find by searching.
constexpr std::string_view kCorrelationMark = "kv-load:";

std::uint16_t ReadTwoBytes(std::string_view bytes) {
  return static_cast<std::uint16_t>((static_cast<unsigned char>(bytes[0]) << 8) |
                                    static_cast<unsigned char>(bytes[1]));
}

void WriteTwoBytes(char* bytes, std::size_t value) {
  bytes[0] = static_cast<char>(value >> 8);
  bytes[1] = static_cast<char>(value & 0xFF);
}

std::string DecimalKey(unsigned number) {
  const std::string digits = std::to_string(number);
  return std::string(kKeyDigits - std::min(kKeyDigits, digits.size()), '0') + digits;
}

bool HasStatusOk(std::string_view packet) {
  using std::string_view_literals::operator""sv;
  return packet.find("\0\x09kv-status\0\x02ok"sv) != std::string_view::npos;
}

// SplitMix64: any seed will do, and it costs next to nothing.
std::uint64_t NextRandom(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9E3779B97F4A7C15U);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31);
}

}  // namespace

// One PUBLISH, encoded; key, packet id, correlation and value are patched into each copy.
class LoadGenerator::PublishTemplate {
 public:
  explicit PublishTemplate(const LoadOptions& options);
  void AppendTo(std::string& out, std::size_t id);

 private:
  std::uint64_t random_;
  std::size_t value_size_;
  std::uint64_t keys_;
  std::string bytes_;  // without the value
  std::string key_digits_;
  std::string value_pool_;
  std::size_t key_offset_ = 0;
  std::size_t id_offset_ = 0;           // 0: has none
  std::size_t correlation_offset_ = 0;  // 0: has none
};

LoadGenerator::PublishTemplate::PublishTemplate(const LoadOptions& options)
    : random_(options.seed), value_size_(options.value_size), keys_(options.keys) {
  testing::PublishPacket packet;
  packet.topic = options.topic_prefix + DecimalKey(0);
  packet.qos = options.qos;
  packet.retain = options.retain;
  packet.payload.assign(value_size_, 'v');
  if (options.replies) {
    packet.properties.ResponseTopic("kv-load/replies");
    packet.properties.CorrelationData(std::string(kCorrelationMark) + "id");
  }
  bytes_ = Encode(packet, options.version);
  bytes_.resize(bytes_.size() - value_size_);
  key_offset_ = bytes_.find(packet.topic) + options.topic_prefix.size();
  id_offset_ = options.qos > 0 ? key_offset_ + kKeyDigits : 0;
  correlation_offset_ =
      options.replies ? bytes_.find(kCorrelationMark) + kCorrelationMark.size() : 0;
  for (unsigned i = 0; i < keys_; ++i) {
    key_digits_ += DecimalKey(i);
  }
  // Random bytes, as a store that compresses would make light of repeated ones.
  while (value_pool_.size() < value_size_ + kValuePool) {
    value_pool_.push_back(static_cast<char>(NextRandom(random_) & 0xFF));
  }
}

void LoadGenerator::PublishTemplate::AppendTo(std::string& out, std::size_t id) {
  const std::size_t start = out.size();
  out.append(bytes_).append(value_pool_, NextRandom(random_) % kValuePool, value_size_);
  char* packet = out.data() + start;
  std::copy_n(key_digits_.data() + NextRandom(random_) % keys_ * kKeyDigits,
              kKeyDigits,
              packet + key_offset_);
  if (id_offset_ > 0) {
    WriteTwoBytes(packet + id_offset_, id);
  }
  if (correlation_offset_ > 0) {
    WriteTwoBytes(packet + correlation_offset_, id);
  }
}

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
  void Refill();
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

  bool UsesBatches() const { return options_.qos == 0 && !options_.replies; }
  bool AwaitConnack();
  void MakeSlots(std::uint32_t receive_maximum);
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
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(options_.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the sockets API
  if (connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return Fail("cannot connect");
  }
  const int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  testing::ConnectPacket packet;
  packet.client_id = "kv-load-" + std::to_string(getpid()) + "-" + std::to_string(number);
  packet.version = options_.version;
  out_ = Encode(packet);
  return Flush() && AwaitConnack();
}

bool LoadGenerator::Connection::AwaitConnack() {
  Frame frame;
  pollfd entry{.fd = socket_, .events = POLLIN, .revents = 0};
  while (testing::ReadFrame(in_, frame) != FrameStatus::kComplete) {
    std::array<char, 256> bytes{};
    const ssize_t count = poll(&entry, 1, static_cast<int>(kStallTimeout.count())) > 0
                              ? recv(socket_, bytes.data(), bytes.size(), 0)
                              : -1;
    if (count <= 0) {
      return Fail("no CONNACK");
    }
    in_.append(bytes.data(), static_cast<std::size_t>(count));
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
  SetWakeBytes(std::clamp(options_.wake_after, 1U, window) * kSmallestAck);
}

void LoadGenerator::Connection::Refill() {
  const TimePoint now = steady_clock::now();
  while (UsesBatches() && batches_.size() < kQos0BatchesInFlight) {
    for (unsigned i = 0; i < kQos0Batch; ++i) {
      template_.AppendTo(out_, 0);
    }
    out_ += testing::EncodePingRequest();
    batches_.push_back({.sent = now, .size = kQos0Batch});
  }
  while (!free_.empty()) {
    const std::size_t slot = free_.back();
    free_.pop_back();
    slots_[slot] = {.sent = now,
                    .awaited = (options_.qos > 0 ? 1 : 0) + (options_.replies ? 1 : 0)};
    template_.AppendTo(out_, slot + 1);
  }
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
  Settle(ReadTwoBytes(frame.body.substr(id_at)), !HasStatusOk(frame.body));
}

void LoadGenerator::Connection::AppendAck(PacketType type, std::uint8_t flags, std::size_t id) {
  const std::size_t start = out_.size();
  out_.append({static_cast<char>((static_cast<unsigned>(type) << 4) | flags), 2, 0, 0});
  WriteTwoBytes(out_.data() + start + 2, id);
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
  return std::all_of(connections_.begin(), connections_.end(), [this](const auto& connection) {
    connection->Refill();
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
    const auto left = std::min<nanoseconds>(end - now, kStallTimeout);
    if (!HandleReady(std::chrono::ceil<milliseconds>(left))) {
      return false;
    }
  }
  return true;
}

bool LoadGenerator::HandleReady(milliseconds timeout) {
  std::array<epoll_event, 64> events{};
  const int ready = epoll_wait(epoll_, events.data(), 64, static_cast<int>(timeout.count()));
  for (int i = 0; i < ready; ++i) {
    auto& connection = *static_cast<Connection*>(events.at(static_cast<std::size_t>(i)).data.ptr);
    if (!connection.Read()) {
      error_ = connection.error();
      return false;
    }
    if (refill_) {
      connection.Refill();
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
