#include "kv/units.h"

#include <array>
#include <charconv>
#include <limits>

namespace kv {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// Largest first: formatting takes the first that divides.
constexpr std::array<Unit, 5> kTimeUnits{{
    {"d", 86'400'000'000'000},
    {"h", 3'600'000'000'000},
    {"m", 60'000'000'000},
    {"s", 1'000'000'000},
    {"ms", 1'000'000},
}};
constexpr std::array<Unit, 3> kSizeUnits{{
    {"GiB", 1ULL << 30},
    {"MiB", 1ULL << 20},
    {"KiB", 1ULL << 10},
}};
constexpr std::uint64_t kHundredYears = 100ULL * 365 * 86'400'000'000'000;

template <std::size_t N>
std::optional<std::uint64_t> ParseWithUnit(std::string_view text,
                                           const std::array<Unit, N>& units,
                                           std::uint64_t plain_factor) {
  const std::size_t digits = text.find_first_not_of("0123456789");
  const auto number = ParseUnsigned(text.substr(0, digits));
  if (!number) {
    return std::nullopt;
  }
  std::uint64_t factor = digits == std::string_view::npos ? plain_factor : 0;
  for (const auto& unit : units) {
    if (digits != std::string_view::npos && text.substr(digits) == unit.name) {
      factor = unit.factor;
    }
  }
  if (factor == 0 || *number > std::numeric_limits<std::uint64_t>::max() / factor) {
    return std::nullopt;
  }
  return *number * factor;
}

template <std::size_t N>
std::string FormatWithUnit(std::uint64_t amount, const std::array<Unit, N>& units) {
  for (const auto& unit : units) {
    if (amount != 0 && amount % unit.factor == 0) {
      return std::to_string(amount / unit.factor) + std::string(unit.name);
    }
  }
  return std::to_string(amount);
}

}  // namespace

std::optional<std::uint64_t> ParseUnsigned(std::string_view text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  if (text.empty() || text.front() < '0' || text.front() > '9') {
    return std::nullopt;
  }
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) {
    return std::nullopt;
  }
  return number;
}

std::optional<bool> ParseBool(std::string_view text) {
  if (text == "true") {
    return true;
  }
  return text == "false" ? std::optional(false) : std::nullopt;
}

std::optional<Nanoseconds> ParseDuration(std::string_view text) {
  const auto age = ParseAge(text);
  return age && *age != 0 ? age : std::nullopt;
}

std::optional<Nanoseconds> ParseAge(std::string_view text) {
  const auto length = ParseWithUnit(text, kTimeUnits, kSecond);
  if (!length || *length > kHundredYears) {
    return std::nullopt;
  }
  return static_cast<Nanoseconds>(*length);
}

std::string FormatDuration(Nanoseconds length) {
  return FormatWithUnit(static_cast<std::uint64_t>(length), kTimeUnits);
}

std::optional<std::uint64_t> ParseSize(std::string_view text) {
  return ParseWithUnit(text, kSizeUnits, 1);
}

std::string FormatSize(std::uint64_t bytes) {
  return FormatWithUnit(bytes, kSizeUnits);
}

}  // namespace kv
