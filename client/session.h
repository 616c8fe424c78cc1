// Session: what outlives a connection. Connects, and connects again; sends requests, awaits their
// replies, and sends what is open again after a reconnect; subscribes for the watches.
//
// Lives on the client's network thread: every function runs there, every handler is called there.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "client/connection.h"
#include "client/event_loop.h"
#include "client/request.h"
#include "kv/result.h"

namespace kv::client {

// Who gets what is published to a topic filter, as long as it is registered.
class Subscriber {
 public:
  Subscriber() = default;
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;
  virtual ~Subscriber() = default;

  // After Subscribe(), and again after each reconnect.
  virtual void OnSubscribed() = 0;
  virtual void OnRefused(const Error& error) = 0;
  virtual void OnMessage(const Arrival& message) = 0;
  // Of the connection; OnSubscribed() or OnRefused() follows when there is another.
  virtual void OnLost() = 0;
  // The session is closed: nothing follows. The subscriber is no longer registered.
  virtual void OnClosed(const Error& error) = 0;
};

class Session {
 public:
  static constexpr std::size_t kMostEntries = 200;

  using Handler = std::function<void(Result<Reply>)>;
  using ConnectionHandler = std::function<void(const ConnectionEvent&)>;

  Session(EventLoop& loop, ClientOptions options);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  // The first connection: `done` is called once.
  void Start(std::function<void(Status)> done, ConnectionHandler on_connection);
  // Ends everything; see Client::Close().
  void Close();

  void Send(Request request, Handler handler);

  // Subscribes to the topic filter. The subscriber lives until Unsubscribe() or OnClosed().
  void Subscribe(const std::string& filter, Subscriber& subscriber);
  void Unsubscribe(Subscriber& subscriber);

  // So many entries a page the broker's queue for this session has room for, as far as is known.
  std::size_t most_entries() const { return most_entries_; }
  void LowerMostEntries(std::size_t most) { most_entries_ = std::min(most_entries_, most); }

  const std::string& client_id() const { return client_id_; }
  const ClientOptions& options() const { return options_; }
  EventLoop& loop() { return loop_; }

 private:
  enum class State : std::uint8_t {
    kConnecting,
    kConnected,
    kPausing,
    kClosed,
  };
  struct Open {  // a request without its reply
    Request request;
    Handler handler;
    EventLoop::TimerId deadline;
    EventLoop::TimerId reminder;
    int losses = 0;  // so often the connection broke while it was on its way
    bool sent = false;
    bool on_its_way = false;
    bool reminded = false;
    std::vector<Arrival> entries;
  };
  struct Subscription {
    std::string filter;
    Subscriber* subscriber;
  };
  using Id = Connection::ActionId;

  Connection::Handlers HandlersOf(std::uint64_t generation);
  void Connect();
  void OnConnected();
  void OnFailed(const Error& error);
  void OnLost(const std::string& why);
  void OnMessage(const Arrival& message);
  void OnReply(const Arrival& message);
  void AwaitEnd(Id id);
  void OnDone(Id id, const std::optional<Error>& error);
  void ConnectLater(const std::string& why);
  void Pump();
  void Transmit(Id id, Open& open);
  // 0 or 1.
  int QosOf(const Open& open);
  void Remind(Id id);
  void PumpReminders();
  void Finish(Id id, Result<Reply> result);
  void OnDeadline(Id id);
  void SendSubscription(Subscription& subscription);
  void TellConnection(bool connected, const std::string& reason);
  void EndAll(const Error& error);
  void DropConnection();

  EventLoop& loop_;
  const ClientOptions options_;
  std::mt19937_64 random_;
  const std::string client_id_;
  const std::string reply_topic_;
  const std::string id_prefix_;  // of message ids
  State state_ = State::kPausing;
  Error end_{ErrorCode::kCancelled};  // why it is closed
  std::unique_ptr<Connection> connection_;
  std::uint64_t generation_ = 0;  // of the connection: what an earlier one says is old news
  int attempts_ = 0;
  std::function<void(Status)> on_started_;
  ConnectionHandler on_connection_;
  Id last_id_ = 0;
  std::map<Id, Open> open_;
  std::set<Id> waiting_;    // of open_: to be sent, in this order
  std::size_t single_ = 0;  // on their way, by the number of their replies
  std::size_t many_ = 0;
  std::set<std::string> probed_;  // kinds of requests that the broker was asked to acknowledge
  std::set<Id> overdue_;          // on their way at QoS 0 for too long
  std::set<Id> reminded_;         // sent once more, at QoS 1
  std::size_t most_entries_ = kMostEntries;
  std::list<Subscription> subscriptions_;
  std::map<Id, Subscriber*> subscribing_;  // without their answer yet
};

}  // namespace kv::client
