// What the user properties of a reading request ask for.
#include "wire/read_options.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace kv::wire::testing {
namespace {

using Options = std::vector<UserProperty>;

ReadOptions MustParse(const Options& properties, std::string_view payload = "") {
  auto parsed = ParseReadOptions(properties, payload);
  EXPECT_TRUE(parsed.ok()) << (parsed ? "" : parsed.error().message);
  return parsed ? *parsed : ReadOptions{};
}

std::string Refusal(const Options& properties) {
  const auto parsed = ParseReadOptions(properties, "");
  if (parsed) {
    return "accepted";
  }
  EXPECT_EQ(parsed.error().code, ErrorCode::kBadRequest);
  return parsed.error().message;
}

TEST(ReadOptionsTest, AskForNothingByDefault) {
  const ReadOptions none = MustParse({});
  EXPECT_FALSE(none.filter);
  EXPECT_FALSE(none.revision);
  EXPECT_FALSE(none.from_revision);
  EXPECT_FALSE(none.limit);
  EXPECT_FALSE(none.cursor);
  EXPECT_FALSE(none.meta_only);
  EXPECT_FALSE(none.ignore_deletes);
  EXPECT_FALSE(none.include_deleted);
  EXPECT_FALSE(none.packed);
}

TEST(ReadOptionsTest, ReadEveryProperty) {
  const ReadOptions all = MustParse({{"kv-filter", "a/+/#"},
                                     {"kv-revision", "7"},
                                     {"kv-from-revision", "0"},
                                     {"kv-limit", "500"},
                                     {"kv-cursor", "xyz"},
                                     {"kv-meta-only", "true"},
                                     {"kv-ignore-deletes", "true"},
                                     {"kv-include-deleted", "true"},
                                     {"kv-packed", "true"}});
  EXPECT_EQ(all.filter, "a/+/#");
  EXPECT_EQ(all.revision, 7U);
  EXPECT_EQ(all.from_revision, 0U);
  EXPECT_EQ(all.limit, 500U);
  EXPECT_EQ(all.cursor, "xyz");
  EXPECT_TRUE(all.meta_only);
  EXPECT_TRUE(all.ignore_deletes);
  EXPECT_TRUE(all.include_deleted);
  EXPECT_TRUE(all.packed);
}

TEST(ReadOptionsTest, TakeFlagsThatAreOff) {
  const ReadOptions off = MustParse({{"kv-meta-only", "false"}, {"kv-ignore-deletes", "false"}});
  EXPECT_FALSE(off.meta_only);
  EXPECT_FALSE(off.ignore_deletes);
}

TEST(ReadOptionsTest, PassOverPropertiesThatNoReadKnows) {
  const ReadOptions parsed = MustParse(
      {{"kv-op", "bad"}, {"kv-ttl", ""}, {"kv-", ""}, {"kv-Limit", "9"}, {"kv-other", "x"}});
  EXPECT_FALSE(parsed.limit);
}

TEST(ReadOptionsTest, RefuseAPropertyThatIsGivenTwice) {
  const Options given{{"kv-filter", "#"},
                      {"kv-revision", "1"},
                      {"kv-from-revision", "1"},
                      {"kv-limit", "1"},
                      {"kv-cursor", "x"},
                      {"kv-meta-only", "true"},
                      {"kv-ignore-deletes", "true"},
                      {"kv-include-deleted", "true"},
                      {"kv-packed", "true"}};
  for (const auto& property : given) {
    EXPECT_EQ(Refusal({property, property}), property.name + ": given twice");
  }
}

TEST(ReadOptionsTest, RefuseBadValuesAndSayWhatIsAccepted) {
  const std::vector<std::pair<Options, std::string>> cases{
      {{{"kv-filter", ""}, {"kv-filter", "a//b"}, {"kv-filter", "#/a"}, {"kv-filter", "a+"}},
       "kv-filter: accepted is a key in which levels may be + and the last may be #"},
      {{{"kv-revision", ""}, {"kv-revision", "-1"}, {"kv-revision", "x"}},
       "kv-revision: accepted is a revision: digits"},
      {{{"kv-from-revision", ""}, {"kv-from-revision", "18446744073709551616"}},
       "kv-from-revision: accepted is a revision: digits"},
      {{{"kv-limit", ""}, {"kv-limit", "0"}, {"kv-limit", "501"}, {"kv-limit", "ten"}},
       "kv-limit: accepted is a whole number from 1 to 500"},
      {{{"kv-cursor", ""}}, "kv-cursor: accepted is the kv-cursor of an earlier reply"},
      {{{"kv-meta-only", "yes"}, {"kv-meta-only", ""}}, "kv-meta-only: accepted is true or false"},
      {{{"kv-ignore-deletes", "1"}}, "kv-ignore-deletes: accepted is true or false"},
      {{{"kv-include-deleted", "TRUE"}}, "kv-include-deleted: accepted is true or false"},
      {{{"kv-packed", "1"}, {"kv-packed", ""}}, "kv-packed: accepted is true or false"},
  };
  for (const auto& [bad, message] : cases) {
    for (const auto& property : bad) {
      EXPECT_EQ(Refusal({property}), message) << "'" << property.value << "'";
    }
  }
}

TEST(ReadOptionsTest, TakeLimitsFrom1To500) {
  EXPECT_EQ(MustParse({{"kv-limit", "1"}}).limit, 1U);
  EXPECT_EQ(MustParse({{"kv-limit", "500"}}).limit, 500U);
}

TEST(ReadOptionsTest, OfPropertiesWinOverThePayload) {
  const ReadOptions parsed = MustParse({{"kv-limit", "7"}, {"kv-meta-only", "false"}},
                                       R"({"limit": 5, "meta_only": true, "from_revision": 3})");
  EXPECT_EQ(parsed.limit, 7U);
  EXPECT_FALSE(parsed.meta_only);
  EXPECT_EQ(parsed.from_revision, 3U);
}

}  // namespace
}  // namespace kv::wire::testing
