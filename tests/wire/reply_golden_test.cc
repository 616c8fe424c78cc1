// Every kind of reply, letter by letter, as clients get it in MQTT 5 and in MQTT 3.
// What stands here is a promise: a change of it breaks clients.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "wire/bucket_json.h"
#include "wire/names.h"
#include "wire/reply.h"

namespace kv::wire::testing {
namespace {

constexpr TimePoint kTime = 1'795'378'803'123'456'789;

// A line for the payload and one for each property.
std::string Mqtt5(const std::vector<Reply>& replies) {
  std::string text;
  for (const auto& reply : replies) {
    text += "'" + reply.payload + "'";
    if (reply.own.content_type) {
      text += " " + *reply.own.content_type;
    }
    if (reply.own.payload_format) {
      text += " format " + std::to_string(*reply.own.payload_format);
    }
    text += "\n";
    for (const auto& property : UserPropertiesOf(reply)) {
      text += "  " + property.name + ": " + property.value + "\n";
    }
  }
  return text;
}

Entry Lamp() {
  return {.key = "lamp/1",
          .revision = 12,
          .operation = Operation::kPut,
          .qos = 1,
          .time = kTime,
          .properties = {.payload_format = 1,
                         .content_type = "text/plain",
                         .user = {{"room", "kitchen"}, {"room", "hall"}}},
          .value = "on"};
}

Entry Marker() {
  return {.key = "lamp/2",
          .revision = 13,
          .operation = Operation::kPurge,
          .reason = Reason::kExpired,
          .time = kTime + 1};
}

Reply End(std::uint64_t count) {
  Reply end = OkReply();
  end.status = kStatusEnd;
  AddNumber(end, kCount, count);
  return end;
}

TEST(ReplyGoldenTest, Write) {
  const std::vector<Reply> reply{WriteReply(12, kTime, false)};
  EXPECT_EQ(Mqtt5(reply),
            "''\n"
            "  kv-status: ok\n"
            "  kv-revision: 12\n"
            "  kv-time: 2026-11-22T20:20:03.123456789Z\n");
  EXPECT_EQ(JsonOf(reply),
            R"({"status":"ok","revision":12,"time":"2026-11-22T20:20:03.123456789Z"})");
}

TEST(ReplyGoldenTest, WriteThatWasSentTwice) {
  const std::vector<Reply> reply{WriteReply(12, kTime, true)};
  EXPECT_EQ(Mqtt5(reply),
            "''\n"
            "  kv-status: ok\n"
            "  kv-revision: 12\n"
            "  kv-time: 2026-11-22T20:20:03.123456789Z\n"
            "  kv-duplicate: true\n");
  EXPECT_EQ(
      JsonOf(reply),
      R"({"status":"ok","revision":12,"time":"2026-11-22T20:20:03.123456789Z","duplicate":true})");
}

TEST(ReplyGoldenTest, WriteThatHadNothingToDo) {
  const std::vector<Reply> reply{WriteReply(0, kTime, false)};
  EXPECT_EQ(Mqtt5(reply), "''\n  kv-status: ok\n");
  EXPECT_EQ(JsonOf(reply), R"({"status":"ok"})");
}

TEST(ReplyGoldenTest, Refusal) {
  const std::vector<Reply> reply{ErrorReply(Error(ErrorCode::kBucketNotFound, "no bucket b"))};
  EXPECT_EQ(Mqtt5(reply),
            "''\n"
            "  kv-status: bucket-not-found\n"
            "  kv-error: no bucket b\n");
  EXPECT_EQ(JsonOf(reply), R"({"status":"bucket-not-found","error":"no bucket b"})");
}

TEST(ReplyGoldenTest, RefusalWithTheActualRevision) {
  const std::vector<Reply> reply{ErrorReply(Error(ErrorCode::kWrongLastRevision, "it is 9", 9))};
  EXPECT_EQ(Mqtt5(reply),
            "''\n"
            "  kv-status: wrong-last-revision\n"
            "  kv-error: it is 9\n"
            "  kv-revision: 9\n");
  EXPECT_EQ(JsonOf(reply), R"({"status":"wrong-last-revision","error":"it is 9","revision":9})");
}

TEST(ReplyGoldenTest, Get) {
  const std::vector<Reply> reply{EntryReply(kStatusOk, Lamp(), false)};
  EXPECT_EQ(Mqtt5(reply),
            "'on' text/plain format 1\n"
            "  room: kitchen\n"
            "  room: hall\n"
            "  kv-status: ok\n"
            "  kv-key: lamp/1\n"
            "  kv-op: PUT\n"
            "  kv-revision: 12\n"
            "  kv-time: 2026-11-22T20:20:03.123456789Z\n");
  EXPECT_EQ(JsonOf(reply),
            R"({"status":"ok","key":"lamp/1","op":"PUT","revision":12,)"
            R"("time":"2026-11-22T20:20:03.123456789Z","content_type":"text/plain",)"
            R"("payload_format":1,"properties":[["room","kitchen"],["room","hall"]],)"
            R"("value":"on"})");
}

TEST(ReplyGoldenTest, GetOfAMarkerAndOfBytes) {
  const std::vector<Reply> marker{EntryReply(kStatusOk, Marker(), false)};
  EXPECT_EQ(Mqtt5(marker),
            "''\n"
            "  kv-status: ok\n"
            "  kv-key: lamp/2\n"
            "  kv-op: PURGE\n"
            "  kv-revision: 13\n"
            "  kv-time: 2026-11-22T20:20:03.123456790Z\n"
            "  kv-reason: expired\n");
  EXPECT_EQ(JsonOf(marker),
            R"({"status":"ok","key":"lamp/2","op":"PURGE","revision":13,)"
            R"("time":"2026-11-22T20:20:03.123456790Z","reason":"expired"})");
  const Entry bytes{.key = "k", .revision = 1, .value = "\xFF\xFE"};
  EXPECT_EQ(JsonOf({EntryReply(kStatusOk, bytes, false)}),
            R"({"status":"ok","key":"k","op":"PUT","revision":1,)"
            R"("time":"1970-01-01T00:00:00.000000000Z","value_base64":"//4="})");
}

TEST(ReplyGoldenTest, Entries) {
  std::vector<Reply> replies{EntryReply(kStatusEntry, Lamp(), /*meta_only=*/true),
                             EntryReply(kStatusEntry, Marker(), false),
                             End(2)};
  AddText(replies.back(), kCursor, "abc_-");
  AddFlag(replies.back(), kCompacted);
  EXPECT_EQ(Mqtt5(replies),
            "'' text/plain format 1\n"
            "  room: kitchen\n"
            "  room: hall\n"
            "  kv-status: entry\n"
            "  kv-key: lamp/1\n"
            "  kv-op: PUT\n"
            "  kv-revision: 12\n"
            "  kv-time: 2026-11-22T20:20:03.123456789Z\n"
            "''\n"
            "  kv-status: entry\n"
            "  kv-key: lamp/2\n"
            "  kv-op: PURGE\n"
            "  kv-revision: 13\n"
            "  kv-time: 2026-11-22T20:20:03.123456790Z\n"
            "  kv-reason: expired\n"
            "''\n"
            "  kv-status: end\n"
            "  kv-count: 2\n"
            "  kv-cursor: abc_-\n"
            "  kv-compacted: true\n");
  EXPECT_EQ(JsonOf(replies),
            R"({"status":"end","count":2,"cursor":"abc_-","compacted":true,"entries":[)"
            R"({"key":"lamp/1","op":"PUT","revision":12,"time":"2026-11-22T20:20:03.123456789Z",)"
            R"("content_type":"text/plain","payload_format":1,)"
            R"("properties":[["room","kitchen"],["room","hall"]]},)"
            R"({"key":"lamp/2","op":"PURGE","revision":13,)"
            R"("time":"2026-11-22T20:20:03.123456790Z","reason":"expired"}]})");
}

TEST(ReplyGoldenTest, NoEntries) {
  EXPECT_EQ(Mqtt5({End(0)}), "''\n  kv-status: end\n  kv-count: 0\n");
  EXPECT_EQ(JsonOf({End(0)}), R"({"status":"end","count":0,"entries":[]})");
}

TEST(ReplyGoldenTest, Keys) {
  Reply reply = DocumentReply("keys", KeysJson({"a", "b/c"}));
  AddNumber(reply, kCount, 2);
  EXPECT_EQ(Mqtt5({reply}),
            "'[\"a\",\"b/c\"]' application/json format 1\n"
            "  kv-status: ok\n"
            "  kv-count: 2\n");
  EXPECT_EQ(JsonOf({reply}), R"({"status":"ok","count":2,"keys":["a","b/c"]})");
}

TEST(ReplyGoldenTest, InfoAndBuckets) {
  const std::string info = InfoJson({.name = "b",
                                     .config = {},
                                     .created = kTime,
                                     .keys = 1,
                                     .entries = 2,
                                     .bytes = 3,
                                     .last_revision = 4});
  EXPECT_EQ(info,
            R"({"bucket":"b","history":1,"ttl":null,"max_value_size":null,"max_bytes":null,)"
            R"("max_keys":null,"retained":true,"storage":"file","marker_ttl":null,"audit":false,)"
            R"("capture":null,"description":"","metadata":{},)"
            R"("created":"2026-11-22T20:20:03.123456789Z","keys":1,"entries":2,"bytes":3,)"
            R"("last_revision":4})");
  EXPECT_EQ(Mqtt5({DocumentReply("info", info)}),
            "'" + info + "' application/json format 1\n  kv-status: ok\n");
  EXPECT_EQ(JsonOf({DocumentReply("info", info)}), R"({"status":"ok","info":)" + info + "}");
  EXPECT_EQ(JsonOf({DocumentReply("buckets", ArrayJson({info, info}))}),
            R"({"status":"ok","buckets":[)" + info + "," + info + "]}");
}

}  // namespace
}  // namespace kv::wire::testing
