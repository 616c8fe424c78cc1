// A writer that lives through the deaths of its broker and knows what must have survived them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/crash/model.h"

namespace kv::testing {

// Nobody else writes its keys, but for one counter that all writers count up by compare-and-set. A
// writer that has its bucket for itself drops it now and then, and has no counter.
class CrashWriter {
 public:
  static constexpr const char* kCounterKey = "shared/counter";

  // `kept` is the bucket's history.
  CrashWriter(int number, std::string bucket, std::size_t kept, bool is_alone, std::uint32_t seed)
      : number_(number),
        bucket_(std::move(bucket)),
        kept_(kept),
        is_alone_(is_alone),
        random_(seed) {}

  // Writes until the broker is gone. `on_operation` is called before each one; no revision may be
  // as low as `last_seen`, which the bucket has given out before.
  void Run(std::uint16_t port, Revision last_seen, const std::function<void()>& on_operation);

  // Looks for what it had acknowledged in what the bucket holds now. The broker takes a
  // connection's writes in their order, so that it is the first so many of them that arrived.
  void Check(const BucketDump& dump);
  // Sends again what has a message id: what arrived must not be written a second time.
  void SendAgain(KvClient& client);

  const std::string& bucket() const { return bucket_; }
  Revision highest_revision() const { return highest_; }
  std::uint64_t counted() const { return counted_; }  // acknowledged
  std::uint64_t counted_at_most() const { return counted_ + uncertain_; }

 private:
  struct Sent {
    Operation operation;
    bool accepted = false;  // what the model says
    std::uint16_t packet_id = 0;
    std::string correlation = {};
  };

  Operation Next();
  Operation NextWrite(std::string key);
  std::string NextValue();
  void MakeTransaction(Operation& operation);
  void ForgetRevisions(const Operation& operation);
  // Something that it put is in what the model says is there.
  bool IsThere(const Operation& operation) const;
  bool SendOne(KvClient& client);
  bool ReceiveOne(KvClient& client, std::size_t index);
  void ExpectReply(const Sent& sent, const Message& reply);
  bool CountUp(KvClient& client);
  std::string Path(const std::string& key) const { return bucket_ + "/" + key; }
  Histories After(std::size_t count) const;
  bool Matches(const Histories& mine, const BucketDump& dump) const;
  bool IsMine(const std::string& key) const { return key.starts_with(Prefix()); }
  std::string Prefix() const { return "writer/" + std::to_string(number_) + "/"; }

  const int number_;
  const std::string bucket_;
  const std::size_t kept_;
  const bool is_alone_;
  std::mt19937 random_;

  Histories base_;                         // at the beginning of this life
  Histories now_;                          // with all that was sent in it
  bool is_there_empty_ = false;            // its bucket, when the life began
  std::map<std::string, Revision> known_;  // newest revisions, of keys where that is certain
  std::vector<Sent> sent_;                 // in this life
  std::size_t acknowledged_ = 0;           // so many of them
  std::optional<std::pair<Operation, Revision>> remembered_;  // an acknowledged one with its id
  Revision last_seen_ = 0;
  Revision highest_ = 0;
  std::uint64_t values_ = 0;
  std::uint64_t sent_in_all_ = 0;
  std::uint64_t counted_ = 0;
  std::uint64_t uncertain_ = 0;
};

}  // namespace kv::testing
