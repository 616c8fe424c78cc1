#include "mosquitto_kv/lock.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "client/callback_gate.h"
#include "client/client_core.h"
#include "client/contender.h"
#include "client/weakly.h"

namespace kv {

class Lock::State : public std::enable_shared_from_this<Lock::State> {
 public:
  State(std::shared_ptr<ClientCore> core,
        client::Target target,
        std::string_view key,
        LockSettings settings)
      : core_(std::move(core)),
        settings_(std::move(settings)),
        request_timeout_(target.timeout),
        gate_(*core_) {
    contender_ = std::make_shared<client::Contender>(
        core_->session(),
        std::move(target),
        std::string(key),
        settings_.owner.empty() ? core_->client_id() : settings_.owner);
  }

  Result<Revision> Acquire(std::chrono::milliseconds timeout, bool wait_for_others) {
    auto acquired = Await(timeout, wait_for_others);
    if (!acquired) {
      // It may have been got in this very moment, and would be held without anybody knowing.
      IgnoreError(Release(), "it was not held");
    }
    return acquired;
  }

  Status Release() {
    return core_
        ->MakeCall<Ok>([self = shared_from_this()](client::Session&, const Callback<Ok>& done) {
          self->SetToken(0);
          self->contender_->Withdraw(done);
        })
        .Wait();
  }

  void End() {
    gate_.Close();
    core_->Post([self = shared_from_this()] { self->contender_->Stop(); });
  }

  Revision token() const {
    const std::lock_guard lock(mutex_);
    return token_;
  }

  std::chrono::milliseconds request_timeout() const { return request_timeout_; }

 private:
  Result<Revision> Await(std::chrono::milliseconds timeout, bool wait_for_others) {
    std::unique_lock lock(mutex_);
    attempt_.reset();
    refused_.reset();
    if (ended_) {
      return *ended_;
    }
    if (!core_->Post([self = shared_from_this()] { self->Want(); })) {
      return Error(ErrorCode::kCancelled);
    }
    const auto is_over = [&] {
      const bool taken = attempt_ && attempt_->code == ErrorCode::kKeyExists;
      return token_ != 0 || ended_ || refused_ || (taken && !wait_for_others);
    };
    changed_.wait_for(lock, timeout, is_over);
    if (token_ == 0) {
      return WhyNot(wait_for_others);
    }
    return token_;
  }

  // On the network thread.
  void Want() {
    if (!std::exchange(has_handlers_, true)) {
      const auto with = [this](auto then) {
        return client::Weakly(weak_from_this(), then);
      };
      contender_->SetHandlers(
          {.on_held = with([](State& self, Revision token) { self.SetToken(token); }),
           .on_lost = with([](State& self) { self.OnLost(); }),
           .on_attempt =
               with([](State& self, const Error& error) { self.Tell(self.attempt_, error); }),
           .on_refused =
               with([](State& self, const Error& error) { self.Tell(self.refused_, error); }),
           .on_ended =
               with([](State& self, const Error& error) { self.Tell(self.ended_, error); })});
    }
    contender_->Want();
  }

  Error WhyNot(bool wait_for_others) const {
    if (ended_ || refused_) {
      return ended_ ? *ended_ : *refused_;
    }
    if (attempt_ && (!wait_for_others || attempt_->code != ErrorCode::kKeyExists)) {
      return *attempt_;
    }
    return Error(ErrorCode::kTimeout,
                 attempt_ ? "somebody else holds the lock: " + attempt_->message
                          : "the broker did not answer in time");
  }

  void SetToken(Revision token) {
    const std::lock_guard lock(mutex_);
    token_ = token;
    changed_.notify_all();
  }

  void OnLost() {
    SetToken(0);
    // A lock that was lost is for its owner to ask for again.
    contender_->Withdraw([](const Status& status) { IgnoreError(status, "it is lost"); });
    if (settings_.on_lost) {
      core_->RunCallback([self = shared_from_this()] { self->gate_.Run(self->settings_.on_lost); });
    }
  }

  // Those that wait in Acquire().
  void Tell(std::optional<Error>& what, const Error& error) {
    const std::lock_guard lock(mutex_);
    what = error;
    changed_.notify_all();
  }

  const std::shared_ptr<ClientCore> core_;
  const LockSettings settings_;
  const std::chrono::milliseconds request_timeout_;
  client::CallbackGate gate_;
  std::shared_ptr<client::Contender> contender_;
  bool has_handlers_ = false;  // of the network thread
  mutable std::mutex mutex_;   // of what follows
  std::condition_variable changed_;
  Revision token_ = 0;
  std::optional<Error> attempt_;  // the last one in vain
  std::optional<Error> refused_;  // what ended this Acquire()
  std::optional<Error> ended_;    // what ended the watch, and so every Acquire()
};

Lock::Lock(const Bucket& bucket, std::string_view key, LockSettings settings)
    : state_(std::make_shared<State>(bucket.async().core_,
                                     client::Target{bucket.async().name_, bucket.async().timeout_},
                                     key,
                                     std::move(settings))) {}

Lock::~Lock() {
  state_->End();
}

Result<Revision> Lock::Acquire(std::chrono::milliseconds timeout) {
  return state_->Acquire(timeout, /*wait_for_others=*/true);
}

Result<Revision> Lock::TryAcquire() {
  return state_->Acquire(state_->request_timeout(), /*wait_for_others=*/false);
}

Status Lock::Release() {
  return state_->Release();
}

bool Lock::held() const {
  return token() != 0;
}

Revision Lock::token() const {
  return state_->token();
}

}  // namespace kv
