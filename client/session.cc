#include "client/session.h"

#include <algorithm>
#include <utility>

#include "kv/names.h"
#include "kv/units.h"
#include "wire/names.h"
#include "wire/received.h"
#include "wire/topics.h"

namespace kv::client {
namespace {

// What the broker may have queued for this session at once stays far below its default limit of
// 1,000 messages, which the watches share.
constexpr std::size_t kMostSingle = 200;
constexpr std::size_t kMostMany = 2;
// A request on which the connection broke so often is not sent again: it may be the reason.
constexpr int kMostLosses = 3;
constexpr std::chrono::milliseconds kRemindAfter{1'000};
constexpr std::size_t kMostReminded = 4;
constexpr std::chrono::milliseconds kMostSilence{1'000};  // between two messages of a reply
constexpr std::size_t kMaxTextBytes = 65'535;             // of any text in MQTT

std::string RandomToken(std::mt19937_64& random) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string token;
  for (std::uint64_t bits = random(); token.size() < 16; bits >>= 4) {
    token += digits[bits & 0xF];
  }
  return token;
}

std::mt19937_64 Seeded() {
  std::random_device device;
  std::seed_seq seed{device(), device(), device(), device()};
  return std::mt19937_64(seed);
}

// The broker would end the connection of who sends these.
Status CheckTexts(const Request& request) {
  const auto is_good = [](std::string_view text) {
    return text.size() <= kMaxTextBytes && IsUtf8(text) &&
           text.find('\0') == std::string_view::npos;
  };
  const Error wrong(ErrorCode::kBadRequest,
                    "accepted in properties is UTF-8 text without zeros, of at most 65535 bytes");
  if (!is_good(request.topic) || !is_good(request.properties.content_type.value_or(""))) {
    return wrong;
  }
  const auto& user = request.properties.user;
  const bool good = std::all_of(user.begin(), user.end(), [&](const UserProperty& property) {
    return is_good(property.name) && is_good(property.value);
  });
  return good ? Status(Ok{}) : Status(wrong);
}

bool IsWrite(Repeat repeat) {
  return repeat == Repeat::kSameWrite || repeat == Repeat::kFreshWrite;
}

// The bucket and the verb, of a topic of requests.
std::string KindOf(const std::string& topic) {
  std::size_t end = wire::kRequestPrefix.size();
  for (int level = 0; level < 2 && end != std::string::npos; ++level) {
    end = topic.find('/', end + 1);
  }
  return topic.substr(0, end);
}

// Sets the message id, unless the caller has given one.
void SetMessageId(Request& request, const std::string& id, bool replace) {
  auto& user = request.properties.user;
  const auto found = std::find_if(user.begin(), user.end(), [](const UserProperty& property) {
    return property.name == wire::kMessageId;
  });
  if (found == user.end()) {
    request.Add(wire::kMessageId, id);
  } else if (replace) {
    found->value = id;
  }
}

}  // namespace

Session::Session(EventLoop& loop, ClientOptions options)
    : loop_(loop),
      options_(std::move(options)),
      random_(Seeded()),
      client_id_(options_.client_id.empty() ? "kv-" + RandomToken(random_) : options_.client_id),
      reply_topic_("kv-reply/" + RandomToken(random_)),
      id_prefix_(RandomToken(random_) + "-") {}

Session::~Session() = default;

void Session::Start(std::function<void(Status)> done, ConnectionHandler on_connection) {
  on_started_ = std::move(done);
  on_connection_ = std::move(on_connection);
  Connect();
}

Connection::Handlers Session::HandlersOf(std::uint64_t generation) {
  // On the library's threads: everything is handed over to this one.
  const auto post = [this, generation](auto task) {
    loop_.Post([this, generation, task = std::move(task)] {
      if (generation == generation_) {
        task();
      }
    });
  };
  return {.on_connected = [this, post] { post([this] { OnConnected(); }); },
          .on_failed =
              [this, post](Error error) {
                post([this, error = std::move(error)] { OnFailed(error); });
              },
          .on_lost = [this, post](
                         std::string why) { post([this, why = std::move(why)] { OnLost(why); }); },
          .on_message =
              [this, post](Arrival message) {
                post([this, message = std::move(message)] { OnMessage(message); });
              },
          .on_done =
              [this, post](Id id, std::optional<Error> error) {
                post([this, id, error = std::move(error)] { OnDone(id, error); });
              }};
}

void Session::Connect() {
  state_ = State::kConnecting;
  const std::uint64_t generation = ++generation_;
  connection_ = std::make_unique<Connection>(options_, client_id_, HandlersOf(generation));
  loop_.After(options_.connect_timeout, [this, generation] {
    if (generation == generation_ && state_ == State::kConnecting) {
      OnFailed(Error(ErrorCode::kTimeout,
                     "no connection to " + options_.host + " within the connect timeout"));
    }
  });
}

void Session::DropConnection() {
  ++generation_;
  connection_.reset();
}

void Session::OnConnected() {
  state_ = State::kConnected;
  attempts_ = 0;
  for (auto& subscription : subscriptions_) {
    SendSubscription(subscription);
  }
  Pump();
  TellConnection(true, {});
  if (const auto started = std::exchange(on_started_, nullptr)) {
    started(Ok{});  // whoever waits for it finds it told
  }
}

void Session::OnFailed(const Error& error) {
  DropConnection();
  if (const auto started = std::exchange(on_started_, nullptr)) {
    EndAll(error);
    started(error);
    return;
  }
  ConnectLater(error.message);
}

void Session::OnLost(const std::string& why) {
  if (state_ != State::kConnected) {
    OnFailed(Error(ErrorCode::kDisconnected, why));
    return;
  }
  DropConnection();
  state_ = State::kPausing;
  single_ = 0;
  many_ = 0;
  subscribing_.clear();
  overdue_.clear();
  reminded_.clear();
  std::vector<Id> over;
  for (auto& [id, open] : open_) {
    if (!std::exchange(open.on_its_way, false)) {
      continue;
    }
    open.entries.clear();
    loop_.Cancel(open.reminder);
    if (open.request.repeat == Repeat::kNever || ++open.losses >= kMostLosses) {
      over.push_back(id);
      continue;
    }
    if (open.request.repeat == Repeat::kFreshWrite) {
      SetMessageId(open.request,
                   id_prefix_ + std::to_string(id) + "-" + std::to_string(open.losses),
                   /*replace=*/true);
    }
    waiting_.insert(id);
  }
  for (const auto& subscription : std::list(subscriptions_)) {
    subscription.subscriber->OnLost();
  }
  TellConnection(false, why);
  for (const Id id : over) {
    Finish(id,
           Error(ErrorCode::kDisconnected,
                 "the connection was lost before the reply (" + why +
                     "): whether the request was carried out is not known"));
  }
  ConnectLater(why);
}

void Session::ConnectLater(const std::string& why) {
  if (!options_.reconnect) {
    EndAll(Error(ErrorCode::kDisconnected, why));
    return;
  }
  state_ = State::kPausing;
  constexpr int most_doublings = 20;
  const auto longest = std::min(
      options_.last_reconnect_delay,
      options_.first_reconnect_delay * (std::int64_t{1} << std::min(attempts_++, most_doublings)));
  std::uniform_int_distribution<std::int64_t> by_chance(longest.count() / 2, longest.count());
  loop_.After(std::chrono::milliseconds(by_chance(random_)), [this, generation = generation_] {
    if (generation == generation_ && state_ == State::kPausing) {
      Connect();
    }
  });
}

void Session::TellConnection(bool connected, const std::string& reason) {
  if (on_connection_) {
    on_connection_({connected, reason});
  }
}

void Session::Close() {
  EndAll(Error(ErrorCode::kCancelled));
  DropConnection();
}

void Session::EndAll(const Error& error) {
  state_ = State::kClosed;
  end_ = error;
  while (!open_.empty()) {
    Finish(open_.begin()->first, error);
  }
  while (!subscriptions_.empty()) {
    Subscriber* const subscriber = subscriptions_.front().subscriber;
    subscriptions_.pop_front();
    subscriber->OnClosed(error);
  }
  subscribing_.clear();
  if (const auto started = std::exchange(on_started_, nullptr)) {
    started(error);
  }
}

void Session::Send(Request request, Handler handler) {
  if (state_ == State::kClosed) {
    handler(end_);
    return;
  }
  if (auto checked = CheckTexts(request); !checked) {
    handler(std::move(checked).error());
    return;
  }
  const Id id = ++last_id_;
  if (IsWrite(request.repeat)) {
    SetMessageId(request, id_prefix_ + std::to_string(id), /*replace=*/false);
  }
  const auto deadline = loop_.After(request.timeout, [this, id] { OnDeadline(id); });
  open_.emplace(
      id, Open{.request = std::move(request), .handler = std::move(handler), .deadline = deadline});
  waiting_.insert(id);
  Pump();
}

void Session::Pump() {
  for (auto at = waiting_.begin(); state_ == State::kConnected && at != waiting_.end();) {
    Open& open = open_.at(*at);
    std::size_t& on_their_way = open.request.has_many_replies ? many_ : single_;
    if (on_their_way < (open.request.has_many_replies ? kMostMany : kMostSingle)) {
      ++on_their_way;
      Transmit(*at, open);
      at = waiting_.erase(at);
    } else if (single_ >= kMostSingle && many_ >= kMostMany) {
      return;
    } else {
      ++at;
    }
  }
}

// A request costs least at QoS 0: no acknowledgement, which with Nagle's algorithm at either end
// means no waiting for 40 ms. But only an acknowledgement says that the broker does not allow it.
// So the first of its kind goes at QoS 1, and so does one that is sent again because no reply came.
int Session::QosOf(const Open& open) {
  const Request& request = open.request;
  const bool may_repeat = request.repeat != Repeat::kNever;
  const bool wants_order = request.in_order || request.has_many_replies;
  const bool is_light = may_repeat && !wants_order && !open.reminded;
  return is_light && !probed_.insert(KindOf(request.topic)).second ? 0 : 1;
}

void Session::Transmit(Id id, Open& open) {
  const int qos = QosOf(open);
  // A reply may be lost on its way, too: the broker drops what a full queue does not hold.
  const bool only_reads = open.request.has_many_replies || open.request.in_order;
  if (qos == 0 || only_reads) {
    open.reminder = loop_.After(kRemindAfter, [this, id] { Remind(id); });
  }
  open.sent = true;
  open.on_its_way = true;
  open.entries.clear();
  connection_->Publish({.topic = open.request.topic,
                        .payload = open.request.payload,
                        .response_topic = reply_topic_,
                        .correlation = std::to_string(id),
                        .properties = open.request.properties,
                        .qos = qos},
                       id);
}

void Session::Remind(Id id) {
  if (reminded_.contains(id)) {
    Transmit(id, open_.at(id));
    return;
  }
  overdue_.insert(id);
  PumpReminders();
}

// Few at a time: a broker that is slow is not made faster by sending everything twice.
void Session::PumpReminders() {
  while (state_ == State::kConnected && reminded_.size() < kMostReminded && !overdue_.empty()) {
    const Id id = *overdue_.begin();
    overdue_.erase(overdue_.begin());
    Open& open = open_.at(id);
    open.reminded = true;
    reminded_.insert(id);
    Transmit(id, open);
  }
}

void Session::Finish(Id id, Result<Reply> result) {
  auto node = open_.extract(id);
  if (node.empty()) {
    return;
  }
  Open& open = node.mapped();
  loop_.Cancel(open.deadline);
  loop_.Cancel(open.reminder);
  waiting_.erase(id);
  overdue_.erase(id);
  reminded_.erase(id);
  if (open.on_its_way) {
    --(open.request.has_many_replies ? many_ : single_);
  }
  open.handler(std::move(result));
  Pump();
  PumpReminders();
}

void Session::OnDeadline(Id id) {
  const auto found = open_.find(id);
  if (found == open_.end()) {
    return;
  }
  const std::string limit = std::to_string(found->second.request.timeout.count()) + " ms";
  if (!found->second.sent) {
    Finish(id,
           Error(ErrorCode::kDisconnected,
                 "there was no connection within " + limit + ": the request was not sent"));
  } else {
    Finish(id,
           Error(ErrorCode::kTimeout,
                 "no reply to " + found->second.request.topic + " came within " + limit +
                     ": whether the request was carried out is not known"));
  }
}

void Session::OnDone(Id id, const std::optional<Error>& error) {
  if (const auto found = subscribing_.find(id); found != subscribing_.end()) {
    Subscriber* const subscriber = found->second;
    subscribing_.erase(found);
    if (error) {
      subscriber->OnRefused(*error);
    } else {
      subscriber->OnSubscribed();
    }
  } else if (error) {
    const auto open = open_.find(id);
    if (open != open_.end()) {
      Finish(id, Error(error->code, error->message + " to " + open->second.request.topic));
    }
  }
}

void Session::OnMessage(const Arrival& message) {
  if (message.topic == reply_topic_) {
    OnReply(message);
    return;
  }
  if (message.retained) {
    return;  // asked for by another client of this name; the watches read what is there
  }
  std::vector<Subscriber*> receivers;
  for (const auto& subscription : subscriptions_) {
    if (wire::MatchesFilter(subscription.filter, message.topic)) {
      receivers.push_back(subscription.subscriber);
    }
  }
  for (Subscriber* const receiver : receivers) {
    const bool is_there = std::any_of(
        subscriptions_.begin(), subscriptions_.end(), [receiver](const Subscription& one) {
          return one.subscriber == receiver;
        });
    if (is_there) {
      receiver->OnMessage(message);
    }
  }
}

void Session::OnReply(const Arrival& message) {
  const auto id = ParseUnsigned(message.correlation);
  const auto found = id ? open_.find(*id) : open_.end();
  if (found == open_.end()) {
    return;  // of a request that has timed out
  }
  const auto& properties = message.properties.user;
  if (auto error = wire::ReadError(properties)) {
    Finish(*id, std::move(*error));
  } else if (wire::FindProperty(properties, wire::kStatus) == wire::kStatusEntry) {
    found->second.entries.push_back(message);
    if (found->second.entries.size() == 1) {
      AwaitEnd(*id);
    }
  } else {
    Finish(*id, Reply{message, std::move(found->second.entries)});
  }
}

// The broker drops what its queue for this session has no room for, perhaps the `end`: when entries
// have stopped coming, the reply is over, incomplete as it is.
void Session::AwaitEnd(Id id) {
  const std::size_t before = open_.at(id).entries.size();
  const int losses = open_.at(id).losses;
  loop_.After(kMostSilence, [this, id, before, losses] {
    const auto found = open_.find(id);
    if (found == open_.end() || found->second.losses != losses) {
      return;
    }
    if (found->second.entries.size() == before) {
      Finish(id, Reply{{}, std::move(found->second.entries)});
    } else {
      AwaitEnd(id);
    }
  });
}

void Session::SendSubscription(Subscription& subscription) {
  const Id id = ++last_id_;
  subscribing_.emplace(id, subscription.subscriber);
  connection_->Subscribe(subscription.filter, id);
}

void Session::Subscribe(const std::string& filter, Subscriber& subscriber) {
  if (state_ == State::kClosed) {
    subscriber.OnClosed(end_);
    return;
  }
  subscriptions_.push_back({filter, &subscriber});
  if (state_ == State::kConnected) {
    SendSubscription(subscriptions_.back());
  }
}

void Session::Unsubscribe(Subscriber& subscriber) {
  std::erase_if(subscribing_, [&](const auto& one) { return one.second == &subscriber; });
  const auto is_it = [&](const Subscription& one) {
    return one.subscriber == &subscriber;
  };
  const auto found = std::find_if(subscriptions_.begin(), subscriptions_.end(), is_it);
  if (found == subscriptions_.end()) {
    return;
  }
  const std::string filter = found->filter;
  subscriptions_.erase(found);
  const bool is_used = std::any_of(subscriptions_.begin(),
                                   subscriptions_.end(),
                                   [&](const Subscription& one) { return one.filter == filter; });
  if (!is_used && state_ == State::kConnected) {
    connection_->Unsubscribe(filter);
  }
}

}  // namespace kv::client
