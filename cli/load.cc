#include "cli/load.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <random>
#include <utility>

#include "cli/mqtt_socket.h"

namespace kv::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kStallTimeout{10'000};
constexpr milliseconds kPollTimeout{100};
constexpr std::size_t kValuePool = 65'536;
constexpr unsigned kClearWindow = 100;

std::string ClientIdOf(unsigned number) {
  return "kv-bench-" + std::to_string(getpid()) + "-" + std::to_string(number);
}

class Load {
 public:
  Load(const LoadShape& shape, const std::function<bool()>& stop) : shape_(shape), stop_(stop) {
    for (std::size_t i = 0; i < shape.value_size + kValuePool; ++i) {
      pool_ += static_cast<char>(random_() & 0xFF);
    }
  }

  Status Connect(const ClientOptions& options) {
    for (unsigned i = 0; i < shape_.connections; ++i) {
      lanes_.push_back(std::make_unique<Lane>());
      lanes_.back()->sent.resize(shape_.window);
      if (auto connected = lanes_.back()->socket.Connect(options, ClientIdOf(i)); !connected) {
        return connected;
      }
      polled_.push_back({.fd = lanes_.back()->socket.descriptor(), .events = POLLIN, .revents = 0});
    }
    return Ok{};
  }

  Result<LoadResult> Run() {
    const auto begin = steady_clock::now();
    end_ = begin + std::chrono::ceil<steady_clock::duration>(shape_.duration);
    progress_ = begin;
    for (const auto& lane : lanes_) {
      for (std::size_t slot = 0; slot < shape_.window; ++slot) {
        Send(*lane, slot, begin);
      }
      if (auto flushed = lane->socket.Flush(); !flushed) {
        return std::move(flushed).error();
      }
    }
    while (on_their_way_ > 0) {
      if (auto served = Serve(); !served) {
        return std::move(served).error();
      }
    }
    result_.elapsed = steady_clock::now() - begin;
    return std::move(result_);
  }

 private:
  struct Lane {
    MqttSocket socket;
    std::vector<steady_clock::time_point> sent;  // by slot, which is the packet's id - 1
  };

  void Send(Lane& lane, std::size_t slot, steady_clock::time_point now) {
    const std::string topic = shape_.topic_prefix + std::to_string(random_() % shape_.keys);
    const std::string_view value =
        std::string_view(pool_).substr(random_() % kValuePool, shape_.value_size);
    lane.socket.Publish(topic, value, static_cast<std::uint16_t>(slot + 1), shape_.retain);
    lane.sent[slot] = now;
    ++on_their_way_;
  }

  Status Serve() {
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      polled_[i].events =
          static_cast<short>(POLLIN | (lanes_[i]->socket.has_output() ? POLLOUT : 0));
    }
    poll(polled_.data(), polled_.size(), static_cast<int>(kPollTimeout.count()));
    const auto now = steady_clock::now();
    const bool goes_on = now < end_ && !stop_();
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      if (polled_[i].revents != 0) {
        if (auto served = Serve(*lanes_[i], now, goes_on); !served) {
          return served;
        }
      }
    }
    return now - progress_ < kStallTimeout
               ? Status(Ok{})
               : Error(ErrorCode::kTimeout, "the broker acknowledged nothing for ten seconds");
  }

  Status Serve(Lane& lane, steady_clock::time_point now, bool goes_on) {
    auto read = lane.socket.Read([&](std::uint16_t id) {
      if (id == 0 || id > shape_.window) {
        return;
      }
      const std::size_t slot = id - 1U;
      result_.latencies.push_back(now - lane.sent[slot]);
      progress_ = now;
      --on_their_way_;
      if (goes_on) {
        Send(lane, slot, now);
      }
    });
    return read ? lane.socket.Flush() : read;
  }

  const LoadShape& shape_;
  const std::function<bool()>& stop_;
  std::minstd_rand random_;  // any order of the keys will do
  std::string pool_;         // of random bytes, which do not compress
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<pollfd> polled_;
  LoadResult result_;
  std::size_t on_their_way_ = 0;
  steady_clock::time_point end_;
  steady_clock::time_point progress_;
};

}  // namespace

std::chrono::nanoseconds LoadResult::Quantile(double quantile) {
  if (latencies.empty()) {
    return {};
  }
  std::sort(latencies.begin(), latencies.end());
  const auto rank = static_cast<std::size_t>(quantile * static_cast<double>(latencies.size()));
  return latencies[std::min(rank, latencies.size() - 1)];
}

void LoadResult::Add(LoadResult other) {
  elapsed += other.elapsed;
  latencies.insert(latencies.end(), other.latencies.begin(), other.latencies.end());
}

Result<LoadResult> RunLoad(const ClientOptions& options,
                           const LoadShape& shape,
                           const std::function<bool()>& stop) {
  Load load(shape, stop);
  if (auto connected = load.Connect(options); !connected) {
    return std::move(connected).error();
  }
  return load.Run();
}

Status ClearRetained(const ClientOptions& options, const LoadShape& shape) {
  MqttSocket socket;
  if (auto connected = socket.Connect(options, ClientIdOf(shape.connections)); !connected) {
    return connected;
  }
  unsigned sent = 0;
  unsigned acknowledged = 0;
  while (acknowledged < shape.keys) {
    for (; sent < shape.keys && sent - acknowledged < kClearWindow; ++sent) {
      socket.Publish(shape.topic_prefix + std::to_string(sent),
                     {},
                     static_cast<std::uint16_t>(sent % kClearWindow + 1),
                     /*retain=*/true);
    }
    if (auto flushed = socket.Flush(); !flushed) {
      return flushed;
    }
    pollfd entry{.fd = socket.descriptor(),
                 .events = static_cast<short>(POLLIN | (socket.has_output() ? POLLOUT : 0)),
                 .revents = 0};
    if (poll(&entry, 1, static_cast<int>(kStallTimeout.count())) == 0) {
      return Error(ErrorCode::kTimeout, "the broker acknowledged nothing for ten seconds");
    }
    if (auto read = socket.Read([&](std::uint16_t) { ++acknowledged; }); !read) {
      return read;
    }
  }
  return Ok{};
}

}  // namespace kv::cli
