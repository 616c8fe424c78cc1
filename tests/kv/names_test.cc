// Names are parsed: what is a bucket, a key, a filter and what is not.
#include "kv/names.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace kv::testing {
namespace {

bool IsBucket(std::string_view text) {
  return BucketName::Parse(text).ok();
}
bool IsKey(std::string_view text) {
  return Key::Parse(text).ok();
}
bool IsFilter(std::string_view text) {
  return KeyFilter::Parse(text).ok();
}

bool Matches(std::string_view filter, std::string_view key) {
  auto parsed = KeyFilter::Parse(filter);
  EXPECT_TRUE(parsed.ok()) << filter;
  return parsed.ok() && parsed->Matches(key);
}

TEST(BucketNameTest, TakesLettersDigitsUnderscoreAndHyphen) {
  for (const auto* const name : {"a", "Z", "0", "_", "-", "Sensor_data-2024"}) {
    EXPECT_TRUE(IsBucket(name)) << name;
  }
  for (const auto* const name : {"", "a b", "a/b", "a.b", "a+", "#", "$KV", "b\xC3\xBC", "a\n"}) {
    EXPECT_FALSE(IsBucket(name)) << name;
  }
  EXPECT_FALSE(IsBucket(std::string_view("a\0b", 3)));
}

TEST(BucketNameTest, HasAtMost64Bytes) {
  EXPECT_TRUE(IsBucket(std::string(64, 'x')));
  EXPECT_FALSE(IsBucket(std::string(65, 'x')));
}

TEST(BucketNameTest, KeepsTheTextAndNamesTheError) {
  EXPECT_EQ(BucketName::Parse("plain")->text(), "plain");
  EXPECT_EQ(BucketName::Parse("no/no").error().code, ErrorCode::kInvalidBucket);
}

TEST(KeyTest, IsOneOrMoreNonEmptyLevels) {
  for (const auto* const key : {"a", "a/b", "a/b/c", " ", "a b/ c", "$SYS", "a!", "\xE6\xB8\xA9"}) {
    EXPECT_TRUE(IsKey(key)) << key;
  }
  for (const auto* const key : {"", "/", "/a", "a/", "a//b", "//"}) {
    EXPECT_FALSE(IsKey(key)) << key;
  }
}

// libmosquitto drops its connection at these.
TEST(KeyTest, HoldsNothingThatIsNoCharacter) {
  for (const auto* const key : {"bad\xEF\xBF\xBE",
                                "\xEF\xBF\xBF",
                                "\xEF\xB7\x90",
                                "a/\xEF\xB7\xAF",
                                "\xF0\x9F\xBF\xBE",
                                "\xF4\x8F\xBF\xBF"}) {
    EXPECT_FALSE(IsKey(key)) << ::testing::PrintToString(key);
    EXPECT_FALSE(IsFilter(key)) << ::testing::PrintToString(key);
    EXPECT_TRUE(IsUtf8(key));
  }
  for (const auto* const key :
       {"\xEF\xBF\xBD", "\xEF\xB7\x8F", "\xEF\xB7\xB0", "\xF0\x9F\xBF\xBD"}) {
    EXPECT_TRUE(IsKey(key)) << ::testing::PrintToString(key);
  }
}

TEST(KeyTest, HasAtMost190Levels) {
  std::string key = "x";
  for (int level = 2; level <= 190; ++level) {
    key += "/x";
  }
  EXPECT_TRUE(IsKey(key));
  EXPECT_TRUE(IsFilter(key));
  EXPECT_FALSE(IsKey(key + "/x"));
  EXPECT_FALSE(IsFilter(key + "/x"));
}

TEST(Utf8Test, IsCleanedCharacterByCharacter) {
  EXPECT_EQ(CleanedUtf8("a\xC3\xA4\xE2\x82\xAC"), "a\xC3\xA4\xE2\x82\xAC");
  EXPECT_EQ(CleanedUtf8("bell\x07 \xEF\xBF\xBE."), "bell? ?.");
  EXPECT_EQ(CleanedUtf8("\xFF\xE2\x82"), "???");
  EXPECT_EQ(CleanedUtf8(std::string_view("a\0b", 3)), "a?b");
}

TEST(KeyTest, HoldsNoWildcardAnywhere) {
  for (const auto* const key : {"+", "#", "a/+", "a/#", "a+b", "c#", "a/b+/c"}) {
    EXPECT_FALSE(IsKey(key)) << key;
  }
}

TEST(KeyTest, HoldsNoControlCharacter) {
  EXPECT_FALSE(IsKey(std::string_view("a\0b", 3)));
  for (const auto* const key : {"a\tb", "a\nb", "\x1F", "\x7F", "a\xC2\x80", "a\xC2\x9F"}) {
    EXPECT_FALSE(IsKey(key)) << key;
  }
  EXPECT_TRUE(IsKey("\xC2\xA0"));  // U+00A0, the first beyond the second block of controls
  EXPECT_TRUE(IsKey("\x20"));
  EXPECT_TRUE(IsKey("\x7E"));
}

TEST(KeyTest, HasAtMost1024Bytes) {
  EXPECT_TRUE(IsKey(std::string(1024, 'k')));
  EXPECT_FALSE(IsKey(std::string(1025, 'k')));
  EXPECT_EQ(Key::Parse(std::string(1025, 'k')).error().code, ErrorCode::kInvalidKey);
}

TEST(Utf8Test, TakesTheShortestFormOfEveryLength) {
  for (const auto* const text : {"",
                                 "\x01",
                                 "\x7F",
                                 "\xC2\x80",
                                 "\xDF\xBF",
                                 "\xE0\xA0\x80",
                                 "\xED\x9F\xBF",
                                 "\xEE\x80\x80",
                                 "\xEF\xBF\xBF",
                                 "\xF0\x90\x80\x80",
                                 "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(IsUtf8(text)) << ::testing::PrintToString(text);
  }
}

TEST(Utf8Test, RefusesOverlongFormsSurrogatesAndWhatIsBeyondUnicode) {
  for (const auto* const text : {"\xC0\x80",
                                 "\xC1\xBF",
                                 "\xE0\x9F\xBF",
                                 "\xF0\x8F\xBF\xBF",
                                 "\xED\xA0\x80",
                                 "\xED\xBF\xBF",
                                 "\xF4\x90\x80\x80",
                                 "\xF8\x88\x80\x80\x80",
                                 "\xFF",
                                 "\xFE"}) {
    EXPECT_FALSE(IsUtf8(text)) << ::testing::PrintToString(text);
    EXPECT_FALSE(IsKey(text)) << ::testing::PrintToString(text);
  }
}

TEST(Utf8Test, RefusesSequencesThatAreCutOrHaveNoStart) {
  for (const auto* const text : {"\x80",
                                 "\xBF",
                                 "a\x80",
                                 "\xC2",
                                 "\xC2"
                                 "a",
                                 "\xE2\x82",
                                 "\xE2"
                                 "a\x80",
                                 "\xF0\x90\x80"}) {
    EXPECT_FALSE(IsUtf8(text)) << ::testing::PrintToString(text);
  }
}

TEST(Utf8Test, CleanMeansWithoutControlCharacters) {
  EXPECT_TRUE(IsCleanUtf8("plain \xE2\x82\xAC"));
  EXPECT_FALSE(IsCleanUtf8("tab\there"));
  EXPECT_TRUE(IsUtf8("tab\there"));
}

TEST(KeyFilterTest, IsAKeyWhoseLevelsMayBeWildcards) {
  for (const auto* const filter : {"a", "a/b", "+", "#", "+/+", "a/+/c", "a/#", "+/#"}) {
    EXPECT_TRUE(IsFilter(filter)) << filter;
  }
  for (const auto* const filter :
       {"", "/", "a/", "#/a", "a/#/b", "a+", "a/b#", "++", "##", "a//b", "a\n", "\xFF"}) {
    EXPECT_FALSE(IsFilter(filter)) << filter;
  }
  EXPECT_EQ(KeyFilter::Parse("a+").error().code, ErrorCode::kBadRequest);
  EXPECT_FALSE(IsFilter(std::string(1025, 'f')));
}

TEST(KeyFilterTest, WithoutWildcardMatchesThatKeyAlone) {
  EXPECT_TRUE(Matches("a/b", "a/b"));
  for (const auto* const key : {"a", "a/b/c", "a/c", "b/b", "a/bb"}) {
    EXPECT_FALSE(Matches("a/b", key)) << key;
  }
}

TEST(KeyFilterTest, PlusMatchesExactlyOneLevel) {
  EXPECT_TRUE(Matches("+", "a"));
  EXPECT_FALSE(Matches("+", "a/b"));
  EXPECT_TRUE(Matches("a/+/c", "a/b/c"));
  EXPECT_FALSE(Matches("a/+/c", "a/c"));
  EXPECT_FALSE(Matches("a/+/c", "a/b/b/c"));
  EXPECT_FALSE(Matches("a/+", "a"));
}

TEST(KeyFilterTest, HashMatchesTheLevelAboveAndAllBelow) {
  EXPECT_TRUE(Matches("#", "a"));
  EXPECT_TRUE(Matches("#", "a/b/c"));
  EXPECT_TRUE(Matches("a/#", "a"));
  EXPECT_TRUE(Matches("a/#", "a/b/c"));
  EXPECT_FALSE(Matches("a/#", "ab"));
  EXPECT_FALSE(Matches("a/#", "b/a"));
  EXPECT_FALSE(Matches("a/b/#", "a"));
  EXPECT_TRUE(Matches("+/#", "a"));
  EXPECT_TRUE(Matches("+/b/#", "x/b"));
  EXPECT_FALSE(Matches("+/b/#", "x/c"));
}

TEST(PrefixTest, CoversItselfAndWhatIsBelow) {
  EXPECT_TRUE(IsUnderPrefix("a", "a"));
  EXPECT_TRUE(IsUnderPrefix("a/x", "a"));
  EXPECT_TRUE(IsUnderPrefix("a/x/y", "a/x"));
  EXPECT_FALSE(IsUnderPrefix("a!", "a"));
  EXPECT_FALSE(IsUnderPrefix("ab", "a"));
  EXPECT_FALSE(IsUnderPrefix("a", "a/x"));
  EXPECT_FALSE(IsUnderPrefix("b", "a"));
  EXPECT_TRUE(IsUnderPrefix("anything", ""));
}

}  // namespace
}  // namespace kv::testing
