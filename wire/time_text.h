// Points in time as the wire spells them: RFC 3339, UTC, nanoseconds.
#pragma once

#include <string>

#include "kv/clock.h"

namespace kv::wire {

// 2026-11-22T20:20:03.123456789Z
std::string FormatTime(TimePoint time);

}  // namespace kv::wire
