// What the JSON payload of a reading request asks for, when its client has no user properties.
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "wire/read_options.h"

namespace kv::wire::testing {
namespace {

ReadOptions MustParse(std::string_view payload) {
  auto parsed = ParseReadOptions({}, payload);
  EXPECT_TRUE(parsed.ok()) << (parsed ? "" : parsed.error().message);
  return parsed ? *parsed : ReadOptions{};
}

std::string Refusal(std::string_view payload) {
  const auto parsed = ParseReadOptions({}, payload);
  if (parsed) {
    return "accepted";
  }
  EXPECT_EQ(parsed.error().code, ErrorCode::kBadRequest);
  return parsed.error().message;
}

TEST(ReadOptionsJsonTest, HasTheNamesWithoutPrefixAndWithUnderscores) {
  const ReadOptions all = MustParse(R"({"filter": "a/#", "revision": 7, "from_revision": 2,
      "limit": 50, "cursor": "xyz", "meta_only": true, "ignore_deletes": true,
      "include_deleted": true, "packed": true})");
  EXPECT_EQ(all.filter, "a/#");
  EXPECT_EQ(all.revision, 7U);
  EXPECT_EQ(all.from_revision, 2U);
  EXPECT_EQ(all.limit, 50U);
  EXPECT_EQ(all.cursor, "xyz");
  EXPECT_TRUE(all.meta_only);
  EXPECT_TRUE(all.ignore_deletes);
  EXPECT_TRUE(all.include_deleted);
  EXPECT_TRUE(all.packed);
}

TEST(ReadOptionsJsonTest, TakesNumbersAndFlagsThatAreWrittenAsTexts) {
  const ReadOptions parsed = MustParse(R"({"limit": "50", "meta_only": "true"})");
  EXPECT_EQ(parsed.limit, 50U);
  EXPECT_TRUE(parsed.meta_only);
}

TEST(ReadOptionsJsonTest, OfAnEmptyObjectAsksForNothing) {
  EXPECT_FALSE(MustParse(" {} ").limit);
}

TEST(ReadOptionsJsonTest, RefusesAMemberThatNoReadKnows) {
  const std::string message =
      "the payload has an unknown option: accepted are filter, revision, from_revision, limit, "
      "cursor, older_than, meta_only, ignore_deletes, include_deleted, packed";
  for (const auto* const payload : {R"({"limits": 5})",
                                    R"({"kv_limit": 5})",
                                    R"({"kv-limit": 5})",
                                    R"({"Limit": 5})",
                                    R"({"": 5})",
                                    R"({"limit": 5, "op": "put"})"}) {
    EXPECT_EQ(Refusal(payload), message) << payload;
  }
}

TEST(ReadOptionsJsonTest, RefusesAnotherTypeThanTheOptions) {
  for (const auto* const value : {"null",
                                  "-1",
                                  "1.5",
                                  "1e2",
                                  "[]",
                                  "[5]",
                                  "{}",
                                  "true",
                                  "0",
                                  "501",
                                  "99999999999999999999"}) {
    EXPECT_EQ(Refusal(std::string(R"({"limit": )") + value + "}"),
              "kv-limit: accepted is a whole number from 1 to 500")
        << value;
  }
  for (const auto* const value : {"null", "1", "0", "\"yes\"", "[true]"}) {
    EXPECT_EQ(Refusal(std::string(R"({"meta_only": )") + value + "}"),
              "kv-meta-only: accepted is true or false")
        << value;
  }
  for (const auto* const value : {"null", "\"\"", "\"a//b\"", "[\"a\"]", "-1"}) {
    EXPECT_EQ(Refusal(std::string(R"({"filter": )") + value + "}"),
              "kv-filter: accepted is a key in which levels may be + and the last may be #")
        << value;
  }
  EXPECT_EQ(Refusal(R"({"cursor": null})"),
            "kv-cursor: accepted is the kv-cursor of an earlier reply");
}

TEST(ReadOptionsJsonTest, RefusesWhatIsNoJsonObject) {
  for (const auto* const payload : {" ",
                                    "x",
                                    "50",
                                    "null",
                                    "[]",
                                    "\"limit\"",
                                    "{",
                                    "{\"limit\"",
                                    "{\"limit\":",
                                    "{\"limit\": 5",
                                    "{\"limit\": 5,}",
                                    "{limit: 5}",
                                    "{\"limit\": 5} x",
                                    "{\"filter\": \"\xFF\"}",
                                    "\xEF\xBB\xBF"}) {
    EXPECT_EQ(Refusal(payload), "the payload is not a JSON object of options") << payload;
  }
}

TEST(ReadOptionsJsonTest, SurvivesAnyDepth) {
  for (const std::string open : {"[", R"({"filter":)"}) {
    std::string deep;
    while (deep.size() + open.size() <= kMaxOptionsBytes) {
      deep += open;
    }
    EXPECT_EQ(Refusal(deep), "the payload is not a JSON object of options");
  }
  const std::string half(7000, '[');
  EXPECT_EQ(Refusal(R"({"filter": )" + half + std::string(half.size(), ']') + "}"),
            "kv-filter: accepted is a key in which levels may be + and the last may be #");
}

TEST(ReadOptionsJsonTest, RefusesMoreThanOptionsNeedUnread) {
  const std::string blank(kMaxOptionsBytes - 2, ' ');
  EXPECT_EQ(Refusal("{" + blank + "}"), "accepted");
  EXPECT_EQ(Refusal("{ " + blank + "}"),
            "the payload is too long: accepted is a JSON object of options of at most 16384 bytes");
}

TEST(ReadOptionsJsonTest, HasRoomForTheLongestFilterAndCursor) {
  std::string filter;  // every character escaped: as long as a filter can be written
  for (std::size_t i = 0; i < 1024; ++i) {
    filter += "\\u0061";
  }
  const std::string cursor(1400, 'c');  // of the longest key
  EXPECT_EQ(MustParse(R"({"filter": ")" + filter + R"(", "cursor": ")" + cursor + "\"}").filter,
            std::string(1024, 'a'));
}

}  // namespace
}  // namespace kv::wire::testing
