#include "tests/load/load.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace kv::testing {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kTurnMilliseconds = 10;
// The broker lets 100 connections wait for it; the kernel tries again for the others after 1, 3, 7
// and 15 seconds.
constexpr std::chrono::seconds kPatienceToConnect{60};

// The first of each temper watches all that happens. Of the others those that read watch a part,
// and those that do not watch a bucket, so that what the broker keeps for them is soon as much as
// it may be.
std::string FilterOf(unsigned watcher) {
  if (watcher < kTempers) {
    return "kv/#";
  }
  const bool reads = Reads(static_cast<Temper>(watcher % kTempers));
  return reads ? "kv/load/" + std::to_string(watcher) + "/#" : "kv/load/#";
}

}  // namespace

Load::Load(LoadPlan plan, std::uint16_t port, pid_t broker)
    : plan_(plan),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      memory_(broker),
      start_(steady_clock::now()),
      // The first one comes soon: on a quick machine all may be over after one interval.
      next_storm_(start_ + plan.storm_interval / 10),
      next_sample_(start_) {
  MakeWorkers(port);
  MakeWatchers(port);
}

Load::~Load() {
  DropAll();
  close(epoll_);
}

// Steady and stormy ones, each in both versions of MQTT.
void Load::MakeWorkers(std::uint16_t port) {
  for (unsigned i = 0; i < plan_.workers; ++i) {
    WorkerOptions options{
        .port = port,
        .version = i % 4 < 2 ? ProtocolVersion::kMqtt5 : ProtocolVersion::kMqtt311,
        .client_id = "worker-" + std::to_string(i),
        .counters = IsStormy(i) ? "stormy" : "steady",
        .window = plan_.window,
        .keys = plan_.keys,
        .seed = plan_.seed + i};
    workers_.push_back(std::make_unique<Worker>(
        epoll_, std::move(options), account_, [this] { return TakeTicket(); }));
  }
}

// Every temper with every QoS.
void Load::MakeWatchers(std::uint16_t port) {
  for (unsigned i = 0; i < plan_.watchers; ++i) {
    const unsigned round = i / kTempers;
    WatcherOptions options{
        .port = port,
        .version = round % 2 == 0 ? ProtocolVersion::kMqtt5 : ProtocolVersion::kMqtt311,
        .client_id = "watcher-" + std::to_string(i),
        .temper = static_cast<Temper>(i % kTempers),
        .filter = FilterOf(i),
        .qos = static_cast<std::uint8_t>((round + i % kTempers) % 3),
        .seed = plan_.seed + i};
    watchers_.push_back(std::make_unique<Watcher>(epoll_, std::move(options), account_));
  }
}

std::optional<std::uint64_t> Load::TakeTicket() {
  return account_.begun < plan_.operations ? std::optional(account_.begun++) : std::nullopt;
}

void Load::Run() {
  for (const auto& watcher : watchers_) {
    watcher->Open();
  }
  for (const auto& worker : workers_) {
    worker->Open();
  }
  while (!IsOver()) {
    HandleEvents();
    PassTime();
  }
  memory_.Sample(seconds(), account_.done);
}

bool Load::IsOver() const {
  constexpr std::uint64_t too_many = 1000;
  return account_.failed > too_many ||
         (account_.begun >= plan_.operations &&
          std::all_of(workers_.begin(), workers_.end(), [](const auto& worker) {
            return worker->IsIdle();
          }));
}

void Load::HandleEvents() const {
  std::array<epoll_event, 128> events{};
  const int ready = epoll_wait(epoll_, events.data(), events.size(), kTurnMilliseconds);
  for (int i = 0; i < ready; ++i) {
    const epoll_event& event = events.at(static_cast<std::size_t>(i));
    static_cast<Connection*>(event.data.ptr)->HandleEvents(event.events);
  }
}

void Load::PassTime() {
  const TimePoint now = steady_clock::now();
  for (const auto& watcher : watchers_) {
    watcher->Pass(now);
  }
  if (now >= next_sample_) {
    next_sample_ += plan_.sample_interval;
    memory_.Sample(Seconds(now), account_.done);
    ExpectNobodyWaits(now);
  }
  if (now >= next_storm_ && account_.begun < plan_.operations) {
    next_storm_ = now + plan_.storm_interval;
    Storm();
  }
}

void Load::Storm() {
  ++storms_;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    if (IsStormy(i)) {
      workers_[i]->Drop();
    }
  }
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    if (IsStormy(i)) {
      workers_[i]->Open();
    }
  }
}

void Load::ExpectNobodyWaits(TimePoint now) {
  for (const auto& worker : workers_) {
    const auto since = worker->WaitsSince();
    const auto patience = worker->is_open() ? plan_.patience : kPatienceToConnect;
    if (since && now - *since > patience) {
      account_.Fail(worker->client_id() + " has waited " +
                    std::to_string(duration_cast<milliseconds>(now - *since).count()) + " ms for " +
                    worker->WaitsFor());
      worker->Drop();
      worker->Open();
    }
  }
}

void Load::DropAll() {
  for (const auto& watcher : watchers_) {
    watcher->Drop();
  }
  for (const auto& worker : workers_) {
    worker->Drop();
  }
}

}  // namespace kv::testing
