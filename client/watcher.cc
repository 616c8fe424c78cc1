#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include "client/callback_gate.h"
#include "client/client_core.h"
#include "client/watch_feed.h"
#include "mosquitto_kv/bucket.h"
#include "mosquitto_kv/watch.h"

namespace kv {

// Between the network thread, where the events come from, and the thread where they are wanted.
class Watcher::State final : public client::WatchSink,
                             public std::enable_shared_from_this<Watcher::State> {
 public:
  State(std::shared_ptr<ClientCore> core, WatchHandler handler)
      : core_(std::move(core)), handler_(std::move(handler)), gate_(*core_) {}

  Status Start(client::Target target, WatchSettings settings) {
    feed_ = std::make_shared<client::WatchFeed>(
        core_->session(), std::move(target), std::move(settings));
    return core_
        ->MakeCall<Ok>([self = shared_from_this()](client::Session&, Callback<Ok> done) {
          self->feed_->Start(*self, std::move(done));
        })
        .Wait();
  }

  void Stop() {
    gate_.Close();
    const std::lock_guard lock(mutex_);
    if (!std::exchange(stopped_, true)) {
      changed_.notify_all();
      core_->Post([self = shared_from_this()] { self->feed_->Stop(); });
    }
  }

  Result<WatchEvent> Next(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    const auto is_over = [this] {
      return !events_.empty() || ended_ || stopped_;
    };
    if (!changed_.wait_for(lock, timeout, is_over)) {
      return Error(ErrorCode::kTimeout, "no event came in time");
    }
    if (events_.empty()) {
      return Error(ErrorCode::kCancelled, "the watch has ended");
    }
    WatchEvent event = std::move(events_.front());
    events_.pop_front();
    return event;
  }

  void OnEvent(WatchEvent event) override {
    if (handler_) {
      core_->RunCallback([self = shared_from_this(), event = std::move(event)] {
        self->gate_.Run([&] { self->handler_(event); });
      });
      return;
    }
    const std::lock_guard lock(mutex_);
    ended_ = event.kind == WatchEvent::Kind::kEnded;
    events_.push_back(std::move(event));
    changed_.notify_all();
  }

 private:
  const std::shared_ptr<ClientCore> core_;
  const WatchHandler handler_;
  std::shared_ptr<client::WatchFeed> feed_;
  client::CallbackGate gate_;  // of the handler
  std::mutex mutex_;           // of what follows
  std::condition_variable changed_;
  std::deque<WatchEvent> events_;
  bool ended_ = false;
  bool stopped_ = false;
};

Watcher::Watcher(std::shared_ptr<State> state) : state_(std::move(state)) {}

Watcher::Watcher(Watcher&&) noexcept = default;

Watcher& Watcher::operator=(Watcher&& other) noexcept {
  if (this != &other) {
    Stop();
    state_ = std::move(other.state_);
  }
  return *this;
}

Watcher::~Watcher() {
  Stop();
}

Result<WatchEvent> Watcher::Next(std::chrono::milliseconds timeout) {
  return state_->Next(timeout);
}

void Watcher::Stop() {
  if (state_) {
    state_->Stop();
  }
}

Result<Watcher> Bucket::Watch(const WatchSettings& settings) const {
  return Watch(settings, nullptr);
}

Result<Watcher> Bucket::Watch(const WatchSettings& settings, WatchHandler handler) const {
  auto state = std::make_shared<Watcher::State>(async_.core_, std::move(handler));
  if (auto started = state->Start({async_.name_, async_.timeout_}, settings); !started) {
    return std::move(started).error();
  }
  return Watcher(std::move(state));
}

}  // namespace kv
