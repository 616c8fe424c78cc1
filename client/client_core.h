// ClientCore: what a Client and all its handles share: the network thread with the session on it,
// and the callback thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "client/event_loop.h"
#include "client/session.h"
#include "mosquitto_kv/call.h"
#include "mosquitto_kv/client.h"

namespace kv {

class ClientCore : public std::enable_shared_from_this<ClientCore> {
 public:
  explicit ClientCore(const ClientOptions& options);

  // Waits for the first connection.
  Status Start();
  // Everything ends, both threads too. Whoever holds a handle still may call; it is `cancelled`.
  void Close();

  // The task runs on the network thread. False: the session is closed, and has let go of all that
  // was registered with it.
  bool Post(client::EventLoop::Task task) { return network_.Post(std::move(task)); }
  // On the callback thread; here and now if that has ended.
  void RunCallback(const client::EventLoop::Task& task);
  bool IsCallbackThread() const { return callbacks_.IsThisThread(); }

  // A call that `start` begins on the network thread, and ends there by handing over the outcome.
  template <typename T>
  Call<T> MakeCall(std::function<void(client::Session&, Callback<T>)> start) {
    // The call keeps the core; what is posted does not have to, since Close() sees it through.
    auto send = [core = shared_from_this(), start = std::move(start)](Callback<T> done) {
      const bool posted =
          core->Post([core = core.get(), start, done] { start(core->session_, done); });
      if (!posted) {
        done(Error(ErrorCode::kCancelled));
      }
    };
    auto executor = [core = shared_from_this()](const client::EventLoop::Task& task) {
      core->RunCallback(task);
    };
    return Call<T>(std::move(send), std::move(executor));
  }

  client::Session& session() { return session_; }
  const ClientOptions& options() const { return session_.options(); }
  const std::string& client_id() const { return session_.client_id(); }
  bool connected() const { return connected_; }

 private:
  std::atomic<bool> connected_{false};
  client::EventLoop callbacks_;
  client::EventLoop network_;
  client::Session session_;
};

}  // namespace kv
