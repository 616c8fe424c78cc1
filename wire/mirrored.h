// A change of another broker's bucket, as a bridge brings it: a write that carries the kv-
// properties with which that broker's plugin published it. Source: docs/protocol.md, "Mirrored
// changes".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "kv/entry.h"
#include "wire/incoming.h"

namespace kv::wire {

// An entry of some broker: what it had as kv-revision and kv-time. Times are of one form, so that
// they compare as texts.
struct Mark {
  Revision revision = 0;
  std::string_view time;
};

// Views of the message.
struct Mirrored {
  Operation operation = Operation::kPut;
  Mark mark;                  // of the broker that it comes from
  bool has_come_far = false;  // that one had it from another
  Mark origin;                // of the broker that it was written at
  std::string_view path;      // the brokers that took it over since, separated by spaces
};

// Nothing for everything that is not as a plugin publishes it: then it is a write like any other.
std::optional<Mirrored> ParseMirrored(const Incoming& incoming);

// Whether the broker is one of the path, or the path is longer than any that makes sense.
bool HasBeenAt(const Mirrored& mirrored, std::string_view broker);

// kv-origin of the change as this broker hands it on.
std::string OriginOf(const Mirrored& mirrored, std::string_view broker);

}  // namespace kv::wire
