#include "client/contender.h"

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "client/pages.h"
#include "client/replies.h"

namespace kv::client {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kRetryDelay{500};
// However the news that the key is free may get lost: it is tried again after this.
constexpr milliseconds kPatience{5'000};
constexpr std::string_view kHolderId = "holder-id";  // a user property of the key

std::string RandomId() {
  std::random_device device;
  return std::to_string(device()) + "-" + std::to_string(device());
}

bool IsPassing(ErrorCode code) {
  constexpr std::array passing{ErrorCode::kTimeout,
                               ErrorCode::kDisconnected,
                               ErrorCode::kUnavailable,
                               ErrorCode::kStorageError,
                               ErrorCode::kKeyExists};
  return std::find(passing.begin(), passing.end(), code) != passing.end();
}

}  // namespace

Contender::Contender(Session& session, Target target, std::string key, std::string value)
    : session_(session),
      target_(std::move(target)),
      key_(std::move(key)),
      value_(std::move(value)),
      id_(RandomId()) {}

void Contender::Want() {
  wanted_ = true;
  if (watch_ == Watch::kNone) {
    BeginWatch();
  } else {
    Try();
  }
}

void Contender::BeginWatch() {
  watch_ = Watch::kBeginning;
  feed_ = std::make_shared<WatchFeed>(session_, target_, WatchSettings{.filter = key_});
  feed_->Start(*this, [weak = weak_from_this()](const Status& started) {
    const auto self = weak.lock();
    if (!self) {
      return;
    }
    self->watch_ = started ? Watch::kGoing : Watch::kNone;
    if (started) {
      self->Try();
    } else {
      self->Refuse(started.error());
    }
  });
}

void Contender::Withdraw(const Callback<Ok>& done) {
  wanted_ = false;
  const Revision token = std::exchange(token_, 0);
  if (token != 0) {
    Delete(token, done);
    return;
  }
  if (orphaned_) {
    CheckOrphan();
  }
  done(Error(ErrorCode::kKeyNotFound, key_ + " is not held"));
}

void Contender::Stop() {
  handlers_ = {};
  watch_ = Watch::kEnded;
  if (feed_) {
    feed_->Stop();
  }
  Withdraw([](const Status& status) { IgnoreError(status, "nobody waits for it"); });
}

void Contender::Delete(Revision token, const Callback<Ok>& done) {
  Ask<Written>(session_,
               MarkRequest(target_, "delete", key_, {.expected_revision = token}),
               ToWritten,
               [done](const Result<Written>& written) {
                 done(written ? Status(Ok{}) : Status(written.error()));
               });
}

void Contender::Try() {
  if (!wanted_ || watch_ != Watch::kGoing || creating_ || token_ != 0) {
    return;
  }
  creating_ = true;
  Ask<Written>(
      session_,
      PutRequest(target_,
                 "create",
                 key_,
                 value_,
                 {.ephemeral = true, .properties = {.user = {{std::string(kHolderId), id_}}}}),
      ToWritten,
      [self = shared_from_this()](Result<Written> written) {
        self->OnCreated(std::move(written));
      });
}

void Contender::OnCreated(Result<Written> written) {
  creating_ = false;
  if (written) {
    Hold(written->revision);
    return;
  }
  const Error& error = written.error();
  orphaned_ = orphaned_ || error.code == ErrorCode::kTimeout;
  if (orphaned_) {
    CheckOrphan();
  }
  if (!IsPassing(error.code)) {
    Refuse(error);
    return;
  }
  TryLater(error.code == ErrorCode::kKeyExists ? kPatience : kRetryDelay);
  if (handlers_.on_attempt) {
    handlers_.on_attempt(error);
  }
}

void Contender::Hold(Revision token) {
  orphaned_ = false;
  if (!wanted_) {
    Delete(token, [](const Status& status) { IgnoreError(status, "it goes with the connection"); });
  } else if (newest_ > token) {
    TryLater(kRetryDelay);  // it is gone already
  } else {
    token_ = token;
    if (handlers_.on_held) {
      handlers_.on_held(token);
    }
  }
}

// The key that a create without a reply may have made: it is held, or let go.
void Contender::CheckOrphan() {
  Ask<Entry>(session_,
             GetRequest(target_, key_),
             ToEntry,
             [self = shared_from_this()](const Result<Entry>& entry) {
               const UserProperty own{std::string(kHolderId), self->id_};
               if (!entry || self->token_ != 0) {
                 return;
               }
               const auto& user = entry->properties.user;
               if (std::find(user.begin(), user.end(), own) != user.end()) {
                 self->Hold(entry->revision);
               }
             });
}

void Contender::TryLater(milliseconds delay) {
  if (!wanted_ || std::exchange(try_awaited_, true)) {
    return;
  }
  session_.loop().After(delay, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      self->try_awaited_ = false;
      self->Try();
    }
  });
}

void Contender::Refuse(const Error& error) {
  if (std::exchange(wanted_, false) && handlers_.on_refused) {
    handlers_.on_refused(error);
  }
}

void Contender::Lose() {
  if (std::exchange(token_, 0) != 0 && handlers_.on_lost) {
    handlers_.on_lost();
  }
}

void Contender::OnDisconnected() {
  Lose();
}

void Contender::OnEvent(WatchEvent event) {
  if (event.kind == WatchEvent::Kind::kEntry) {
    OnChange(event.entry);
  } else if (event.kind == WatchEvent::Kind::kEnded) {
    watch_ = Watch::kEnded;  // who wants it again because it is lost does not try in vain
    Lose();
    wanted_ = false;
    if (handlers_.on_ended) {
      handlers_.on_ended(*event.error);
    }
  }
}

void Contender::OnChange(const Entry& entry) {
  newest_ = entry.revision;
  if (token_ != 0 && entry.revision > token_) {
    Lose();
  }
  if (handlers_.on_holder) {
    handlers_.on_holder(entry.is_marker() ? std::string() : entry.value);
  }
  if (entry.is_marker()) {
    Try();
  }
}

}  // namespace kv::client
