// Reading requests of MQTT 5 and MQTT 3 clients, and what they get.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/plugin/service_test.h"

namespace kv::plugin::testing {
namespace {

using nlohmann::json;

class RequestsTest : public ServiceTest {
 protected:
  // Bucket b: a/1 with two entries, a/2 deleted, c with properties; revisions 1 to 5.
  void SetUp() override {
    Declare("b", "history=5");
    ASSERT_NO_FATAL_FAILURE(Start());
    Put("kv/b/a/1", "one");
    Put("kv/b/a/1", "uno");
    Put("kv/b/a/2", "two");
    Put("kv/b/a/2", "");
    Handle({.topic = "kv/b/c",
            .payload = "three",
            .qos = 1,
            .own = {.content_type = "text/plain", .user = {{"x", "y"}}}});
    Settle();
  }

  std::string Time() const { return "kv-time=" + wire::FormatTime(clock_.now); }
  std::string Entry(const std::string& key, const std::string& op, Revision revision) const {
    return "kv-key=" + key + " kv-op=" + op + " kv-revision=" + std::to_string(revision) + " " +
           Time();
  }
  // The replies as texts, without what is the same in all.
  Texts Asked(std::string_view topic, std::vector<UserProperty> options = {}) {
    Texts texts;
    const std::string start = "-> ann: replies ";
    for (const auto& one : Ask(topic, std::move(options))) {
      const std::string text = TextOf(one);
      EXPECT_EQ(text.rfind(start, 0), 0U) << text;
      EXPECT_EQ(one.qos, 1);
      EXPECT_FALSE(one.retain);
      texts.push_back(text.substr(start.size()));
    }
    return texts;
  }
  std::string StatusOf(std::string_view topic, std::vector<UserProperty> options = {}) {
    const auto replies = Ask(topic, std::move(options));
    return replies.size() == 1 ? ValueOf(replies[0], "kv-status").value_or("none")
                               : "not one reply";
  }
};

TEST_F(RequestsTest, GetAnswersTheNewestEntry) {
  EXPECT_EQ(Asked("$KV/b/get/a/1"),
            Texts{"'uno' qos 1 [kv-status=ok " + Entry("a/1", "PUT", 2) + "]"});
  EXPECT_EQ(Asked("$KV/b/get/c"),
            Texts{"'three' qos 1 type text/plain [x=y kv-status=ok " + Entry("c", "PUT", 5) + "]"});
}

TEST_F(RequestsTest, GetOfARevisionAnswersThatEntryAlsoAMarker) {
  EXPECT_EQ(Asked("$KV/b/get/a/1", {{"kv-revision", "1"}}),
            Texts{"'one' qos 1 [kv-status=ok " + Entry("a/1", "PUT", 1) + "]"});
  EXPECT_EQ(Asked("$KV/b/get/a/2", {{"kv-revision", "4"}}),
            Texts{"'' qos 1 [kv-status=ok " + Entry("a/2", "DEL", 4) + "]"});
}

TEST_F(RequestsTest, GetWithoutTheValueIfOnlyTheRestIsWanted) {
  EXPECT_EQ(Asked("$KV/b/get/a/1", {{"kv-meta-only", "true"}}),
            Texts{"'' qos 1 [kv-status=ok " + Entry("a/1", "PUT", 2) + "]"});
}

TEST_F(RequestsTest, GetOfADeletedKeyNamesItsMarkersRevision) {
  EXPECT_EQ(Asked("$KV/b/get/a/2"),
            Texts{"'' qos 1 [kv-status=key-not-found kv-error=the key has no value: its newest "
                  "entry is a DEL "
                  "kv-revision=4]"});
}

TEST_F(RequestsTest, GetOfWhatIsNotThereIsNotFound) {
  for (const auto* const topic : {"$KV/b/get/absent", "$KV/b/get/a", "$KV/b/get/a/1/x"}) {
    const auto replies = Ask(topic);
    ASSERT_EQ(replies.size(), 1U) << topic;
    EXPECT_EQ(ValueOf(replies[0], "kv-status"), "key-not-found") << topic;
    EXPECT_FALSE(ValueOf(replies[0], "kv-revision")) << topic;
  }
  for (const auto* const revision : {"0", "3", "5", "6", "18446744073709551615"}) {
    EXPECT_EQ(StatusOf("$KV/b/get/a/1", {{"kv-revision", revision}}), "key-not-found") << revision;
  }
}

TEST_F(RequestsTest, GetOfARevisionThatIsNoLongerKeptIsNotFound) {
  Handle({.topic = "kv/b/a/1", .options = {{"kv-op", "purge"}}});
  EXPECT_EQ(StatusOf("$KV/b/get/a/1", {{"kv-revision", "2"}}), "key-not-found");
}

TEST_F(RequestsTest, HistoryAnswersEveryKeptEntryInRevisionOrder) {
  EXPECT_EQ(
      Asked("$KV/b/history"),
      (Texts{"'one' qos 1 [kv-status=entry " + Entry("a/1", "PUT", 1) + "]",
             "'uno' qos 1 [kv-status=entry " + Entry("a/1", "PUT", 2) + "]",
             "'two' qos 1 [kv-status=entry " + Entry("a/2", "PUT", 3) + "]",
             "'' qos 1 [kv-status=entry " + Entry("a/2", "DEL", 4) + "]",
             "'three' qos 1 type text/plain [x=y kv-status=entry " + Entry("c", "PUT", 5) + "]",
             "'' qos 1 [kv-status=end kv-count=5]"}));
}

TEST_F(RequestsTest, EntriesAnswersTheNewestOfEachKeyInRevisionOrder) {
  EXPECT_EQ(
      Asked("$KV/b/entries"),
      (Texts{"'uno' qos 1 [kv-status=entry " + Entry("a/1", "PUT", 2) + "]",
             "'' qos 1 [kv-status=entry " + Entry("a/2", "DEL", 4) + "]",
             "'three' qos 1 type text/plain [x=y kv-status=entry " + Entry("c", "PUT", 5) + "]",
             "'' qos 1 [kv-status=end kv-count=3]"}));
}

TEST_F(RequestsTest, EntriesAreNarrowedByPrefixFilterAndFlags) {
  const Texts only_a1{"'uno' qos 1 [kv-status=entry " + Entry("a/1", "PUT", 2) + "]",
                      "'' qos 1 [kv-status=end kv-count=1]"};
  EXPECT_EQ(Asked("$KV/b/entries/a/1"), only_a1);
  EXPECT_EQ(Asked("$KV/b/entries", {{"kv-filter", "+/1"}}), only_a1);
  EXPECT_EQ(Asked("$KV/b/entries/a", {{"kv-ignore-deletes", "true"}}), only_a1);
  EXPECT_EQ(Asked("$KV/b/entries/a", {{"kv-filter", "a/+"}, {"kv-meta-only", "true"}}),
            (Texts{"'' qos 1 [kv-status=entry " + Entry("a/1", "PUT", 2) + "]",
                   "'' qos 1 [kv-status=entry " + Entry("a/2", "DEL", 4) + "]",
                   "'' qos 1 [kv-status=end kv-count=2]"}));
  EXPECT_EQ(Asked("$KV/b/entries/absent"), Texts{"'' qos 1 [kv-status=end kv-count=0]"});
}

TEST_F(RequestsTest, HistoryFromARevisionSaysWhetherSomethingIsMissing) {
  EXPECT_EQ(
      Asked("$KV/b/history", {{"kv-from-revision", "4"}}),
      (Texts{"'' qos 1 [kv-status=entry " + Entry("a/2", "DEL", 4) + "]",
             "'three' qos 1 type text/plain [x=y kv-status=entry " + Entry("c", "PUT", 5) + "]",
             "'' qos 1 [kv-status=end kv-count=2]"}));
  Handle({.topic = "kv/b/a/1", .options = {{"kv-op", "purge"}}});
  const auto compacted = [this](const std::string& from) {
    const auto replies = Ask("$KV/b/history", {{"kv-from-revision", from}});
    return ValueOf(replies.back(), "kv-compacted").value_or("no");
  };
  EXPECT_EQ(compacted("1"), "true");
  EXPECT_EQ(compacted("2"), "true");
  EXPECT_EQ(compacted("3"), "no");
  EXPECT_EQ(compacted("100"), "no");
  EXPECT_FALSE(ValueOf(Ask("$KV/b/history").back(), "kv-compacted"))
      << "only who names a revision asks for gaps";
}

TEST_F(RequestsTest, KeysAnswersWhatHasAValueInKeyOrder) {
  EXPECT_EQ(Asked("$KV/b/keys"),
            Texts{"'[\"a/1\",\"c\"]' qos 1 format 1 type application/json [kv-status=ok "
                  "kv-count=2]"});
  EXPECT_EQ(Ask("$KV/b/keys", {{"kv-include-deleted", "true"}}).at(0).payload,
            R"(["a/1","a/2","c"])");
  EXPECT_EQ(Ask("$KV/b/keys/a").at(0).payload, R"(["a/1"])");
  EXPECT_EQ(Ask("$KV/b/keys", {{"kv-filter", "+"}}).at(0).payload, R"(["c"])");
  EXPECT_EQ(Ask("$KV/b/keys/x").at(0).payload, "[]");
}

TEST_F(RequestsTest, InfoAndBucketsAnswerJson) {
  const auto info = Ask("$KV/b/info");
  ASSERT_EQ(info.size(), 1U);
  EXPECT_EQ(info[0].payload,
            R"({"bucket":"b","history":5,"ttl":null,"max_value_size":null,"max_bytes":null,)"
            R"("max_keys":null,"retained":true,"storage":"file","marker_ttl":null,"audit":false,)"
            R"("capture":null,"description":"","metadata":{},"created":")" +
                wire::FormatTime(clock_.now) +
                R"(","keys":2,"entries":5,"bytes":39,"last_revision":5})");
  const auto buckets = Ask("$KV/buckets");
  ASSERT_EQ(buckets.size(), 1U);
  EXPECT_EQ(buckets[0].payload, "[" + info[0].payload + "]");
  EXPECT_EQ(ValueOf(buckets[0], "kv-count"), "1");
}

TEST_F(RequestsTest, ReplyGoesToTheResponseTopicWithTheCorrelationDataAtTheRequestsQos) {
  for (std::uint8_t qos = 0; qos <= 2; ++qos) {
    Handle({.topic = "$KV/b/history/c",
            .qos = qos,
            .response_topic = "my/replies",
            .correlation_data = "c1"});
    const auto sent = broker_.Take();
    ASSERT_EQ(sent.size(), 2U);
    for (const auto& one : sent) {
      EXPECT_EQ(one.to, "ann");
      EXPECT_EQ(one.topic, "my/replies");
      EXPECT_EQ(one.correlation_data, "c1");
      EXPECT_EQ(one.qos, std::min<std::uint8_t>(qos, 1));
    }
  }
}

TEST_F(RequestsTest, WithoutAUsableResponseTopicNobodyIsAnswered) {
  EXPECT_EQ(Handle({.topic = "$KV/b/get/c"}).verdict, Verdict::kSwallowed);
  EXPECT_EQ(Handle({.topic = "$KV/b/get/c", .response_topic = "#"}).verdict, Verdict::kSwallowed);
  EXPECT_EQ(Handle({.topic = "$KV/no such"}).verdict, Verdict::kSwallowed);
  for (const std::string topic : {"#", ""}) {  // and nothing is done: nobody would learn of it
    EXPECT_EQ(
        Handle({.topic = "$KV/b/put/unanswered", .payload = "v", .response_topic = topic}).verdict,
        Verdict::kSwallowed);
  }
  EXPECT_EQ(broker_.TakeTexts(), Texts{});
  EXPECT_EQ(StatusOf("$KV/b/get/unanswered"), "key-not-found");
}

TEST_F(RequestsTest, BadOnesAreAnsweredWithTheirCodeAndLogged) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"$KV/", "invalid-bucket"},
      {"$KV/no bucket/info", "invalid-bucket"},
      {"$KV/b", "bad-request"},
      {"$KV/b/fetch/c", "bad-request"},
      {"$KV/b/info/c", "bad-request"},
      {"$KV/b/get", "invalid-key"},
      {"$KV/b/get/a//b", "invalid-key"},
      {"$KV/b/keys/+", "invalid-key"},
      {"$KV/absent/get/k", "bucket-not-found"},
      {"$KV/absent/keys", "bucket-not-found"},
  };
  for (const auto& [topic, status] : cases) {
    EXPECT_EQ(StatusOf(topic), status) << topic;
    EXPECT_EQ(
        broker_.Lines(LogLevel::kDebug, "refused request " + topic + " by ann: " + status).size(),
        1U)
        << topic;
  }
  EXPECT_EQ(StatusOf("$KV/b/entries", {{"kv-limit", "501"}}), "bad-request");
  EXPECT_EQ(StatusOf("$KV/b/entries", {{"kv-limit", "0"}}), "bad-request");
  EXPECT_EQ(StatusOf("$KV/b/keys", {{"kv-filter", "a+"}}), "bad-request");
  EXPECT_EQ(StatusOf("$KV/b/get/c", {{"kv-revision", "1"}, {"kv-revision", "1"}}), "bad-request");
}

TEST_F(RequestsTest, AConditionThatWouldGuardNothingIsRefused) {
  const std::vector<UserProperty> guard{{"kv-expected-revision", "99"}};
  EXPECT_EQ(StatusOf("$KV/b/purge", guard), "bad-request");
  EXPECT_EQ(StatusOf("$KV/b/txn", guard), "bad-request");
}

TEST_F(RequestsTest, CheckpointWithoutABackupPathIsNotSupported) {
  EXPECT_EQ(StatusOf("$KV/checkpoint"), "not-supported");
}

TEST_F(RequestsTest, Mqtt3GetsJsonBelowTheReplyTopic) {
  HandleV3({.topic = "$KV/b/get/c", .qos = 1});
  const auto sent = broker_.TakeTexts();
  EXPECT_EQ(sent,
            Texts{R"(-> old: $KV/reply/b/get/c '{"status":"ok","key":"c","op":"PUT","revision":5,)"
                  R"("time":")" +
                  wire::FormatTime(clock_.now) +
                  R"(","content_type":"text/plain","properties":[["x","y"]],"value":"three"}')"
                  " qos 1 []"});
}

TEST_F(RequestsTest, Mqtt3GetsNoReplyWhoseTopicMqttCannotSpell) {
  const std::string longest = "$KV/b/get/" + std::string(65535 - 10, 'k');
  EXPECT_EQ(HandleV3({.topic = longest}).verdict, Verdict::kSwallowed);
  EXPECT_EQ(broker_.TakeTexts(), Texts{});
  const std::string shorter = longest.substr(0, longest.size() - std::string("reply/").size());
  EXPECT_EQ(HandleV3({.topic = shorter}).verdict, Verdict::kSwallowed);
  EXPECT_EQ(broker_.Take().at(0).topic.size(), 65535U);
}

TEST_F(RequestsTest, Mqtt3AsksWithJson) {
  const std::string time = R"(,"time":")" + wire::FormatTime(clock_.now) + "\"";
  const auto history =
      json::parse(AskV3("$KV/b/history/a", R"({"from_revision": 2, "limit": 2, "filter": "a/#"})"));
  EXPECT_EQ(history.at("entries").size(), 2U);
  EXPECT_EQ(history.at("entries")[0].at("revision"), 2);
  EXPECT_TRUE(history.contains("cursor"));
  const auto entries =
      json::parse(AskV3("$KV/b/entries/a", R"({"meta_only": true, "ignore_deletes": true})"));
  ASSERT_EQ(entries.at("entries").size(), 1U);
  EXPECT_FALSE(entries.at("entries")[0].contains("value"));
  EXPECT_EQ(AskV3("$KV/b/get/a/1", R"({"revision": 1})"),
            R"({"status":"ok","key":"a/1","op":"PUT","revision":1)" + time + R"(,"value":"one"})");
  EXPECT_EQ(AskV3("$KV/b/keys", R"({"include_deleted": true})"),
            R"({"status":"ok","count":3,"keys":["a/1","a/2","c"]})");
  EXPECT_EQ(AskV3("$KV/b/entries/a"),
            R"({"status":"end","count":2,"entries":[)"
            R"({"key":"a/1","op":"PUT","revision":2)" +
                time + R"(,"value":"uno"},{"key":"a/2","op":"DEL","revision":4)" + time + "}]}");
}

TEST_F(RequestsTest, Mqtt3GetsErrorsAsJson) {
  EXPECT_EQ(
      AskV3("$KV/b/get/a/2"),
      R"({"status":"key-not-found","error":"the key has no value: its newest entry is a DEL","revision":4})");
  EXPECT_EQ(AskV3("$KV/absent/info"),
            R"({"status":"bucket-not-found","error":"there is no bucket absent"})");
  EXPECT_EQ(AskV3("$KV/b/get/c", "{"),
            R"({"status":"bad-request","error":"the payload is not a JSON object of options"})");
}

TEST_F(RequestsTest, Mqtt3GetsDocumentsUnderTheirNames) {
  const std::string info = Ask("$KV/b/info").at(0).payload;
  EXPECT_EQ(AskV3("$KV/b/info"), R"({"status":"ok","info":)" + info + "}");
  EXPECT_EQ(AskV3("$KV/buckets"), R"({"status":"ok","count":1,"buckets":[)" + info + "]}");
}

}  // namespace
}  // namespace kv::plugin::testing
