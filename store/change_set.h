// ChangeSet: what one mutation does to the database, as bytes that the journal keeps and the
// committer applies in one WriteBatch: all of it or nothing.
//
//   change-set := change*
//   change     := 0x01 key:lp value:lp     put
//               | 0x02 key:lp              delete a key that was put exactly once
//               | 0x03 key:lp              delete
//               | 0x04 from:lp to:lp       delete all keys in [from, to)
#pragma once

#include <string>
#include <string_view>

#include "kv/result.h"
#include "store/codec.h"

namespace kv::store {

class ChangeSet {
 public:
  void Put(std::string_view key, std::string_view value);
  // Appends the entry's record in place; returns where in bytes() the record stands.
  std::pair<std::size_t, std::size_t> PutEntry(BucketId id,
                                               Revision revision,
                                               const EntryParts& parts);
  void DeleteEntry(BucketId id, Revision revision);
  // For keys that are put once in their life, as the stream's are: RocksDB lets the pair annihilate,
  // where an ordinary delete leaves a tombstone until the last level.
  void SingleDelete(std::string_view key);
  void Delete(std::string_view key);
  void DeleteRange(std::string_view from, std::string_view to);
  void Append(const ChangeSet& more) { bytes_.append(more.bytes_); }

  std::string_view bytes() const { return bytes_; }
  bool empty() const { return bytes_.empty(); }
  // Keeps the memory, but not that of an uncommonly large value.
  void Clear();

 private:
  std::string bytes_;
};

class ChangeVisitor {
 public:
  ChangeVisitor() = default;
  ChangeVisitor(const ChangeVisitor&) = delete;
  ChangeVisitor& operator=(const ChangeVisitor&) = delete;
  virtual ~ChangeVisitor() = default;
  virtual void Put(std::string_view key, std::string_view value) = 0;
  virtual void SingleDelete(std::string_view key) = 0;
  virtual void Delete(std::string_view key) = 0;
  virtual void DeleteRange(std::string_view from, std::string_view to) = 0;
};

// Errors: storage-error, when the bytes are no change set.
Status VisitChanges(std::string_view bytes, ChangeVisitor& visitor);

}  // namespace kv::store
