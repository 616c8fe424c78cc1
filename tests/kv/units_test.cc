// Durations and sizes as people write them.
#include "kv/units.h"

#include <array>
#include <limits>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

namespace kv::testing {
namespace {

constexpr Nanoseconds kMinute = 60 * kSecond;
constexpr Nanoseconds kHour = 60 * kMinute;
constexpr Nanoseconds kDay = 24 * kHour;

TEST(DurationTest, IsSecondsOrANumberWithAUnit) {
  constexpr std::array<std::pair<std::string_view, Nanoseconds>, 8> good{{
      {"90", 90 * kSecond},
      {"500ms", 500 * kMillisecond},
      {"30s", 30 * kSecond},
      {"15m", 15 * kMinute},
      {"12h", 12 * kHour},
      {"7d", 7 * kDay},
      {"007s", 7 * kSecond},
      {"1", kSecond},
  }};
  for (const auto& [text, length] : good) {
    EXPECT_EQ(ParseDuration(text), length) << text;
  }
}

TEST(DurationTest, RefusesEverythingElse) {
  for (const auto* const text : {"",
                                 "s",
                                 "ms",
                                 "-1",
                                 "+1",
                                 "1.5s",
                                 "1 s",
                                 " 1",
                                 "1s ",
                                 "1S",
                                 "1w",
                                 "1us",
                                 "0x10",
                                 "1m30s",
                                 "s1",
                                 "1e3"}) {
    EXPECT_EQ(ParseDuration(text), std::nullopt) << text;
  }
}

TEST(DurationTest, IsAboveZeroAndAtMostAHundredYears) {
  EXPECT_EQ(ParseDuration("0"), std::nullopt);
  EXPECT_EQ(ParseDuration("0ms"), std::nullopt);
  EXPECT_EQ(ParseDuration("36500d"), 36500 * kDay);
  EXPECT_EQ(ParseDuration("36501d"), std::nullopt);
  EXPECT_EQ(ParseDuration("3153600001"), std::nullopt);
}

TEST(AgeTest, IsADurationOrZeroInAnyUnit) {
  for (const auto* const zero : {"0", "00", "0ms", "0s", "0m", "0h", "0d"}) {
    EXPECT_EQ(ParseAge(zero), 0) << zero;
    EXPECT_EQ(ParseDuration(zero), std::nullopt) << zero;
  }
  EXPECT_EQ(ParseAge("90"), 90 * kSecond);
  for (const auto* const none : {"", "s", "-0", "0 s", "0.0s", "0x"}) {
    EXPECT_EQ(ParseAge(none), std::nullopt) << none;
  }
}

TEST(DurationTest, DoesNotOverflow) {
  for (const auto* const text : {"18446744073709551615",
                                 "18446744073709551616",
                                 "213504d",
                                 "18446744073710s",
                                 "99999999999999999999999d"}) {
    EXPECT_EQ(ParseDuration(text), std::nullopt) << text;
  }
}

TEST(DurationTest, IsPrintedInTheLargestUnitThatDivides) {
  EXPECT_EQ(FormatDuration(90 * kSecond), "90s");
  EXPECT_EQ(FormatDuration(120 * kSecond), "2m");
  EXPECT_EQ(FormatDuration(24 * kHour), "1d");
  EXPECT_EQ(FormatDuration(1500 * kMillisecond), "1500ms");
}

TEST(DurationTest, ReadsBackWhatItPrints) {
  for (const Nanoseconds length : {kMillisecond,
                                   999 * kMillisecond,
                                   kSecond,
                                   61 * kSecond,
                                   kMinute,
                                   90 * kMinute,
                                   kHour,
                                   25 * kHour,
                                   kDay,
                                   36500 * kDay}) {
    EXPECT_EQ(ParseDuration(FormatDuration(length)), length) << FormatDuration(length);
  }
}

TEST(SizeTest, IsBytesOrANumberWithAUnit) {
  EXPECT_EQ(ParseSize("0"), 0U);
  EXPECT_EQ(ParseSize("1000"), 1000U);
  EXPECT_EQ(ParseSize("4KiB"), 4096U);
  EXPECT_EQ(ParseSize("16MiB"), 16U << 20);
  EXPECT_EQ(ParseSize("2GiB"), 2ULL << 30);
}

TEST(SizeTest, RefusesEverythingElse) {
  for (const auto* const text :
       {"", "KiB", "1KB", "1kib", "1 KiB", "1TiB", "-1", "1.5MiB", "1K", "17179869184GiB"}) {
    EXPECT_EQ(ParseSize(text), std::nullopt) << text;
  }
}

TEST(SizeTest, ReadsBackWhatItPrints) {
  EXPECT_EQ(FormatSize(1024), "1KiB");
  EXPECT_EQ(FormatSize(1025), "1025");
  EXPECT_EQ(FormatSize(3 << 20), "3MiB");
  for (const std::uint64_t bytes : {std::uint64_t{0},
                                    std::uint64_t{1},
                                    std::uint64_t{1023},
                                    std::uint64_t{1} << 40,
                                    std::numeric_limits<std::uint64_t>::max()}) {
    EXPECT_EQ(ParseSize(FormatSize(bytes)), bytes);
  }
}

TEST(UnsignedTest, IsDigitsThatFit64Bits) {
  EXPECT_EQ(ParseUnsigned("0"), 0U);
  EXPECT_EQ(ParseUnsigned("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
  for (const auto* const text : {"", "18446744073709551616", "-1", "+1", " 1", "1 ", "1a", "a"}) {
    EXPECT_EQ(ParseUnsigned(text), std::nullopt) << text;
  }
}

TEST(BoolTest, IsTrueOrFalseInLowerCase) {
  EXPECT_EQ(ParseBool("true"), true);
  EXPECT_EQ(ParseBool("false"), false);
  for (const auto* const text : {"", "1", "0", "yes", "True", "FALSE", "true "}) {
    EXPECT_EQ(ParseBool(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace kv::testing
