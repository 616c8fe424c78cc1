// What the plugin sends is read as it was meant.
#include "wire/received.h"

#include <string>

#include <gtest/gtest.h>

#include "wire/change_properties.h"
#include "wire/names.h"
#include "wire/reply.h"

namespace kv::wire::testing {
namespace {

Properties PropertiesOf(const Reply& reply) {
  Properties all = reply.own;
  all.user = UserPropertiesOf(reply);
  return all;
}

Entry Full() {
  return {.key = "a/b",
          .revision = 7,
          .operation = Operation::kPut,
          .time = 1'795'378'803'123'456'789,
          .author = Author{"phone", "ann"},
          .properties = {1, "text/plain", {{"n", "v"}, {"n", "w"}}},
          .value = "on"};
}

TEST(ReceivedTest, EntryOfAReplyIsReadWhole) {
  const Reply reply = EntryReply(kStatusEntry, Full(), /*meta_only=*/false);
  const auto entry = ReadEntry(PropertiesOf(reply), reply.payload);
  ASSERT_TRUE(entry.ok()) << entry.error().message;
  EXPECT_EQ(*entry, Full());
}

TEST(ReceivedTest, MarkersAreReadWithTheirReason) {
  for (const auto operation : {Operation::kDelete, Operation::kPurge}) {
    for (const auto reason :
         {Reason::kNone, Reason::kExpired, Reason::kBucketDeleted, Reason::kDisconnected}) {
      const Entry marker{
          .key = "k", .revision = 1, .operation = operation, .reason = reason, .time = 5};
      const Reply reply = EntryReply(kStatusOk, marker, /*meta_only=*/false);
      const auto entry = ReadEntry(PropertiesOf(reply), reply.payload);
      ASSERT_TRUE(entry.ok()) << entry.error().message;
      EXPECT_EQ(*entry, marker);
    }
  }
}

TEST(ReceivedTest, ChangeHasItsKeyInTheTopic) {
  Properties all;
  all.user = ChangeProperties().Of({Operation::kPut, 9, 5});
  const auto entry = ReadEntry(all, "v");
  ASSERT_TRUE(entry.ok()) << entry.error().message;
  EXPECT_EQ(entry->key, "");
  EXPECT_EQ(entry->revision, 9U);
  EXPECT_EQ(entry->value, "v");
}

TEST(ReceivedTest, EntryWithoutItsPropertiesIsNone) {
  const auto error_without = [](std::string_view name, const std::string& value) {
    Properties all;
    all.user = ChangeProperties().Of({Operation::kPut, 9, 5});
    for (auto& property : all.user) {
      if (property.name == name) {
        property.value = value;
      }
    }
    const auto entry = ReadEntry(all, "v");
    return entry ? "none" : std::string(entry.error().token()) + " " + entry.error().message;
  };
  EXPECT_EQ(error_without(kOp, "UPSERT"),
            "bad-reply the property kv-op is missing or not of its form");
  EXPECT_EQ(error_without(kRevision, "-1"),
            "bad-reply the property kv-revision is missing or not of its form");
  EXPECT_EQ(error_without(kTime, "now"),
            "bad-reply the property kv-time is missing or not of its form");
  EXPECT_FALSE(ReadEntry({}, "").ok());
}

TEST(ReceivedTest, EveryErrorOfTheContractIsReadAsItself) {
  for (const auto& info : kErrorTable) {
    const Error sent(info.code, "why", 12);
    const auto error = ReadError(UserPropertiesOf(ErrorReply(sent)));
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->code, info.code);
    EXPECT_EQ(error->message, "why");
    EXPECT_EQ(error->revision, 12U);
  }
}

TEST(ReceivedTest, SuccessIsNoErrorAndTheUnknownIsOne) {
  for (const auto status : {kStatusOk, kStatusEntry, kStatusEnd}) {
    EXPECT_FALSE(ReadError({{std::string(kStatus), std::string(status)}}).has_value()) << status;
  }
  EXPECT_EQ(ReadError({{std::string(kStatus), "timeout"}})->code, ErrorCode::kBadReply);
  EXPECT_EQ(ReadError({})->code, ErrorCode::kBadReply);
}

TEST(ReceivedTest, NumbersAreDigits) {
  const std::vector<UserProperty> properties{{"kv-count", "12"}, {"kv-revision", "x"}};
  EXPECT_EQ(FindNumber(properties, kCount), 12U);
  EXPECT_EQ(FindNumber(properties, kRevision), std::nullopt);
  EXPECT_EQ(FindNumber(properties, kCursor), std::nullopt);
}

}  // namespace
}  // namespace kv::wire::testing
