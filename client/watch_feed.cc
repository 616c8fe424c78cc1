#include "client/watch_feed.h"

#include <algorithm>
#include <array>
#include <utility>

#include "kv/names.h"
#include "wire/received.h"

namespace kv::client {
namespace {

constexpr std::string_view kAll = "#";
// QoS 0 overtakes QoS 1: so long a missing change may still be on its way.
constexpr std::chrono::milliseconds kHolePatience{100};
constexpr std::chrono::milliseconds kRetryDelay{500};

}  // namespace

WatchFeed::WatchFeed(Session& session, Target target, WatchSettings settings)
    : session_(session),
      target_(std::move(target)),
      settings_(std::move(settings)),
      topics_(session.options().topic_prefix),
      order_(settings_.filter == kAll) {
  order_.BeginCatchUp();
  reading_ = {.target = target_,
              .verb = settings_.from_revision ? "history" : "entries",
              .selection = {.filter = settings_.filter == kAll ? std::string() : settings_.filter,
                            .from_revision = settings_.from_revision.value_or(0),
                            .ignore_deletes = settings_.ignore_deletes,
                            .meta_only = settings_.meta_only}};
}

void WatchFeed::Start(WatchSink& sink, std::function<void(Status)> started) {
  sink_ = &sink;
  started_ = std::move(started);
  if (auto bucket = BucketName::Parse(target_.bucket); !bucket) {
    End(bucket.error());
    return;
  }
  if (auto filter = KeyFilter::Parse(settings_.filter); !filter) {
    End(filter.error());
    return;
  }
  session_.Subscribe(topics_.DataTopicOf(target_.bucket, settings_.filter), *this);
  session_.loop().After(target_.timeout, [weak = weak_from_this()] {
    if (const auto self = weak.lock(); self && self->started_) {
      self->End(Error(ErrorCode::kTimeout, "the watch was not established in time"));
    }
  });
}

void WatchFeed::Stop() {
  session_.Unsubscribe(*this);
  state_ = State::kEnded;
  sink_ = nullptr;
  started_ = nullptr;
}

void WatchFeed::Started(Status status) {
  if (const auto started = std::exchange(started_, nullptr)) {
    started(std::move(status));
  }
}

void WatchFeed::End(const Error& error) {
  if (state_ == State::kEnded) {
    return;
  }
  session_.Unsubscribe(*this);
  state_ = State::kEnded;
  WatchSink* const sink = std::exchange(sink_, nullptr);
  if (started_) {
    Started(error);
  } else {
    sink->OnEvent({.kind = WatchEvent::Kind::kEnded, .error = error});
  }
}

void WatchFeed::OnClosed(const Error& error) {
  End(error);
}

void WatchFeed::OnRefused(const Error& error) {
  End(error);
}

void WatchFeed::OnSubscribed() {
  subscribed_ = true;
  if (state_ == State::kSubscribing) {
    state_ = State::kInitial;
    AskInfo(&WatchFeed::OnInitialInfo);
  } else if (state_ == State::kLive) {
    CatchUp(Cause::kInterrupted);
  }
}

void WatchFeed::OnLost() {
  subscribed_ = false;
  if (state_ == State::kInitial || state_ == State::kLive) {
    interrupted_ = true;
    // What comes after the reconnect waits for what was missed.
    order_.BeginCatchUp();
  }
  sink_->OnDisconnected();
}

void WatchFeed::OnMessage(const Arrival& message) {
  auto topic = topics_.ParseData(message.topic);
  auto change = wire::ReadEntry(message.properties, message.payload);
  if (!topic || !change) {
    return;  // the plugin takes back a retained message that it does not know: no revision
  }
  change->key = topic->key.text();
  Emit(order_.Live(std::move(*change)));
  if (state_ != State::kLive || catching_up_) {
    return;
  }
  if (order_.is_overdue()) {
    CatchUp(Cause::kRoutine);
  } else {
    AwaitHole();
  }
}

void WatchFeed::AwaitHole() {
  if (order_.has_hole() && !std::exchange(hole_awaited_, true)) {
    hole_after_ = order_.settled();
    After(kHolePatience, &WatchFeed::OnHole);
  }
}

void WatchFeed::OnHole() {
  hole_awaited_ = false;
  if (!order_.has_hole() || !subscribed_) {
    return;
  }
  if (order_.settled() == hole_after_) {
    CatchUp(Cause::kHole);
  } else {
    AwaitHole();  // that one was filled: what is late arrives, this one has its own time
  }
}

void WatchFeed::AskInfo(void (WatchFeed::*then)(Result<BucketInfo>)) {
  const auto answer = [weak = weak_from_this(), then](Result<BucketInfo> info) {
    const auto self = weak.lock();
    if (!self || self->state_ == State::kEnded) {
      return;
    }
    if (!info && info.error().code == ErrorCode::kBucketNotFound) {
      info = BucketInfo{};  // not yet, or no longer: as good as empty
    }
    ((*self).*then)(std::move(info));
  };
  auto request = InfoRequest(target_);
  if (request) {
    request->in_order = true;
  }
  Ask<BucketInfo>(session_, std::move(request), ToInfo, answer);
}

void WatchFeed::AskPage(const std::string& cursor) {
  const auto answer = [weak = weak_from_this()](Result<EntryPage> page) {
    const auto self = weak.lock();
    if (!self || self->state_ == State::kEnded) {
      return;
    }
    if (!page && page.error().code == ErrorCode::kBucketNotFound) {
      page = EntryPage{};
    }
    self->OnPage(std::move(page));
  };
  ReadEntryPage(session_, reading_, {cursor, Session::kMostEntries}, answer);
}

void WatchFeed::OnInitialInfo(Result<BucketInfo> info) {
  if (!info) {
    End(info.error());
    return;
  }
  through_ = info->last_revision;
  if (settings_.updates_only) {
    order_.StartFrom(through_);
    OnInitialRead();
    return;
  }
  const Revision from = settings_.from_revision.value_or(0);
  if (from > through_ + 1) {
    ReadAnew();  // the store was put back to an older state
  } else if (from > 0) {
    order_.StartFrom(from - 1);
  }
  cause_ = Cause::kInterrupted;
  AskPage({});
}

void WatchFeed::OnPage(Result<EntryPage> page) {
  if (!page) {
    if (started_ || !IsPassing(page.error())) {
      End(page.error());
    } else {
      After(kRetryDelay, &WatchFeed::Retry);
    }
    return;
  }
  Started(Ok{});
  const bool is_last =
      page->cursor.empty() || (!page->entries.empty() && page->entries.back().revision >= through_);
  const Revision before = order_.settled();
  auto entries = order_.Page(std::move(page->entries));
  const bool may_miss = cause_ != Cause::kRoutine || interrupted_ || order_.missed_some();
  if (page->compacted && may_miss && !std::exchange(gap_told_, true)) {
    sink_->OnEvent({.kind = WatchEvent::Kind::kGap, .entry = {.revision = before}});
  }
  Emit(std::move(entries));
  if (state_ == State::kEnded) {
    return;
  }
  if (!is_last) {
    AskPage(page->cursor);
  } else if (state_ == State::kInitial) {
    OnInitialRead();
  } else {
    OnCaughtUp();
  }
}

void WatchFeed::OnInitialRead() {
  state_ = State::kLive;
  Started(Ok{});
  Emit(order_.Through(through_));
  if (sink_ != nullptr) {
    sink_->OnEvent({.kind = WatchEvent::Kind::kEndOfInitial});
  }
  OnCaughtUp();
}

void WatchFeed::CatchUp(Cause cause) {
  if (std::exchange(catching_up_, true)) {
    return;
  }
  // What follows a loss stays its consequence until a catch-up has succeeded.
  cause_ = std::exchange(interrupted_, false) ? Cause::kInterrupted : cause;
  gap_told_ = false;
  if (cause_ != Cause::kRoutine) {
    order_.BeginCatchUp();
  }
  AskInfo(&WatchFeed::OnInfo);
}

void WatchFeed::OnInfo(Result<BucketInfo> info) {
  if (!info) {
    if (IsPassing(info.error())) {
      After(kRetryDelay, &WatchFeed::Retry);
    } else {
      End(info.error());
    }
    return;
  }
  through_ = info->last_revision;
  if (through_ < order_.newest() && cause_ == Cause::kInterrupted) {
    // Without a connection nothing was delivered: the store was put back, or the bucket deleted.
    ReadAnew();
    order_.StartAnew();
    // What has come live since then is forgotten, too: none of it is above the last revision that
    // this asks for, so it is read.
    AskInfo(&WatchFeed::OnInfo);
    return;
  }
  if (through_ <= order_.settled()) {
    OnCaughtUp();
    return;
  }
  order_.BeginCatchUp();
  reading_.selection.from_revision = order_.settled() + 1;
  AskPage({});
}

void WatchFeed::ReadAnew() {
  EmitGap();
  reading_.verb = "entries";
  reading_.selection.from_revision = 0;
}

void WatchFeed::OnCaughtUp() {
  catching_up_ = false;
  reading_.verb = "history";
  if (interrupted_) {
    // Lost again meanwhile: what came live since then waits for the next catch-up.
    if (subscribed_) {
      CatchUp(Cause::kInterrupted);
    }
    return;
  }
  Emit(order_.EndCatchUp(std::max(through_, order_.settled())));
  if (state_ != State::kEnded) {
    AwaitHole();
    ScheduleResync();
  }
}

void WatchFeed::Retry() {
  interrupted_ = interrupted_ || cause_ == Cause::kInterrupted;
  if (state_ == State::kInitial) {
    AskPage({});  // what was delivered is not news
    return;
  }
  catching_up_ = false;
  if (subscribed_) {
    CatchUp(cause_);
  }
}

void WatchFeed::ScheduleResync() {
  if (settings_.resync_interval.count() > 0 && !std::exchange(resync_awaited_, true)) {
    After(settings_.resync_interval, &WatchFeed::ResyncIfLive);
  }
}

void WatchFeed::ResyncIfLive() {
  if (state_ != State::kLive) {
    return;
  }
  resync_awaited_ = false;
  if (subscribed_ && !catching_up_) {
    CatchUp(Cause::kRoutine);
  } else {
    ScheduleResync();
  }
}

void WatchFeed::After(std::chrono::milliseconds delay, void (WatchFeed::*then)()) {
  session_.loop().After(delay, [weak = weak_from_this(), then] {
    if (const auto self = weak.lock(); self && self->state_ != State::kEnded) {
      ((*self).*then)();
    }
  });
}

void WatchFeed::Emit(ChangeOrder::Entries entries) {
  for (Entry& entry : entries) {
    if (sink_ == nullptr) {
      return;
    }
    if (settings_.ignore_deletes && entry.is_marker()) {
      continue;
    }
    if (settings_.meta_only) {
      entry.value.clear();
    }
    sink_->OnEvent({.kind = WatchEvent::Kind::kEntry, .entry = std::move(entry)});
  }
}

void WatchFeed::EmitGap() {
  if (!std::exchange(gap_told_, true)) {
    sink_->OnEvent({.kind = WatchEvent::Kind::kGap, .entry = {.revision = order_.settled()}});
  }
}

bool WatchFeed::IsPassing(const Error& error) const {
  // A cursor of a bucket that was deleted and made anew is a bad request.
  constexpr std::array passing{ErrorCode::kTimeout,
                               ErrorCode::kDisconnected,
                               ErrorCode::kUnavailable,
                               ErrorCode::kStorageError,
                               ErrorCode::kBadRequest};
  return std::find(passing.begin(), passing.end(), error.code) != passing.end();
}

}  // namespace kv::client
