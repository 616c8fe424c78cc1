#include "store/revisions.h"

#include <cassert>

namespace kv::store {

Status Revisions::Reserve(Engine& engine) {
  ChangeSet changes;
  const Revision target = last_ + kBlock;
  changes.Put(ReservedKey(id_), EncodeNumber(target));
  auto record = engine.Commit(changes);
  if (!record) {
    return std::move(record).error();
  }
  coming_ = target;
  coming_sequence_ = record->sequence;
  engine.committer().RequestDurable(coming_sequence_);
  return Ok{};
}

Status Revisions::Prepare(Engine& engine, std::size_t count) {
  assert(count <= kBlock / 4);
  if (coming_ == 0 && last_ + kBlock / 2 >= reserved_) {
    if (auto asked = Reserve(engine); !asked) {
      return asked;
    }
  }
  if (coming_ != 0) {
    if (last_ + count > reserved_) {
      if (auto waited = engine.WaitDurable(coming_sequence_); !waited) {
        return waited;
      }
    }
    if (engine.IsDurable(coming_sequence_)) {
      reserved_ = coming_;
      coming_ = 0;
    }
  }
  return Ok{};
}

}  // namespace kv::store
