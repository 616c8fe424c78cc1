#include "store/revisions.h"

#include <algorithm>
#include <cassert>

namespace kv::store {

// All that waits for the disk gets there before the reservation, which is asked for when half a
// block is left: eight times as many may come meanwhile.
Revision Revisions::BlockFor(const Engine& engine) {
  constexpr Revision for_each_unsettled = 16;
  return std::clamp(for_each_unsettled * engine.unsettled(), kBlock, kLargestBlock);
}

Status Revisions::Reserve(Engine& engine, Revision block) {
  ChangeSet changes;
  const Revision target = last_ + block;
  changes.Put(ReservedKey(id_), EncodeNumber(target));
  auto record = engine.Commit(changes);
  if (!record) {
    return std::move(record).error();
  }
  coming_ = target;
  coming_sequence_ = record->sequence;
  // In the database: were it in the journal alone, whoever has to remove that would lose it.
  engine.committer().RequestSettled(coming_sequence_);
  return Ok{};
}

Status Revisions::ReserveAhead(Engine& engine) {
  const Revision block = BlockFor(engine);
  return coming_ == 0 && last_ + block / 2 >= reserved_ ? Reserve(engine, block) : Status(Ok{});
}

void Revisions::TakeOverReserved(const Engine& engine) {
  if (coming_ != 0 && engine.IsSettled(coming_sequence_)) {
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
    if (auto waited = engine.WaitBriefly(coming_sequence_); !waited) {
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
