#include "store/write_group.h"

#include <algorithm>
#include <optional>

#include <rocksdb/write_batch.h>

#include "store/change_set.h"
#include "store/give_way.h"

namespace kv::store {
namespace {

rocksdb::Slice ToSlice(std::string_view text) {
  return {text.data(), text.size()};
}

std::optional<StreamRef> EntryOf(std::string_view key) {
  return !key.empty() && key.front() == kStreamTag ? ParseStreamKey(key) : std::nullopt;
}

}  // namespace

class WriteGroup::Collector final : public ChangeVisitor {
 public:
  explicit Collector(WriteGroup& group) : group_(group) {}

  void Put(std::string_view key, std::string_view value) override {
    if (const auto entry = EntryOf(key)) {
      group_.puts_.Note(entry->id, entry->revision, group_.changes_.size());
    }
    Add(Kind::kPut, key, value);
  }
  void SingleDelete(std::string_view key) override {
    const auto entry = EntryOf(key);
    const auto put = entry ? group_.puts_.Take(entry->id, entry->revision) : std::nullopt;
    if (put) {
      group_.changes_[*put].kind = Kind::kNothing;
    } else {
      group_.single_deletes_.push_back(key);
    }
  }
  void Delete(std::string_view key) override { Add(Kind::kDelete, key, {}); }
  void DeleteRange(std::string_view from, std::string_view to) override {
    Add(Kind::kDeleteRange, from, to);
  }

 private:
  void Add(Kind kind, std::string_view first, std::string_view second) {
    group_.changes_.push_back({kind, first, second});
  }

  WriteGroup& group_;
};

WriteGroup::WriteGroup() : batch_(std::make_unique<rocksdb::WriteBatch>()) {}
WriteGroup::~WriteGroup() = default;

Status WriteGroup::Add(std::string_view change_set) {
  bytes_ += change_set.size();
  Collector collector(*this);
  return VisitChanges(change_set, collector);
}

Status WriteGroup::AddCopy(std::string_view change_set) {
  return Add(copies_.emplace_back(change_set));
}

void WriteGroup::Clear() {
  bytes_ = 0;
  copies_.clear();
  changes_.clear();
  single_deletes_.clear();
  puts_.Clear();
  applied_ = 0;
  batch_->Clear();
}

void WriteGroup::ReleaseMemory() {
  Clear();
  changes_.shrink_to_fit();
  single_deletes_.shrink_to_fit();
  puts_ = {};
  batch_ = std::make_unique<rocksdb::WriteBatch>();
}

Result<rocksdb::WriteBatch*> WriteGroup::Build() {
  batch_->Clear();
  std::sort(single_deletes_.begin(), single_deletes_.end());
  rocksdb::Status status;
  const auto keep = [&status](const rocksdb::Status& next) {
    status = status.ok() ? next : status;
    YieldNowAndThen();
  };
  for (const std::string_view key : single_deletes_) {
    keep(batch_->SingleDelete(ToSlice(key)));
  }
  for (const Change& change : changes_) {
    keep(AddToBatch(change));
  }
  if (applied_ != 0) {
    keep(batch_->Put(ToSlice(kAppliedKey), EncodeNumber(applied_)));
  }
  if (!status.ok()) {
    return Error(ErrorCode::kStorageError, "cannot batch writes: " + status.ToString());
  }
  return batch_.get();
}

rocksdb::Status WriteGroup::AddToBatch(const Change& change) {
  const rocksdb::Slice first = ToSlice(change.first);
  switch (change.kind) {
    case Kind::kNothing: break;
    case Kind::kPut: return batch_->Put(first, ToSlice(change.second));
    case Kind::kDelete: return batch_->Delete(first);
    case Kind::kDeleteRange: return batch_->DeleteRange(first, ToSlice(change.second));
  }
  return rocksdb::Status::OK();
}

}  // namespace kv::store
