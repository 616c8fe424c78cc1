// The user properties that subscribers get with a change, after the writer's own.
// Source: protocol.md, "Data plane".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kv/clock.h"
#include "kv/entry.h"

namespace kv::wire {

// A change, as subscribers of the data plane are told of it.
struct ChangeNotice {
  Operation operation;
  Revision revision;
  TimePoint time;
  Reason reason = Reason::kNone;
  const Author* author = nullptr;  // in a bucket with audit
  std::string_view origin = {};    // of one that another broker brought
};

// Spells one change after another. Most are like the one before, but for the revision and the
// fraction of a second: only that is written anew, in the same memory. Not thread-safe.
class ChangeProperties {
 public:
  ChangeProperties();

  // Good until the next call.
  const std::vector<UserProperty>& Of(const ChangeNotice& change);

 private:
  void SetOperation(Operation operation);
  void SetRevision(Revision revision);
  void SetTime(TimePoint time);
  // What few changes have.
  void AddRest(const ChangeNotice& change);

  // What stands in them; of the time the second.
  Operation operation_ = Operation::kPut;
  Revision revision_ = 0;
  TimePoint second_ = 0;
  std::vector<UserProperty> properties_;
};

}  // namespace kv::wire
