// Durations and sizes as people write them. Source: protocol.md, "Names", last line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kv/clock.h"

namespace kv {

// `90` (seconds) or a whole number with ms, s, m, h or d. Nothing for anything else, for zero,
// and for more than 100 years.
std::optional<Nanoseconds> ParseDuration(std::string_view text);
// The same, or zero in any unit.
std::optional<Nanoseconds> ParseAge(std::string_view text);
// The shortest spelling that ParseDuration reads back as the same length, down to milliseconds.
std::string FormatDuration(Nanoseconds length);

// Bytes, or a whole number with KiB, MiB or GiB. Nothing for anything else.
std::optional<std::uint64_t> ParseSize(std::string_view text);
std::string FormatSize(std::uint64_t bytes);

// A decimal number of digits only, without sign, that fits 64 bits.
std::optional<std::uint64_t> ParseUnsigned(std::string_view text);

// `true` or `false`.
std::optional<bool> ParseBool(std::string_view text);

}  // namespace kv
