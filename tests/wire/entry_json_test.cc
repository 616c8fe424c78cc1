#include "wire/entry_json.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace kv::wire {
namespace {

Entry Lamp(std::string value) {
  return {.key = "lamp/1",
          .revision = 7,
          .time = 1'700'000'000 * kSecond + 5,
          .properties = {.payload_format = 1,
                         .content_type = "text/plain",
                         .user = {{"room", "hall"}, {"room", "stairs"}}},
          .value = std::move(value)};
}

TEST(EntryJson, HasTheWordsThatMqtt3ClientsGet) {
  EXPECT_EQ(EntryJson(Lamp("on")),
            R"({"key":"lamp/1","op":"PUT","revision":7,"time":"2023-11-14T22:13:20.000000005Z",)"
            R"("content_type":"text/plain","payload_format":1,)"
            R"("properties":[["room","hall"],["room","stairs"]],"value":"on"})");
}

TEST(EntryJson, OfAnyBytesReadsBackAsTheSameWrite) {
  const std::vector<std::string> values{"", "on", std::string("\0\xFF\n\"", 4), "\xC3\xA4"};
  for (const std::string& value : values) {
    const auto read = ReadEntryJson(EntryJson(Lamp(value)));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->key, "lamp/1");
    EXPECT_EQ(read->operation, Operation::kPut);
    EXPECT_EQ(read->value, value);
    EXPECT_EQ(read->properties, Lamp("").properties);
  }
}

TEST(EntryJson, OfAMarkerHasNoValue) {
  const Entry marker{
      .key = "k", .revision = 2, .operation = Operation::kPurge, .reason = Reason::kExpired};
  const std::string json = EntryJson(marker);
  EXPECT_EQ(json,
            R"({"key":"k","op":"PURGE","revision":2,"time":"1970-01-01T00:00:00.000000000Z",)"
            R"("reason":"expired"})");
  const auto read = ReadEntryJson(json);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->operation, Operation::kPurge);
}

TEST(EntryJson, ThatIsNoneNamesTheMemberAndWhatIsAccepted) {
  const std::vector<std::pair<std::string, std::string>> bad{
      {"[]", "accepted is a JSON object"},
      {"{", "accepted is a JSON object"},
      {R"({"value":"1"})", "key: accepted is a text"},
      {R"({"key":1,"value":"1"})", "key: accepted is a text"},
      {R"({"key":"k"})", "value: accepted is one of value and value_base64"},
      {R"({"key":"k","value":1})", "value: accepted is a text"},
      {R"({"key":"k","value":"1","value_base64":"MQ=="})",
       "value: accepted is one of value and value_base64"},
      {R"({"key":"k","value_base64":"*"})", "value_base64: accepted is base64"},
      {R"({"key":"k","op":"SET","value":"1"})", "op: accepted is PUT, DEL or PURGE"},
      {R"({"key":"k","value":"1","payload_format":2})", "payload_format: accepted is 0 or 1"},
      {R"({"key":"k","value":"1","properties":{"a":"b"}})",
       "properties: accepted is a list of [name, value]"},
  };
  for (const auto& [text, message] : bad) {
    const auto read = ReadEntryJson(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().message, message) << text;
    EXPECT_EQ(read.error().code, ErrorCode::kBadRequest);
  }
}

}  // namespace
}  // namespace kv::wire
