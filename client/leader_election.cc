#include "mosquitto_kv/leader_election.h"

#include <mutex>
#include <optional>
#include <utility>

#include "client/callback_gate.h"
#include "client/client_core.h"
#include "client/contender.h"
#include "client/weakly.h"

namespace kv {

class LeaderElection::State : public std::enable_shared_from_this<LeaderElection::State> {
 public:
  State(std::shared_ptr<ClientCore> core, ElectionSettings settings)
      : core_(std::move(core)), settings_(std::move(settings)), gate_(*core_) {}

  // Ends when the first attempt is through.
  Status Stand(client::Target target, std::string_view key) {
    contender_ = std::make_shared<client::Contender>(
        core_->session(),
        std::move(target),
        std::string(key),
        settings_.candidate.empty() ? core_->client_id() : settings_.candidate);
    return core_
        ->MakeCall<Ok>([self = shared_from_this()](client::Session&, Callback<Ok> done) {
          self->Start(std::move(done));
        })
        .Wait();
  }

  void Withdraw() {
    gate_.Close();
    SetToken(0);
    core_->Post([self = shared_from_this()] {
      self->contender_->Stop();
      self->SetToken(0);  // it may have been elected meanwhile
    });
  }

  Revision token() const {
    const std::lock_guard lock(mutex_);
    return token_;
  }

  std::string leader() const {
    const std::lock_guard lock(mutex_);
    return leader_;
  }

 private:
  void Start(Callback<Ok> done) {
    stood_ = std::move(done);
    const auto with = [this](auto then) {
      return client::Weakly(weak_from_this(), then);
    };
    contender_->SetHandlers(
        {.on_held = with([](State& self, Revision token) { self.OnElected(token); }),
         .on_lost = with([](State& self) { self.OnLost(); }),
         .on_holder = with([](State& self, const std::string& name) { self.OnLeader(name); }),
         .on_attempt = with([](State& self, const Error& error) { self.OnAttempt(error); }),
         .on_refused = with([](State& self, const Error& error) { self.OnEnded(error); }),
         .on_ended = with([](State& self, const Error& error) { self.OnEnded(error); })});
    contender_->Want();
  }

  void Stood(Status status) {
    if (const auto stood = std::exchange(stood_, nullptr)) {
      stood(std::move(status));
    }
  }

  void OnElected(Revision token) {
    SetToken(token);
    Stood(Ok{});
    Tell(settings_.on_elected, token);
  }

  void OnLost() {
    SetToken(0);
    contender_->Want();
    Tell(settings_.on_lost);
  }

  void OnLeader(const std::string& name) {
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(leader_, name) == name) {
        return;
      }
    }
    Tell(settings_.on_leader, name);
  }

  void OnAttempt(const Error& error) {
    if (error.code == ErrorCode::kKeyExists) {
      Stood(Ok{});
    } else {
      Stood(error);
    }
  }

  void OnEnded(const Error& error) {
    SetToken(0);
    if (std::exchange(ended_, true)) {
      return;  // an attempt and the watch may end, each with the client
    }
    if (stood_) {
      Stood(error);
    } else {
      Tell(settings_.on_ended, error);
    }
  }

  // Runs one of the settings' handlers on the callback thread.
  template <typename Handler, typename... Arguments>
  void Tell(const Handler& handler, Arguments... arguments) {
    if (handler) {
      core_->RunCallback([self = shared_from_this(), &handler, arguments...] {
        self->gate_.Run([&] { handler(arguments...); });
      });
    }
  }

  void SetToken(Revision token) {
    const std::lock_guard lock(mutex_);
    token_ = token;
  }

  const std::shared_ptr<ClientCore> core_;
  const ElectionSettings settings_;
  client::CallbackGate gate_;
  std::shared_ptr<client::Contender> contender_;
  Callback<Ok> stood_;  // of the network thread, as is the next
  bool ended_ = false;
  mutable std::mutex mutex_;  // of what follows
  Revision token_ = 0;
  std::string leader_;
};

Result<LeaderElection> LeaderElection::Stand(const Bucket& bucket,
                                             std::string_view key,
                                             ElectionSettings settings) {
  auto state = std::make_shared<State>(bucket.async().core_, std::move(settings));
  LeaderElection election(state);
  auto stood = state->Stand({bucket.async().name_, bucket.async().timeout_}, key);
  if (!stood) {
    return std::move(stood).error();
  }
  return election;
}

LeaderElection::LeaderElection(std::shared_ptr<State> state) : state_(std::move(state)) {}

LeaderElection::LeaderElection(LeaderElection&&) noexcept = default;

LeaderElection& LeaderElection::operator=(LeaderElection&& other) noexcept {
  if (this != &other) {
    Withdraw();
    state_ = std::move(other.state_);
  }
  return *this;
}

LeaderElection::~LeaderElection() {
  Withdraw();
}

void LeaderElection::Withdraw() {
  if (state_) {
    state_->Withdraw();
  }
}

bool LeaderElection::leads() const {
  return token() != 0;
}

Revision LeaderElection::token() const {
  return state_->token();
}

std::string LeaderElection::leader() const {
  return state_->leader();
}

}  // namespace kv
