// Reads all entries of the database, as a start does: one thread reads while the other one takes
// in what was read, so that on two cores it takes as long as the slower of them.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "kv/result.h"
#include "store/codec.h"
#include "store/database.h"

namespace kv::store {

// Records that stand one behind the other in the stream.
class StreamBatch {
 public:
  struct Record {
    StreamRef ref;
    std::size_t at;
    std::size_t length;
  };

  void Add(const StreamRef& ref, std::string_view record);
  bool IsFull() const;
  void Clear();  // keeps the memory, unless that is much

  const std::vector<Record>& records() const { return records_; }
  // Good until Clear.
  std::string_view TextOf(const Record& record) const {
    return std::string_view(bytes_).substr(record.at, record.length);
  }

 private:
  std::vector<Record> records_;
  std::string bytes_;
};

// Calls `take` on this thread, with all records in their order, until it returns an error; that is
// returned. Errors: storage-error, also when a key is damaged.
Status ReadStream(const Database& database, const std::function<Status(const StreamBatch&)>& take);

}  // namespace kv::store
