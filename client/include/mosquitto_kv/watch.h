// Watcher: the changes of a bucket, as they happen and without end.
//
// First come the values as they are, in revision order, then once kEndOfInitial, then every change
// in revision order. A watcher survives the loss of the connection and restarts of the broker: it
// subscribes again and reads what it has missed, so that no change is missed and none comes
// twice. Where that cannot be promised, because the bucket no longer keeps all of it, there is a
// kGap event: a value may have been overwritten unseen; the newest value of every key still comes.
// When the store was put back to an older state, all its values come anew after the kGap.
//
// It reads values in pages and takes no part in the broker's limits for retained messages. Changes
// that the broker drops because its queue for this client was full (max_queued_messages) are
// noticed and read: at the latest after `resync_interval`.
//
// One thing a filtered watch cannot notice, and tells no kGap: a change that was dropped and is no
// longer kept when it is read, while every change that is still kept had come (as when the next
// change of the same key came, in a bucket with a history of 1). Only a watch of the whole bucket
// sees that a revision is missing.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "kv/api.h"
#include "kv/entry.h"
#include "kv/result.h"

namespace kv {

struct WatchSettings {
  std::string filter = "#";  // a key in which levels may be + and the last may be #
  // Begin with the kept entries of this revision and later instead of the newest values.
  std::optional<Revision> from_revision = {};
  bool updates_only = false;    // begin with nothing; kEndOfInitial comes all the same
  bool ignore_deletes = false;  // no markers
  bool meta_only = false;       // entries without their values
  std::chrono::milliseconds resync_interval{30'000};  // 0: never
};

struct WatchEvent {
  enum class Kind : std::uint8_t {
    kEntry,
    kEndOfInitial,
    kGap,    // entries after `entry.revision` and before the next event are perhaps not all there
    kEnded,  // the last event: the client was closed, or the broker refuses; see `error`
  };
  Kind kind = Kind::kEntry;
  Entry entry = {};
  std::optional<Error> error = {};  // of kEnded
};

// Runs on the client's callback thread, one at a time; see Call::Then.
using WatchHandler = std::function<void(const WatchEvent&)>;

// A handle: when it goes, the watch ends. Safe to use from any thread.
class KV_API Watcher {
 public:
  class State;
  explicit Watcher(std::shared_ptr<State> state);
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;
  Watcher(Watcher&&) noexcept;
  Watcher& operator=(Watcher&&) noexcept;
  ~Watcher();

  // The next event of a watcher without a handler. Events that nobody takes yet wait in memory.
  // Errors: timeout (none came in time), cancelled (the watch has ended, all its events are taken).
  Result<WatchEvent> Next(std::chrono::milliseconds timeout);
  // No event comes any more; a handler that is running is waited for, unless this is its thread.
  void Stop();

 private:
  std::shared_ptr<State> state_;
};

}  // namespace kv
