#include "store/engine.h"

namespace kv::store {

Engine::Engine(std::unique_ptr<Database> database,
               std::unique_ptr<Journal> journal,
               Sync sync,
               CommitterOptions options,
               std::size_t entry_cache_bytes)
    : database_(std::move(database)),
      journal_(std::move(journal)),
      sync_(sync),
      entries_(entry_cache_bytes),
      committer_(*database_, *journal_, journal_->last_sequence(), std::move(options)) {}

Error Engine::Failed() const {
  return Error(ErrorCode::kStorageError,
               "the store refuses writes until its disk is well: " +
                   committer_.failure().value_or("recovering"));
}

ChangeSet& Engine::Scratch() {
  scratch_.Clear();
  return scratch_;
}

Status Engine::WaitBriefly(Sequence sequence) {
  const bool hangs = !IsSettled(late_);
  auto waited = committer_.WaitSettled(sequence, hangs ? 0 : kLongestWait);
  if (!waited && !hangs) {
    late_ = sequence;
  }
  return waited;
}

Result<JournalRecord> Engine::Commit(const ChangeSet& changes) {
  if (committer_.failed()) {
    return Failed();
  }
  auto record = journal_->Append(changes.bytes());
  if (record) {
    committer_.Notify();
  }
  return record;
}

}  // namespace kv::store
