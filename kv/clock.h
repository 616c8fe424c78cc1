// Time as the project uses it: nanoseconds since the Unix epoch, from a Clock that is passed in,
// so that tests decide what time it is.
#pragma once

#include <chrono>
#include <cstdint>

namespace kv {

using Nanoseconds = std::int64_t;  // a length of time
using TimePoint = std::int64_t;    // nanoseconds since 1970-01-01T00:00:00Z

inline constexpr Nanoseconds kMillisecond = 1'000'000;
inline constexpr Nanoseconds kSecond = 1'000'000'000;

class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;
  virtual TimePoint Now() const = 0;
};

class SystemClock final : public Clock {
 public:
  TimePoint Now() const override {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
};

}  // namespace kv
