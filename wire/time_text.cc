#include "wire/time_text.h"

#include <chrono>

namespace kv::wire {
namespace {

constexpr Nanoseconds kDay = 86'400 * kSecond;

void PutDigits(char* at, unsigned width, std::uint64_t number) {
  for (unsigned i = width; i > 0; --i) {
    at[i - 1] = static_cast<char>('0' + number % 10);
    number /= 10;
  }
}

}  // namespace

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
  PutDigits(at + 20, 9, rest % kSecond);
  rest /= kSecond;
  PutDigits(at + 17, 2, rest % 60);
  PutDigits(at + 14, 2, rest / 60 % 60);
  PutDigits(at + 11, 2, rest / 3600);
  PutDigits(at + 8, 2, static_cast<unsigned>(date.day()));
  PutDigits(at + 5, 2, static_cast<unsigned>(date.month()));
  PutDigits(at, 4, static_cast<std::uint64_t>(static_cast<int>(date.year())));
  return text;
}

}  // namespace kv::wire
