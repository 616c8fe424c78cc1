// What a reply carries, in either spelling. The exact texts: reply_golden_test.cc.
#include "wire/reply.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "wire/names.h"

namespace kv::wire::testing {
namespace {

using nlohmann::json;

Entry EntryOf(std::string value) {
  return {.key = "k", .revision = 5, .value = std::move(value)};
}

json JsonOfEntry(const Entry& entry) {
  return json::parse(JsonOf({EntryReply(kStatusOk, entry, /*meta_only=*/false)}));
}

// The values of the properties of that name, in order.
std::vector<std::string> ValuesOf(const Reply& reply, std::string_view name) {
  std::vector<std::string> values;
  for (const auto& property : UserPropertiesOf(reply)) {
    if (property.name == name) {
      values.push_back(property.value);
    }
  }
  return values;
}

TEST(ReplyTest, HasTheWritersPropertiesInFrontInTheirOrder) {
  Entry entry = EntryOf("v");
  entry.properties.user = {{"b", "1"}, {"a", "2"}, {"b", "3"}};
  const auto properties = UserPropertiesOf(EntryReply(kStatusEntry, entry, false));
  ASSERT_GE(properties.size(), 4U);
  EXPECT_EQ(properties[0], (UserProperty{"b", "1"}));
  EXPECT_EQ(properties[1], (UserProperty{"a", "2"}));
  EXPECT_EQ(properties[2], (UserProperty{"b", "3"}));
  EXPECT_EQ(properties[3], (UserProperty{"kv-status", "entry"}));
}

TEST(ReplyTest, IsSpelledTheSameWhateverWasSpelledBefore) {
  Entry entry = EntryOf("v");
  entry.properties.user = {{"b", "1"}, {"a", "2"}};
  const std::vector<Reply> replies{EntryReply(kStatusEntry, entry, false),
                                   OkReply(),
                                   WriteReply(7, 0, true),
                                   ErrorReply(Error(ErrorCode::kUnavailable))};
  std::vector<UserProperty> used;
  for (const Reply& before : replies) {
    for (const Reply& reply : replies) {
      SpellUserProperties(before, used);
      SpellUserProperties(reply, used);
      EXPECT_EQ(used, UserPropertiesOf(reply));
    }
  }
}

TEST(ReplyTest, HasTheWritersContentTypeAndFormat) {
  Entry entry = EntryOf("v");
  entry.properties.content_type = "text/plain";
  entry.properties.payload_format = 1;
  const Reply reply = EntryReply(kStatusOk, entry, false);
  EXPECT_EQ(reply.own.content_type, "text/plain");
  EXPECT_EQ(reply.own.payload_format, 1);
}

TEST(ReplyTest, OfAnEntryHasItsValueUnlessOnlyTheRestIsWanted) {
  EXPECT_EQ(EntryReply(kStatusOk, EntryOf("v"), false).payload, "v");
  const Reply meta = EntryReply(kStatusOk, EntryOf("v"), /*meta_only=*/true);
  EXPECT_EQ(meta.payload, "");
  EXPECT_EQ(ValuesOf(meta, "kv-revision"), std::vector<std::string>{"5"});
  EXPECT_FALSE(json::parse(JsonOf({meta})).contains("value"));
}

TEST(ReplyTest, OfAMarkerHasNoValueAndSaysWhatItIs) {
  Entry marker = EntryOf("");
  marker.operation = Operation::kPurge;
  marker.reason = Reason::kExpired;
  const Reply reply = EntryReply(kStatusEntry, marker, false);
  EXPECT_EQ(ValuesOf(reply, "kv-op"), std::vector<std::string>{"PURGE"});
  EXPECT_EQ(ValuesOf(reply, "kv-reason"), std::vector<std::string>{"expired"});
  EXPECT_FALSE(JsonOfEntry(marker).contains("value"));
}

TEST(ReplyTest, OfAWriteThatDidNothingHasNoRevision) {
  const Reply reply = WriteReply(0, 99, /*duplicate=*/false);
  EXPECT_EQ(ValuesOf(reply, "kv-status"), std::vector<std::string>{"ok"});
  EXPECT_TRUE(ValuesOf(reply, "kv-revision").empty());
  EXPECT_TRUE(ValuesOf(reply, "kv-time").empty());
}

TEST(ReplyTest, OfAnErrorHasTheActualRevisionOnlyIfThereIsOne) {
  EXPECT_TRUE(ValuesOf(ErrorReply(Error(ErrorCode::kKeyNotFound)), "kv-revision").empty());
  const Reply wrong = ErrorReply(Error(ErrorCode::kWrongLastRevision, "no", 0));
  EXPECT_EQ(ValuesOf(wrong, "kv-revision"), std::vector<std::string>{"0"});
}

TEST(ReplyTest, OfEveryErrorHasItsTokenAndASentence) {
  for (const auto& info : kErrorTable) {
    const Reply reply = ErrorReply(Error(info.code));
    EXPECT_EQ(ValuesOf(reply, "kv-status"), std::vector<std::string>{std::string(info.token)});
    EXPECT_EQ(ValuesOf(reply, "kv-error"), std::vector<std::string>{std::string(info.sentence)});
    const json text = json::parse(JsonOf({reply}));
    EXPECT_EQ(text.at("status"), std::string(info.token));
    EXPECT_EQ(text.at("error"), std::string(info.sentence));
  }
}

TEST(ReplyJsonTest, HasTextsAsTheyAreAndOtherBytesInBase64) {
  for (const std::string text : {"", "on", "\"quoted\"\n", "\xE6\xB8\xA9", "\x01"}) {
    const json object = JsonOfEntry(EntryOf(text));
    EXPECT_EQ(object.at("value"), text);
    EXPECT_FALSE(object.contains("value_base64"));
  }
  EXPECT_EQ(JsonOfEntry(EntryOf(std::string("a\0b", 3))).at("value"), std::string("a\0b", 3));
}

TEST(ReplyJsonTest, HasBytesThatAreNoTextInBase64) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"\xFF", "/w=="},
      {std::string("\xFF\0", 2), "/wA="},
      {"on\x80", "b26A"},
      {"\xED\xA0\x80", "7aCA"},  // a surrogate
      {"\xC0\x80", "wIA="},      // overlong
  };
  for (const auto& [bytes, base64] : cases) {
    const json object = JsonOfEntry(EntryOf(bytes));
    EXPECT_EQ(object.at("value_base64"), base64);
    EXPECT_FALSE(object.contains("value"));
  }
}

TEST(ReplyJsonTest, HasNumbersAsNumbersToTheLastDigit) {
  Entry entry = EntryOf("v");
  entry.revision = 18446744073709551615ULL;
  EXPECT_TRUE(JsonOfEntry(entry).at("revision").is_number_unsigned());
  EXPECT_EQ(JsonOfEntry(entry).at("revision").get<Revision>(), entry.revision);
  entry.value = "17";
  EXPECT_TRUE(JsonOfEntry(entry).at("value").is_string());
}

TEST(ReplyJsonTest, HasFlagsAsFlags) {
  const json object = json::parse(JsonOf({WriteReply(3, 0, /*duplicate=*/true)}));
  EXPECT_EQ(object.at("duplicate"), true);
}

TEST(ReplyJsonTest, HasTheWritersPropertiesAsPairsSinceNamesMayRepeat) {
  Entry entry = EntryOf("v");
  entry.properties.user = {{"b", "1"}, {"a", "2"}, {"b", "3"}};
  EXPECT_EQ(JsonOfEntry(entry).at("properties"), json::parse(R"([["b","1"],["a","2"],["b","3"]])"));
}

TEST(ReplyJsonTest, HasADocumentUnderItsNameAndAsJson) {
  for (const std::string name : {"keys", "info", "buckets"}) {
    const json object = json::parse(JsonOf({DocumentReply(name, R"({"deep":[1,"x"]})")}));
    EXPECT_EQ(object.at(name), json::parse(R"({"deep":[1,"x"]})"));
    EXPECT_FALSE(object.contains("value"));
    EXPECT_FALSE(object.contains("content_type"));
  }
}

TEST(ReplyJsonTest, HasSeveralEntriesBelowEntriesEvenIfThereAreNone) {
  Reply end;
  end.status = kStatusEnd;
  AddNumber(end, kCount, 0);
  EXPECT_EQ(json::parse(JsonOf({end})).at("entries"), json::array());
  const std::vector<Reply> replies{EntryReply(kStatusEntry, EntryOf("one"), false),
                                   EntryReply(kStatusEntry, EntryOf("two"), false),
                                   end};
  const json object = json::parse(JsonOf(replies));
  ASSERT_EQ(object.at("entries").size(), 2U);
  EXPECT_EQ(object.at("entries")[0].at("value"), "one");
  EXPECT_EQ(object.at("entries")[1].at("value"), "two");
  EXPECT_EQ(object.at("status"), "end");
}

TEST(ReplyJsonTest, IsValidWhateverBytesAnErrorQuotes) {
  const Error error(ErrorCode::kBadRequest, "cut \xE6\xB8");
  EXPECT_TRUE(json::accept(JsonOf({ErrorReply(error)})));
}

TEST(ReplyTest, OfAnErrorQuotesNothingThatAPropertyMustNotHold) {
  const Error error(ErrorCode::kBadRequest, "unknown field a\x07\xEF\xBF\xBE");
  EXPECT_EQ(UserPropertiesOf(ErrorReply(error)).back().value, "unknown field a??");
}

}  // namespace
}  // namespace kv::wire::testing
