// Importer: writes the entries of an export into a bucket, with so many on their way at once that
// the broker is never idle, and in an order that no reader can tell from one after the other: one
// connection carries them, and the broker takes them as they come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <future>
#include <map>
#include <string>

#include "kv/entry.h"
#include "kv/result.h"
#include "mosquitto_kv/bucket.h"

namespace kv::cli {

struct ImportSettings {
  std::string id;         // of this import: with the line's number the message id of its write
  bool compares = false;  // reads first, and leaves alone what is there already
  std::size_t window = 100;
};

class Importer {
 public:
  Importer(AsyncBucket bucket, ImportSettings settings)
      : bucket_(std::move(bucket)), settings_(std::move(settings)) {}

  // Takes the next line; waits while the window is full. Errors: those of a write of this or an
  // earlier line, naming that; then nothing more is taken.
  Status Take(std::size_t line, Entry entry);
  // Waits for all that is on its way; not after an error, when the lines behind it count no more.
  Status Finish();

  // Every line up to this one is in the bucket.
  std::size_t settled() const;
  std::uint64_t written() const { return written_; }
  std::uint64_t skipped() const { return skipped_; }

 private:
  struct Comparing {
    std::size_t line;
    Entry entry;
    std::future<Result<Entry>> there;
  };
  struct Writing {
    std::size_t line;
    std::string key;
    std::future<Result<Written>> done;
  };

  bool IsOnItsWay(const std::string& key) const { return keys_.contains(key); }
  void Write(std::size_t line, const Entry& entry);
  Status SettleComparison();
  Status SettleWrite();
  Error Fail(std::size_t line, const Error& error);
  void Forget(const std::string& key);

  const AsyncBucket bucket_;
  const ImportSettings settings_;
  std::deque<Comparing> comparing_;
  std::deque<Writing> writing_;
  std::map<std::string, std::size_t> keys_;  // of both, with how often
  bool failed_ = false;
  std::size_t last_ = 0;
  std::uint64_t written_ = 0;
  std::uint64_t skipped_ = 0;
};

}  // namespace kv::cli
