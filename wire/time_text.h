// Points in time as the wire spells them: RFC 3339, UTC, nanoseconds.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "kv/clock.h"

namespace kv::wire {

// 2026-11-22T20:20:03.123456789Z
std::string FormatTime(TimePoint time);
// Another fraction of the second, in what FormatTime wrote.
void SetFraction(std::string& text, Nanoseconds fraction);

// Reads what FormatTime writes, and nothing else, of the years 1678 to 2261.
std::optional<TimePoint> ParseTime(std::string_view text);

}  // namespace kv::wire
