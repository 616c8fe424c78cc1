// Restorer: makes the broker's retained messages equal the store, after a start.
//
// With the broker's snapshot only what differs is published: what the broker lacks or holds in an
// older revision, and an empty message for what the store does not have. Without it everything is
// published, markers as empty messages. It works in slices, between which clients are served;
// what they write meanwhile is newer and not touched. The broker's thread only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kv/clock.h"
#include "plugin/broker_snapshot.h"
#include "plugin/publisher.h"
#include "store/store.h"
#include "wire/topics.h"

namespace kv::plugin {

class Restorer {
 public:
  struct Totals {
    std::uint64_t published = 0;  // values that the broker lacked
    std::uint64_t kept = 0;       // values that it had
    std::uint64_t cleared = 0;    // retained messages that the store does not have
    std::uint64_t unreadable = 0;
  };

  Restorer(store::Store& store,
           const wire::Topics& topics,
           Publisher& publisher,
           std::optional<BrokerSnapshot> snapshot);

  // Works for about `budget`; true when all is done.
  bool Step(Nanoseconds budget);
  const Totals& totals() const { return totals_; }
  bool snapshot_was_damaged() const { return damaged_; }

 private:
  // A message of the snapshot, and where the store has its key.
  struct Held {
    RetainedMessage message;
    store::Bucket* bucket = nullptr;  // null: there is none of that name
    std::string_view key;
  };

  void Take(const RetainedMessage& message);
  void CompareTaken();
  void Compare(const Held& held);
  void StepSnapshot();
  bool StepStore();
  std::optional<Revision> RestoreSome(const store::Bucket& bucket);
  bool IsLacking(const store::KeyState& state) const;
  bool Differs(const store::Bucket& bucket, const store::KeyState& state) const;
  void Restore(const store::Bucket& bucket, const Entry& entry);
  Revision StartOf(const std::string& bucket) const;

  store::Store& store_;
  const wire::Topics& topics_;
  Publisher& publisher_;
  std::optional<BrokerSnapshot> snapshot_;
  bool with_snapshot_;  // what it does not hold the broker does not hold
  bool damaged_ = false;
  std::vector<Held> taken_;                // of the snapshot, not compared yet
  std::map<std::string, Revision> start_;  // each bucket's last revision when the broker started
  std::string bucket_;                     // where StepStore is
  Revision next_ = 0;
  Totals totals_;
};

}  // namespace kv::plugin
