// LeaderElection: of all candidates for a key one leads. Built as Lock is: see there about the
// token, which is to be checked by whatever the leader acts on.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "kv/api.h"
#include "kv/entry.h"
#include "kv/result.h"
#include "mosquitto_kv/bucket.h"

namespace kv {

// All run on the callback thread.
struct ElectionSettings {
  std::string candidate = {};  // the key's value while it leads; empty: the client id
  std::function<void(Revision token)> on_elected = {};
  std::function<void()> on_lost = {};               // it leads no more; it goes on to stand
  std::function<void(const Error&)> on_ended = {};  // it stands no more: nothing will change that
  std::function<void(const std::string& leader)> on_leader = {};  // a new one; empty: there is none
};

// Stands from its making to its end, through reconnects. Safe to use from any thread.
class KV_API LeaderElection {
 public:
  // Errors: those of a watch and of a write.
  static Result<LeaderElection> Stand(const Bucket& bucket,
                                      std::string_view key,
                                      ElectionSettings settings = {});
  LeaderElection(const LeaderElection&) = delete;
  LeaderElection& operator=(const LeaderElection&) = delete;
  LeaderElection(LeaderElection&&) noexcept;
  LeaderElection& operator=(LeaderElection&&) noexcept;
  ~LeaderElection();  // Withdraw()

  bool leads() const;
  // The fencing token; 0: it does not lead.
  Revision token() const;
  // As far as is known; empty: none.
  std::string leader() const;
  // Stands no more; if it leads, another one can at once. No handler runs any more.
  void Withdraw();

  class State;

 private:
  explicit LeaderElection(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;
};

}  // namespace kv
