#include "bench/nats_generator.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include "bench/key_text.h"
#include "bench/loopback_socket.h"

namespace kv::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;
using TimePoint = steady_clock::time_point;

constexpr milliseconds kStallTimeout{10'000};
constexpr std::string_view kEndOfLine = "\r\n";
constexpr unsigned kSmallestReply = 40;  // bytes of MSG and a PubAck, at least
constexpr std::size_t kReadSize = 65'536;

[[noreturn]] void ThrowErrno(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

std::string Publish(const std::string& subject,
                    const std::string& inbox,
                    std::string_view payload) {
  std::string out = "PUB " + subject + " " + inbox + " " + std::to_string(payload.size()) + "\r\n";
  return out.append(payload).append(kEndOfLine);
}

}  // namespace

// A put in flight occupies a slot, whose number ends the subject of its reply.
class NatsGenerator::Connection {
 public:
  Connection(const NatsOptions& options, unsigned number)
      : inbox_("_INBOX.kv-load-" + std::to_string(number) + "."),
        socket_(ConnectLoopback(options.port)),
        sent_(options.window) {
    if (socket_ < 0) {
      ThrowErrno("cannot connect");
    }
    for (std::size_t slot = options.window; slot > 0; --slot) {
      free_.push_back(slot - 1);
    }
    Send("CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":false}\r\nSUB " + inbox_ +
         "* 1\r\n");
  }
  ~Connection() { close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int socket() const { return socket_; }
  const std::string& inbox() const { return inbox_; }
  bool HasInFlight() const { return free_.size() < sent_.size(); }
  void SetWakeBytes(unsigned bytes) const {
    setsockopt(socket_, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes));
  }

  // What `make` makes of each free slot.
  template <typename Make>
  void Refill(const Make& make) {
    const TimePoint now = steady_clock::now();
    std::string out;
    while (!free_.empty()) {
      const std::size_t slot = free_.back();
      free_.pop_back();
      sent_[slot] = now;
      out += make(slot);
    }
    Send(out);
  }

  // Reads once; hands each reply's sending time and JSON over.
  template <typename OnReply>
  void Read(const OnReply& on_reply) {
    std::array<char, kReadSize> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    const ssize_t count = recv(socket_, bytes.data(), bytes.size(), 0);
    if (count <= 0) {
      throw std::runtime_error("the server closed the connection");
    }
    in_.append(bytes.data(), static_cast<std::size_t>(count));
    std::size_t start = 0;
    while (const std::size_t size = HandleOne(std::string_view(in_).substr(start), on_reply)) {
      start += size;
    }
    in_.erase(0, start);
  }

 private:
  // The bytes of the message that `in` begins with; 0 if it is not all there.
  template <typename OnReply>
  std::size_t HandleOne(std::string_view in, const OnReply& on_reply) {
    const std::size_t line_end = in.find(kEndOfLine);
    if (line_end == std::string_view::npos) {
      return 0;
    }
    const std::string_view line = in.substr(0, line_end);
    const std::size_t head = line_end + kEndOfLine.size();
    if (line.starts_with("-ERR")) {
      throw std::runtime_error(std::string(line));
    }
    if (line == "PING") {
      Send("PONG\r\n");
    }
    if (!line.starts_with("MSG ")) {
      return head;  // INFO
    }
    const std::size_t size = std::stoul(std::string(line.substr(line.rfind(' ') + 1)));
    if (in.size() < head + size + kEndOfLine.size()) {
      return 0;
    }
    // MSG <inbox><slot> 1 <size>
    const std::size_t slot = std::stoul(std::string(line.substr(4 + inbox_.size())));
    on_reply(sent_.at(slot), in.substr(head, size));
    free_.push_back(slot);
    return head + size + kEndOfLine.size();
  }

  void Send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t count = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count < 0) {
        ThrowErrno("cannot send");
      }
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  std::string inbox_;
  int socket_;
  std::string in_;
  std::vector<TimePoint> sent_;
  std::vector<std::size_t> free_;
};

NatsGenerator::NatsGenerator(NatsOptions options)
    : options_(std::move(options)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      random_(options_.seed),
      values_(RandomBytes(options_.value_size + kValuePool, random_)) {}

NatsGenerator::~NatsGenerator() {
  close(epoll_);
}

NatsResult NatsGenerator::Run() {
  CreateBucket();
  for (unsigned i = 0; i < options_.connections; ++i) {
    connections_.push_back(std::make_unique<Connection>(options_, i));
    Connection& connection = *connections_.back();
    connection.SetWakeBytes(std::clamp(options_.wake_after, 1U, options_.window) * kSmallestReply);
    epoll_event event{.events = EPOLLIN, .data = {.ptr = &connection}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.socket(), &event);
  }
  Fill();
  RunUntil(steady_clock::now() + std::chrono::ceil<nanoseconds>(options_.warm_up), 0);
  meter_ = {};
  options_.on_begin();
  const TimePoint begin = steady_clock::now();
  RunUntil(begin + std::chrono::ceil<nanoseconds>(options_.duration), 0);
  meter_.elapsed = steady_clock::now() - begin;
  options_.on_end();
  return meter_;
}

// The stream that `nats kv add` makes.
void NatsGenerator::CreateBucket() {
  NatsOptions one = options_;
  one.window = 1;
  Connection connection(one, options_.connections);
  const std::string stream = "KV_" + options_.bucket;
  const std::string config =
      R"({"name":")" + stream + R"(","subjects":["$KV.)" + options_.bucket +
      R"(.>"],"retention":"limits","max_consumers":-1,"max_msgs":-1,"max_bytes":-1,)"
      R"("max_age":0,"max_msgs_per_subject":)" +
      std::to_string(options_.history) +
      R"(,"max_msg_size":-1,"discard":"new","storage":"file","num_replicas":1,)"
      R"("allow_rollup_hdrs":true,"deny_delete":true,"allow_direct":true})";
  connection.Refill([&](std::size_t slot) {
    return Publish(
        "$JS.API.STREAM.CREATE." + stream, connection.inbox() + std::to_string(slot), config);
  });
  while (connection.HasInFlight()) {
    connection.Read([](TimePoint, std::string_view json) {
      if (json.find("\"error\"") != std::string_view::npos) {
        throw std::runtime_error("no stream: " + std::string(json));
      }
    });
  }
}

void NatsGenerator::Fill() {
  filling_ = true;
  for (const auto& connection : connections_) {
    connection->Refill([&](std::size_t slot) { return NextPut(connection->inbox(), slot); });
  }
  const std::uint64_t puts = std::uint64_t{options_.fill} * options_.keys;
  if (puts > 0) {
    RunUntil(TimePoint::max(), puts);
  }
  filling_ = false;
}

void NatsGenerator::RunUntil(TimePoint end, std::uint64_t messages) {
  while (messages == 0 || meter_.messages < messages) {
    const auto left = std::min<nanoseconds>(end - steady_clock::now(), kStallTimeout);
    if (left <= nanoseconds(0)) {
      return;
    }
    std::array<epoll_event, 64> events{};
    const auto timeout = std::chrono::ceil<milliseconds>(left);
    const int ready = epoll_wait(epoll_, events.data(), 64, static_cast<int>(timeout.count()));
    if (ready == 0 && timeout == kStallTimeout) {
      throw std::runtime_error("nothing was acknowledged for 10 s");
    }
    const TimePoint now = steady_clock::now();
    for (int i = 0; i < ready; ++i) {
      auto& connection = *static_cast<Connection*>(events.at(static_cast<std::size_t>(i)).data.ptr);
      connection.Read([&](TimePoint sent, std::string_view json) {
        meter_.latency.Add(now - sent, 1);
        ++meter_.messages;
        meter_.rejected += json.find("\"error\"") != std::string_view::npos ? 1U : 0U;
      });
      connection.Refill([&](std::size_t slot) { return NextPut(connection.inbox(), slot); });
    }
  }
}

std::string NatsGenerator::NextPut(const std::string& inbox, std::size_t slot) {
  const std::uint64_t key = (filling_ ? turn_++ : NextRandom(random_)) % options_.keys;
  return Publish(
      "$KV." + options_.bucket + "." + Digits(key, kKeyDigits),
      inbox + std::to_string(slot),
      std::string_view(values_).substr(NextRandom(random_) % kValuePool, options_.value_size));
}

}  // namespace kv::bench
