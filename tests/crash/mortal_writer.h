// A writer whose values expire, some soon and some not, while its broker dies again and again.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/crash/model.h"

namespace kv::testing {

// Nobody else writes its bucket.
class MortalWriter {
 public:
  MortalWriter(std::string bucket, std::uint32_t seed)
      : bucket_(std::move(bucket)), random_(seed) {}

  // Writes until the broker is gone. `on_operation` is called before each one.
  void Run(std::uint16_t port, const std::function<void()>& on_operation);
  // Until nothing is there that expires soon; false if that takes too long.
  bool AwaitEnds(KvClient& client) const;
  // Then every key has the value that was acknowledged last, or a later one; or an end that is not
  // before its time.
  void Check(const BucketDump& dump);

 private:
  struct Put {
    std::string value;
    milliseconds ttl;
    std::chrono::system_clock::time_point sent;
  };
  // What a key may be after a crash: what was acknowledged last comes first, if anything was.
  struct Candidates {
    std::vector<Put> puts;
    bool is_acknowledged = false;
  };

  void CheckKey(const std::string& key, Candidates& candidates, const Message& newest) const;

  const std::string bucket_;
  std::mt19937 random_;
  std::map<std::string, Candidates> keys_;
  std::uint64_t values_ = 0;
};

}  // namespace kv::testing
