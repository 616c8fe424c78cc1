// Changes to be written at once, from change sets of the journal: all of them or none.
//
// What is put and taken away again by the same group is not written at all: of a key that is
// overwritten again and again only the last value reaches the database.
//
// Not thread-safe: the committer's, or that of the thread that opens the store.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kv/result.h"
#include "store/codec.h"
#include "store/stream_puts.h"

namespace rocksdb {
class Status;
class WriteBatch;
}  // namespace rocksdb

namespace kv::store {

class WriteGroup {
 public:
  WriteGroup();
  WriteGroup(const WriteGroup&) = delete;
  WriteGroup& operator=(const WriteGroup&) = delete;
  ~WriteGroup();

  // The bytes must stay where they are until Clear, as the journal's do until they are released.
  // Errors: storage-error, when they are no change set.
  Status Add(std::string_view change_set);
  // The same with a copy of them.
  Status AddCopy(std::string_view change_set);
  // The number of the last journal record in it.
  void SetApplied(Sequence sequence) { applied_ = sequence; }
  // Of the change sets that were added.
  std::size_t bytes() const { return bytes_; }
  void Clear();  // keeps the memory
  void ReleaseMemory();

  // What is left of it, good until the next call of any method. Errors: storage-error, when it is
  // more than RocksDB takes at once (4 GiB).
  Result<rocksdb::WriteBatch*> Build();

 private:
  class Collector;

  enum class Kind : std::uint8_t {
    kNothing,
    kPut,
    kDelete,
    kDeleteRange
  };
  struct Change {
    Kind kind;
    std::string_view first;
    std::string_view second;
  };

  rocksdb::Status AddToBatch(const Change& change);

  std::size_t bytes_ = 0;
  std::deque<std::string> copies_;
  std::vector<Change> changes_;
  // Each of a key that nothing else in the group is about, but for the ranges: they are written in
  // the order of their keys, which the database takes in quicker.
  std::vector<std::string_view> single_deletes_;
  StreamPuts puts_;  // where in changes_
  Sequence applied_ = 0;
  std::unique_ptr<rocksdb::WriteBatch> batch_;
};

}  // namespace kv::store
