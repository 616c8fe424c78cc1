#include "wire/time_text.h"

#include <array>
#include <chrono>
#include <cstring>

#include "kv/units.h"

namespace kv::wire {
namespace {

constexpr Nanoseconds kDay = 86'400 * kSecond;

constexpr std::size_t kFractionAt = 20;

// The numbers from 00 to 99, one behind the other.
constexpr std::array<char, 200> MakePairs() {
  std::array<char, 200> pairs{};
  for (std::size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}
constexpr std::array<char, 200> kPairs = MakePairs();

// Two digits at a time: every change has a time.
void PutDigits(char* at, unsigned width, std::uint32_t number) {
  for (; width > 1; width -= 2) {
    std::memcpy(at + width - 2, kPairs.data() + std::size_t{2} * (number % 100), 2);
    number /= 100;
  }
  if (width == 1) {
    *at = static_cast<char>('0' + number % 10);
  }
}

// The days between which every nanosecond can be counted in 64 bits.
constexpr std::int64_t kFirstDay = -106'751;
constexpr std::int64_t kLastDay = 106'750;

}  // namespace

void SetFraction(std::string& text, Nanoseconds fraction) {
  PutDigits(text.data() + kFractionAt, 9, static_cast<std::uint32_t>(fraction));
}

std::string FormatTime(TimePoint time) {
  // By hand and not by std::chrono::floor: the first day begins before the first nanosecond that
  // 64 bits can count.
  std::int64_t day = time / kDay;
  Nanoseconds since_midnight = time % kDay;
  if (since_midnight < 0) {
    since_midnight += kDay;
    --day;
  }
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(day))};
  auto rest = static_cast<std::uint64_t>(since_midnight);

  std::string text = "0000-00-00T00:00:00.000000000Z";
  char* at = text.data();
  SetFraction(text, static_cast<Nanoseconds>(rest % kSecond));
  rest /= kSecond;
  PutDigits(at + 17, 2, static_cast<std::uint32_t>(rest % 60));
  PutDigits(at + 14, 2, static_cast<std::uint32_t>(rest / 60 % 60));
  PutDigits(at + 11, 2, static_cast<std::uint32_t>(rest / 3600));
  PutDigits(at + 8, 2, static_cast<unsigned>(date.day()));
  PutDigits(at + 5, 2, static_cast<unsigned>(date.month()));
  PutDigits(at, 4, static_cast<std::uint32_t>(static_cast<int>(date.year())));
  return text;
}

std::optional<TimePoint> ParseTime(std::string_view text) {
  // Where FormatTime puts each number; nanoseconds last.
  struct Part {
    std::size_t at;
    std::size_t width;
  };
  constexpr std::array<Part, 7> parts{{{0, 4}, {5, 2}, {8, 2}, {11, 2}, {14, 2}, {17, 2}, {kFractionAt, 9}}};
  std::array<std::int64_t, 7> numbers{};
  if (text.size() != 30) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto number = ParseUnsigned(text.substr(parts[i].at, parts[i].width));
    if (!number) {
      return std::nullopt;
    }
    numbers[i] = static_cast<std::int64_t>(*number);
  }
  const auto [year, month, day, hour, minute, second, nanosecond] = numbers;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  if (days < kFirstDay || days > kLastDay) {
    return std::nullopt;
  }
  const TimePoint time = days * kDay + (hour * 3600 + minute * 60 + second) * kSecond + nanosecond;
  // Separators, leap seconds and February 30: what would not be spelled so is not read.
  return FormatTime(time) == text ? std::optional(time) : std::nullopt;
}

}  // namespace kv::wire
