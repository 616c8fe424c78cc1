// WatchFeed: keeps a watch going: subscribes, reads the values that are there, passes on what
// changes, and catches up whenever something may have been missed. See mosquitto_kv/watch.h for
// what is promised.
//
// How: a change is delivered when it comes live. A catch-up asks `info` for the bucket's last
// revision and reads the history up to it. It is done after each reconnect; when a revision is
// missing (a watch of the whole bucket sees that at once); and now and then, because a filtered
// watch does not see it. The broker sends the replies after all changes that were before them, so
// what a routine catch-up finds beyond what came live was dropped by the broker.
//
// Lives on the network thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "client/change_order.h"
#include "client/pages.h"
#include "client/session.h"
#include "mosquitto_kv/watch.h"
#include "wire/topics.h"

namespace kv::client {

// Who gets the events. On the network thread.
class WatchSink {
 public:
  WatchSink() = default;
  WatchSink(const WatchSink&) = delete;
  WatchSink& operator=(const WatchSink&) = delete;
  virtual ~WatchSink() = default;

  virtual void OnEvent(WatchEvent event) = 0;
  // The connection is gone; the events that were missed follow when it is back.
  virtual void OnDisconnected() {}
};

class WatchFeed final : public Subscriber, public std::enable_shared_from_this<WatchFeed> {
 public:
  WatchFeed(Session& session, Target target, WatchSettings settings);

  // `started` is called once, when the watch is established or cannot be. The sink lives until
  // Stop(), kEnded, or an error at the start.
  void Start(WatchSink& sink, std::function<void(Status)> started);
  void Stop();

 private:
  enum class State : std::uint8_t {
    kSubscribing,
    kInitial,  // reads what is there
    kLive,
    kEnded,
  };
  enum class Cause : std::uint8_t {
    kRoutine,
    kHole,         // a change is missing
    kInterrupted,  // there was no connection, or the answer is still open from then
  };

  void OnSubscribed() override;
  void OnRefused(const Error& error) override;
  void OnMessage(const Arrival& message) override;
  void OnLost() override;
  void OnClosed(const Error& error) override;

  void AskInfo(void (WatchFeed::*then)(Result<BucketInfo>));
  void AskPage(const std::string& cursor);
  void OnInitialInfo(Result<BucketInfo> info);
  void OnPage(Result<EntryPage> page);
  void OnInitialRead();

  void CatchUp(Cause cause);
  void OnInfo(Result<BucketInfo> info);
  // The store was put back to an older state: what comes next is every value that it has now.
  void ReadAnew();
  void OnCaughtUp();
  void AwaitHole();
  void OnHole();
  void Retry();
  void ScheduleResync();
  void ResyncIfLive();

  // Runs if the feed still lives then, and has not ended.
  void After(std::chrono::milliseconds delay, void (WatchFeed::*then)());
  void Emit(ChangeOrder::Entries entries);
  void EmitGap();
  void Started(Status status);
  void End(const Error& error);
  bool IsPassing(const Error& error) const;

  Session& session_;
  const Target target_;
  const WatchSettings settings_;
  const wire::Topics topics_;
  ChangeOrder order_;
  WatchSink* sink_ = nullptr;
  std::function<void(Status)> started_;
  State state_ = State::kSubscribing;
  bool subscribed_ = false;
  bool interrupted_ = false;  // since the last catch-up began
  bool catching_up_ = false;
  bool hole_awaited_ = false;  // a timer runs
  Revision hole_after_ = 0;    // the last one before the hole that it is for
  bool resync_awaited_ = false;
  bool gap_told_ = false;  // in this catch-up
  Cause cause_ = Cause::kRoutine;
  Reading reading_;       // what the pages are of
  Revision through_ = 0;  // and up to where
};

}  // namespace kv::client
