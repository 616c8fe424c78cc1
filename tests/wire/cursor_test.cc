// Cursors come back as they were given out, to the request that got them only.
#include "wire/cursor.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace kv::wire::testing {
namespace {

using Scope = std::vector<std::string_view>;

const Scope kScope{"entries", "bucket", "7", "a/b", "#"};
constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::vector<std::string> Positions() {
  std::vector<std::string> positions{
      "", "1", "18446744073709551615", "a/b/c", "\xE6\xB8\xA9", std::string("\0\xFF\x80", 3)};
  for (std::size_t length = 0; length < 9; ++length) {
    positions.emplace_back(length, 'p');
  }
  positions.emplace_back(1024, 'k');
  return positions;
}

TEST(CursorTest, GivesItsPositionBack) {
  for (const auto& position : Positions()) {
    EXPECT_EQ(DecodeCursor(kScope, EncodeCursor(kScope, position)), position);
  }
}

TEST(CursorTest, IsSafeInTopicsAndJson) {
  for (const auto& position : Positions()) {
    const std::string cursor = EncodeCursor(kScope, position);
    EXPECT_FALSE(cursor.empty());
    EXPECT_EQ(cursor.find_first_not_of(kAlphabet), std::string::npos) << cursor;
  }
}

TEST(CursorTest, IsRefusedInAnyOtherScope) {
  const std::string cursor = EncodeCursor(kScope, "5");
  for (std::size_t part = 0; part < kScope.size(); ++part) {
    Scope other = kScope;
    other[part] = "other";
    EXPECT_FALSE(DecodeCursor(other, cursor)) << part;
    other[part] = "";
    EXPECT_FALSE(DecodeCursor(other, cursor)) << part;
  }
  EXPECT_FALSE(DecodeCursor({}, cursor));
  EXPECT_FALSE(DecodeCursor({"entries", "bucket", "7", "a/b"}, cursor));
  EXPECT_FALSE(DecodeCursor({"entries", "bucket", "7", "a/b", "#", ""}, cursor));
}

TEST(CursorTest, TellsWherePartsOfItsScopeEnd) {
  const std::string cursor = EncodeCursor({"ab", "c"}, "5");
  EXPECT_FALSE(DecodeCursor({"a", "bc"}, cursor));
  EXPECT_FALSE(DecodeCursor({"abc"}, cursor));
  EXPECT_FALSE(DecodeCursor({"abc", ""}, cursor));
  EXPECT_FALSE(DecodeCursor({"ab"}, EncodeCursor({"ab", "1"}, "5")));
}

TEST(CursorTest, IsRefusedWhenAnyCharacterWasChanged) {
  for (const std::string position : {"", "1", "12", "123", "a/b/c"}) {
    const std::string cursor = EncodeCursor(kScope, position);
    for (std::size_t at = 0; at < cursor.size(); ++at) {
      for (const char c : kAlphabet) {
        std::string damaged = cursor;
        damaged[at] = c;
        // The last character holds bits that mean nothing: what differs there only is the same.
        if (const auto decoded = DecodeCursor(kScope, damaged); decoded && damaged != cursor) {
          EXPECT_EQ(at, cursor.size() - 1) << damaged;
          EXPECT_EQ(decoded, position);
        }
      }
    }
  }
}

TEST(CursorTest, IsRefusedWhenItWasCutOrMadeLonger) {
  const std::string cursor = EncodeCursor(kScope, "12345");
  for (std::size_t size = 0; size < cursor.size(); ++size) {
    EXPECT_FALSE(DecodeCursor(kScope, cursor.substr(0, size))) << size;
    EXPECT_FALSE(DecodeCursor(kScope, cursor.substr(cursor.size() - size))) << size;
  }
  EXPECT_FALSE(DecodeCursor(kScope, cursor + cursor));
  EXPECT_FALSE(DecodeCursor(kScope, cursor + "AAAA"));
}

TEST(CursorTest, IsRefusedWhenItWasMadeUp) {
  for (const auto* const text : {"",
                                 " ",
                                 "5",
                                 "next",
                                 "AAAAAAAAAAA",
                                 "AAAAAAAAAAAAAAAAAAAA",
                                 "not base64 at all!",
                                 "////////////",
                                 "\xFF\xFE\xFD"}) {
    EXPECT_FALSE(DecodeCursor(kScope, text)) << text;
  }
  EXPECT_FALSE(DecodeCursor(kScope, std::string(100'000, 'A')));
}

}  // namespace
}  // namespace kv::wire::testing
