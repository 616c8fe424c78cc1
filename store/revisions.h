// Revisions: hands out a bucket's revisions, so that none that a client may have seen is ever used
// again, also not after a power cut that takes the newest writes: before a revision is given out
// a number at least as high stands on disk as reserved. Blocks are reserved ahead, so that this
// costs no waiting; the more waits for the disk, the larger they are. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>

#include "kv/entry.h"
#include "store/change_set.h"
#include "store/engine.h"

namespace kv::store {

class Revisions {
 public:
  static constexpr Revision kBlock = 16384;  // the smallest
  static constexpr Revision kLargestBlock = Revision{1} << 20;

  // `last` was given out; everything up to `reserved` may be, by what is on disk.
  Revisions(BucketId id, Revision last, Revision reserved)
      : id_(id), last_(last), reserved_(reserved) {}

  Revision last() const { return last_; }

  // Makes sure that the next `count` may be given out, at most a quarter of a block. Waits for the
  // disk only when a whole half block was used up faster than one flush, and briefly.
  // Errors: storage-error, unavailable.
  Status Prepare(Engine& engine, std::size_t count = 1);
  // Whether Prepare would succeed without waiting, and leave enough for clients to write meanwhile,
  // or would fail at once. Asks for what is missing: the committer's on_progress tells.
  bool IsReady(Engine& engine, std::size_t count);
  // Precondition: Prepare succeeded just before.
  Revision Take() { return ++last_; }

  // --- at start ---
  // `revision` was given out, too.
  void Raise(Revision revision) { last_ = std::max(last_, revision); }
  // Anything up to what is reserved may have been given out.
  void SkipReserved() { Raise(reserved_); }

 private:
  static Revision BlockFor(const Engine& engine);
  Status Reserve(Engine& engine, Revision block);
  Status ReserveAhead(Engine& engine);
  void TakeOverReserved(const Engine& engine);

  const BucketId id_;
  Revision last_;
  Revision reserved_;    // on disk
  Revision coming_ = 0;  // asked for; on disk once coming_sequence_ is
  Sequence coming_sequence_ = 0;
};

}  // namespace kv::store
