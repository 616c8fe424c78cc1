// Contender: one of those who want a key that only one can have. What Lock and LeaderElection have
// in common: creates the key as an ephemeral one when it is free, notices when it is gone, and
// tries again as long as it is wanted.
//
// Lives on the network thread; so do its handlers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "client/requests.h"
#include "client/session.h"
#include "client/watch_feed.h"
#include "mosquitto_kv/call.h"

namespace kv::client {

class Contender final : public WatchSink, public std::enable_shared_from_this<Contender> {
 public:
  struct Handlers {
    std::function<void(Revision token)> on_held;
    std::function<void()> on_lost;  // without Withdraw()
    std::function<void(const std::string&)>
        on_holder;                                 // the value of whoever has it; empty: nobody
    std::function<void(const Error&)> on_attempt;  // in vain, for now
    // It is no longer tried: the watch could not begin, or the key cannot be written. Want() tries
    // anew.
    std::function<void(const Error&)> on_refused;
    std::function<void(const Error&)> on_ended;  // of the watch: it is of no use to go on
  };

  Contender(Session& session, Target target, std::string key, std::string value);

  void SetHandlers(Handlers handlers) { handlers_ = std::move(handlers); }
  // From now on it is tried to get it, at once and whenever it is free.
  void Want();
  // From now on not any more; lets it go. Errors: key-not-found (it was not held), and those of
  // a delete.
  void Withdraw(const Callback<Ok>& done);
  // Withdraw() for good; no handler is called any more.
  void Stop();

 private:
  enum class Watch : std::uint8_t {
    kNone,
    kBeginning,
    kGoing,
    kEnded,
  };

  void OnEvent(WatchEvent event) override;
  void OnDisconnected() override;

  void BeginWatch();
  void OnChange(const Entry& entry);
  void Try();
  void OnCreated(Result<Written> written);
  void Hold(Revision token);
  void Refuse(const Error& error);
  void Lose();
  void TryLater(std::chrono::milliseconds delay);
  void CheckOrphan();
  void Delete(Revision token, const Callback<Ok>& done);

  Session& session_;
  const Target target_;
  const std::string key_;
  const std::string value_;
  const std::string id_;  // tells its own key from another's
  Handlers handlers_;
  std::shared_ptr<WatchFeed> feed_;
  Watch watch_ = Watch::kNone;
  bool wanted_ = false;
  bool creating_ = false;
  bool orphaned_ = false;  // a create got no reply: the key may be there
  bool try_awaited_ = false;
  Revision newest_ = 0;  // seen of the key
  Revision token_ = 0;   // 0: not held
};

}  // namespace kv::client
