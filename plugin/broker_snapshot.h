// BrokerSnapshot: the retained messages in the broker's persistence file (mosquitto.db), which are
// those the broker begins with. Opened while the plugin starts, it is the file that the broker has
// just loaded; later the broker may have saved a newer one.
// Source: Mosquitto 2.0.11, src/persist_read.c.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "kv/clock.h"
#include "kv/entry.h"
#include "kv/result.h"
#include "plugin/broker_snapshot_format.h"
#include "plugin/id_set.h"

namespace kv::plugin {

// One retained message as the broker had it when it wrote the file. The views live as long as the
// BrokerSnapshot, wherever that is moved.
struct RetainedMessage {
  std::string_view topic;
  std::string_view payload;          // never empty: the broker does not retain empty messages
  std::optional<Revision> revision;  // from kv-revision, if there is exactly one and it is a number
};

// Not thread-safe: one thread at a time. Holds 40 bytes at most for every retained message, often
// less than one, until the walk ends.
class BrokerSnapshot {
 public:
  using Visitor = std::function<void(const RetainedMessage&)>;

  // Maps the file read-only; the broker replaces it by rename, so the mapping stays what it was.
  // (Nobody else may shorten the file in place: reading what is gone is a bus error.)
  // `clock` tells when the broker loaded the file, which decides what had expired. The broker
  // looked a moment earlier: a message that expired since then counts as not loaded, as it is not
  // delivered any more.
  // Nothing if there is no such file or it is empty. Errors: storage-error if the file cannot be
  // read, is not a mosquitto.db, has another version or is damaged in its header.
  static Result<std::optional<BrokerSnapshot>> Open(const std::string& path,
                                                    const Clock& clock = SystemClock());
  // The same for the contents of such a file, which must outlive the snapshot and all views.
  static Result<std::optional<BrokerSnapshot>> Over(std::string_view contents, const Clock& clock);

  BrokerSnapshot(BrokerSnapshot&&) = default;  // what was moved from may only be destroyed
  BrokerSnapshot& operator=(BrokerSnapshot&&) = default;
  BrokerSnapshot(const BrokerSnapshot&) = delete;
  BrokerSnapshot& operator=(const BrokerSnapshot&) = delete;
  ~BrokerSnapshot() = default;

  // Looks at up to `max_chunks` chunks, so that the broker's only thread can read a large file in
  // slices; a file is looked at twice. Calls `visit` (which must not call back) for every retained
  // message that the broker loaded and whose topic begins with `topic_prefix`, each once, in no
  // useful order. True when there is more to do.
  bool Step(std::size_t max_chunks, std::string_view topic_prefix, const Visitor& visit);

  // The same, but only for what comes before the first visit. True when there is more of that.
  bool StepMarks(std::size_t max_chunks);

  // True once the walk has met a cut or damaged chunk. It ends the walk: the messages in front of
  // it are visited if their retain marks are in front of it too, so what was visited is true but
  // may be little. Known before the first visit, unless somebody writes into the file meanwhile.
  // A file that was cut exactly between two chunks cannot be told from a whole one.
  bool damaged() const { return damaged_; }

 private:
  enum class Pass : std::uint8_t {
    kRetainMarks,  // they stand at the end of the file...
    kMessages,     // ...and say by id which of the messages in front of them are retained
    kDone,
  };
  struct Unmapper {
    std::size_t size;  // bytes
    void operator()(void* address) const;
  };
  using Mapping = std::unique_ptr<void, Unmapper>;

  BrokerSnapshot(std::string_view contents, TimePoint loaded_at);
  static Result<Mapping> Map(int descriptor);

  void StepOne(std::string_view topic_prefix, const Visitor& visit);
  bool CollectMark(const Chunk& chunk);
  bool VisitMessage(const Chunk& chunk, std::string_view topic_prefix, const Visitor& visit);
  void EndPass();

  Mapping mapping_;             // null over contents that are somebody else's
  std::string_view contents_;   // up to the first damaged chunk
  std::int64_t loaded_at_ = 0;  // seconds since the Unix epoch, like the expiry times in the file
  std::size_t offset_ = 0;
  Pass pass_ = Pass::kRetainMarks;
  bool damaged_ = false;
  IdSet retained_;              // store ids that were not visited yet
};

}  // namespace kv::plugin
