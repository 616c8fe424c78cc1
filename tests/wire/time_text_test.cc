// Points in time as RFC 3339 texts.
#include "wire/time_text.h"

#include <array>
#include <ctime>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace kv::wire::testing {
namespace {

TEST(TimeTextTest, SpellsKnownPoints) {
  const std::vector<std::pair<TimePoint, std::string>> cases{
      {0, "1970-01-01T00:00:00.000000000Z"},
      {1, "1970-01-01T00:00:00.000000001Z"},
      {999'999'999, "1970-01-01T00:00:00.999999999Z"},
      {86'399'999'999'999, "1970-01-01T23:59:59.999999999Z"},
      {86'400 * kSecond, "1970-01-02T00:00:00.000000000Z"},
      {1'000'000'000 * kSecond + 120, "2001-09-09T01:46:40.000000120Z"},
      {1'795'378'803'123'456'789, "2026-11-22T20:20:03.123456789Z"},
  };
  for (const auto& [time, text] : cases) {
    EXPECT_EQ(FormatTime(time), text);
  }
}

TEST(TimeTextTest, ReadsWhatItSpells) {
  std::mt19937_64 random(7);
  std::vector<TimePoint> times{0, 1, -1, -kSecond, 1'795'378'803'123'456'789};
  for (int i = 0; i < 1000; ++i) {
    times.push_back(static_cast<TimePoint>(random() >> 1) - (std::int64_t{1} << 62));
  }
  for (const TimePoint time : times) {
    EXPECT_EQ(ParseTime(FormatTime(time)), time) << FormatTime(time);
  }
}

TEST(TimeTextTest, ReadsNothingElse) {
  for (const char* text : {"",
                           "2026-11-22T20:20:03Z",
                           "2026-11-22 20:20:03.123456789Z",
                           "2026-11-22T20:20:03.123456789z",
                           "2026-02-30T20:20:03.123456789Z",
                           "2026-11-22T24:00:00.000000000Z",
                           "2026-11-22T20:20:60.000000000Z",
                           "2026-11-22T20:20:03.12345678 Z",
                           "2026-11-22T20:20:-3.123456789Z",
                           "1600-01-01T00:00:00.000000000Z",
                           "9999-01-01T00:00:00.000000000Z",
                           "2026-11-22T20:20:03.123456789ZZ"}) {
    EXPECT_EQ(ParseTime(text), std::nullopt) << text;
  }
}

TEST(TimeTextTest, SpellsPointsBefore1970) {
  EXPECT_EQ(FormatTime(-1), "1969-12-31T23:59:59.999999999Z");
  EXPECT_EQ(FormatTime(-kSecond), "1969-12-31T23:59:59.000000000Z");
  EXPECT_EQ(FormatTime(-86'400 * kSecond), "1969-12-31T00:00:00.000000000Z");
  EXPECT_EQ(FormatTime(-86'400 * kSecond - 1), "1969-12-30T23:59:59.999999999Z");
}

TEST(TimeTextTest, KnowsLeapDays) {
  constexpr TimePoint day = 86'400 * kSecond;
  constexpr TimePoint feb_28_of_2024 = 1'709'078'400 * kSecond;
  EXPECT_EQ(FormatTime(feb_28_of_2024), "2024-02-28T00:00:00.000000000Z");
  EXPECT_EQ(FormatTime(feb_28_of_2024 + day), "2024-02-29T00:00:00.000000000Z");
  EXPECT_EQ(FormatTime(feb_28_of_2024 + 2 * day), "2024-03-01T00:00:00.000000000Z");
  EXPECT_EQ(FormatTime(951'782'400 * kSecond), "2000-02-29T00:00:00.000000000Z");
  EXPECT_EQ(FormatTime(4'107'542'400 * kSecond), "2100-03-01T00:00:00.000000000Z");  // no leap year
}

TEST(TimeTextTest, SpellsTheFirstAndTheLastPoint) {
  EXPECT_EQ(FormatTime(std::numeric_limits<TimePoint>::max()), "2262-04-11T23:47:16.854775807Z");
  EXPECT_EQ(FormatTime(std::numeric_limits<TimePoint>::min()), "1677-09-21T00:12:43.145224192Z");
}

TEST(TimeTextTest, AgreesWithTheSystemsCalendarAndSortsAsTime) {
  std::mt19937_64 random(7);  // NOLINT(cert-msc51-cpp): every run tries the same
  std::uniform_int_distribution<TimePoint> any(0, std::numeric_limits<TimePoint>::max());
  for (int i = 0; i < 20'000; ++i) {
    const TimePoint time = any(random);
    const std::time_t seconds = time / kSecond;
    std::tm parts{};
    ASSERT_NE(gmtime_r(&seconds, &parts), nullptr);
    std::array<char, 32> whole{};
    ASSERT_GT(std::strftime(whole.data(), whole.size(), "%Y-%m-%dT%H:%M:%S", &parts), 0U);
    const std::string text = FormatTime(time);
    ASSERT_EQ(text.substr(0, 19), whole.data());
    ASSERT_EQ(std::stoll(text.substr(20, 9)), time % kSecond);
    const TimePoint other = any(random);
    ASSERT_EQ(text < FormatTime(other), time < other);
  }
}

}  // namespace
}  // namespace kv::wire::testing
