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

Status Revisions::ReserveAhead(Engine& engine) {
  return coming_ == 0 && last_ + kBlock / 2 >= reserved_ ? Reserve(engine) : Status(Ok{});
}

void Revisions::TakeOverReserved(const Engine& engine) {
  if (coming_ != 0 && engine.IsDurable(coming_sequence_)) {
    reserved_ = coming_;
    coming_ = 0;
  }
}

Status Revisions::Prepare(Engine& engine, std::size_t count) {
  assert(count <= kBlock / 4);
  if (auto asked = ReserveAhead(engine); !asked) {
    return asked;
  }
  if (coming_ != 0 && last_ + count > reserved_) {
    if (auto waited = engine.WaitDurable(coming_sequence_); !waited) {
      return waited;
    }
  }
  TakeOverReserved(engine);
  return Ok{};
}

bool Revisions::IsReady(Engine& engine, std::size_t count) {
  TakeOverReserved(engine);
  if (auto asked = ReserveAhead(engine); !asked) {
    return true;
  }
  constexpr Revision for_clients = kBlock / 4;
  return last_ + count + for_clients <= reserved_ || !engine.CheckWritable().ok();
}

}  // namespace kv::store
