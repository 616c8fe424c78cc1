// Mirrors: tells news that a bridge brings from what this broker has said itself, so that bridges
// in both directions, or in a ring, do not carry a change round for ever. The broker's thread only.
// Source: docs/adr/0011-bridges-in-both-directions.md.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "kv/clock.h"
#include "store/store.h"
#include "wire/mirrored.h"

namespace kv::plugin {

class Mirrors {
 public:
  Mirrors();

  // Of every change that goes to the subscribers, and so to bridges.
  void Sent(std::string_view bucket, Revision revision, TimePoint time);

  enum class Verdict : std::uint8_t {
    kOrdinary,  // somebody writes back what he received from here: a write like any other
    kNews,      // to be written, and handed on with its origin
    kKnown,     // nothing to do
  };
  // `bucket`: nullptr if there is none.
  Verdict Judge(const wire::Mirrored& mirrored,
                const store::Bucket* bucket,
                std::string_view key,
                const wire::Incoming& incoming) const;

  // Tells this broker from others, in kv-origin; another one in each of its lives.
  const std::string& broker() const { return broker_; }

 private:
  struct Change {
    std::uint64_t bucket = 0;  // a hash
    Revision revision = 0;
    TimePoint time = 0;
  };
  // Changes that are still under way come back in their order; these are as many as there may be.
  // A revision is remembered in one of so many sets: of one bucket each follows the other, and
  // what other buckets have in the same set takes a place beside it, not its own.
  static constexpr std::size_t kSets = std::size_t{1} << 12;
  static constexpr std::size_t kPlaces = 8;
  struct Sets {
    std::array<std::array<Change, kSets>, kPlaces> places{};
    std::array<std::uint8_t, kSets> next{};  // the place to be used next: that of the oldest
  };

  // The time of a change that is remembered; nothing: it is not.
  std::optional<TimePoint> TimeOf(std::string_view bucket, Revision revision) const;
  bool IsOwn(const wire::Mark& mark, std::string_view bucket, const Entry* newest) const;

  std::string broker_;
  std::unique_ptr<Sets> sent_;
};

}  // namespace kv::plugin
