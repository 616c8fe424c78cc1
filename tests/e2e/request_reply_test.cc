// Who gets the reply to a request and how, and what it says where there is nothing to give.
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/kv_broker.h"
#include "tests/e2e/reasons.h"

namespace kv::testing {
namespace {

class RequestReply : public KvBrokerTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"bucket_b", "history=3"}}}));
    ASSERT_TRUE(client().Put("b/k", "v").ok());
  }
};

TEST_F(RequestReply, GoesToTheRequesterAloneWhateverOthersSubscribeTo) {
  MqttClient spy(broker().port());
  MqttClient older_spy(broker().port());
  ASSERT_TRUE(spy.Connect()) << spy.error();
  ASSERT_TRUE(older_spy.Connect({.version = ProtocolVersion::kMqtt311})) << older_spy.error();
  for (MqttClient* other : {&spy, &older_spy}) {
    for (const std::string filter : {"replies",
                                     "#",
                                     "+",
                                     "$KV/#",
                                     "$KV/+/+",
                                     "$KV/b/get/k",
                                     "$KV/reply/#",
                                     "$KV/reply/b/get/k",
                                     "+/#"}) {
      ASSERT_TRUE(other->Subscribe(filter, 2)) << filter;
    }
    for (const Message& retained : other->TakeMessages()) {
      EXPECT_EQ(retained.topic, "kv/b/k");
    }
  }
  MqttClient older(broker().port());
  ASSERT_TRUE(older.Connect({.version = ProtocolVersion::kMqtt311})) << older.error();
  for (const std::string request :
       {"get/k", "get/none", "history", "entries", "keys", "info", "juggle", "get"}) {
    SCOPED_TRACE(request);
    EXPECT_FALSE(client().Request("$KV/b/" + request).empty());
    for (std::uint8_t qos = 0; qos < 3; ++qos) {
      ASSERT_TRUE(older.Publish("$KV/b/" + request, "", {.qos = qos, .retain = true}));
      EXPECT_TRUE(older.WaitMessage()) << older.error();
    }
  }
  EXPECT_FALSE(client().Request("$KV/buckets").empty());
  for (MqttClient* other : {&spy, &older_spy}) {
    for (const Message& message : other->TakeMessages()) {
      ADD_FAILURE() << "another client got " << message.topic << " '" << message.payload << "'";
    }
  }
  EXPECT_TRUE(client().TakeMessages().empty());
  EXPECT_TRUE(RetainedMessages(broker().port(), "$KV/#").empty()) << "a request is not retained";
}

TEST_F(RequestReply, CarriesTheCorrelationDataAndHasTheRequestsQosAtMostOne) {
  const std::string correlation("\0\x01\xff", 3);
  for (std::uint8_t qos = 0; qos < 3; ++qos) {
    SCOPED_TRACE("QoS " + std::to_string(qos));
    const auto id = client().PublishAsync(
        "$KV/b/history",
        "",
        {.qos = qos,
         .properties = Properties().ResponseTopic("deep/topic").CorrelationData(correlation)});
    ASSERT_TRUE(id);
    EXPECT_TRUE(IsSuccess(client().WaitPublished(*id)));
    for (const std::string status : {"entry", "end"}) {
      const auto reply = client().WaitMessage();
      ASSERT_TRUE(reply) << client().error();
      EXPECT_EQ(reply->topic, "deep/topic");
      EXPECT_EQ(reply->Property("kv-status"), status);
      EXPECT_EQ(reply->qos, qos == 0 ? 0 : 1);
      EXPECT_FALSE(reply->retain);
      EXPECT_EQ(reply->properties.FindText(PropertyId::kCorrelationData), correlation);
    }
  }
}

TEST_F(RequestReply, MayGoToAnyTopicTheRequesterNames) {
  // It reaches that one session and nobody else, so no topic is dangerous.
  for (const std::string topic : {"kv/b/k", "$KV/b/get/k", "$SYS/x", "a", "/"}) {
    const auto replies = client().Request("$KV/b/get/k", {}, {}, topic);
    ASSERT_EQ(replies.size(), 1U) << topic << client().error();
    EXPECT_EQ(replies[0].payload, "v");
  }
  EXPECT_EQ(client().Get("b/k").revision, 1U) << "a reply is no write";
}

TEST_F(RequestReply, NamesEveryErrorByItsCodeAndASentence) {
  struct Row {
    std::string topic;
    Properties properties;
    std::string code;
    std::string payload = {};
  };
  const auto with = [](const std::string& name, const std::string& value) {
    return Properties().User(name, value);
  };
  const std::string bad_cursor = "AAAA";
  const std::vector<Row> rows = {
      {"$KV/b/juggle", {}, "bad-request"},
      {"$KV/b", {}, "bad-request"},
      {"$KV/b/", {}, "bad-request"},
      {"$KV/b/GET/k", {}, "bad-request"},
      {"$KV/b/info/more", {}, "bad-request"},
      {"$KV/buckets/more", {}, "bad-request"},
      {"$KV/b/get/k", with("kv-revision", "-1"), "bad-request"},
      {"$KV/b/get/k", with("kv-revision", "1").User("kv-revision", "1"), "bad-request"},
      {"$KV/b/keys", with("kv-limit", "0"), "bad-request"},
      {"$KV/b/keys", with("kv-limit", "501"), "bad-request"},
      {"$KV/b/entries", with("kv-limit", "-1"), "bad-request"},
      {"$KV/b/entries", with("kv-limit", "many"), "bad-request"},
      {"$KV/b/entries", with("kv-from-revision", "18446744073709551616"), "bad-request"},
      {"$KV/b/entries", with("kv-meta-only", "1"), "bad-request"},
      {"$KV/b/history", with("kv-ignore-deletes", "TRUE"), "bad-request"},
      {"$KV/b/keys", with("kv-include-deleted", ""), "bad-request"},
      {"$KV/b/keys", with("kv-filter", "a/#/b"), "bad-request"},
      {"$KV/b/keys", with("kv-filter", "a+/b"), "bad-request"},
      {"$KV/b/keys", with("kv-filter", ""), "bad-request"},
      {"$KV/b/keys", with("kv-cursor", bad_cursor), "bad-request"},
      {"$KV/buckets", with("kv-cursor", bad_cursor), "bad-request"},
      {"$KV/b/history", with("kv-cursor", "not base64!"), "bad-request"},
      {"$KV/b/keys", {}, "bad-request", "[1, 2]"},
      {"$KV/b/keys", {}, "bad-request", "{\"limit\": "},
      {"$KV/b/keys", {}, "bad-request", R"({"limits": 3})"},
      {"$KV/b/keys", {}, "bad-request", R"({"limit": 0})"},
      {"$KV/b/keys", {}, "bad-request", R"({"limit": [3]})"},
      {"$KV/bad name/info", {}, "invalid-bucket"},
      {"$KV//info", {}, "invalid-bucket"},
      {"$KV/" + std::string(65, 'b') + "/info", {}, "invalid-bucket"},
      {"$KV/b/get", {}, "invalid-key"},
      {"$KV/b/get/", {}, "invalid-key"},
      {"$KV/b/get//k", {}, "invalid-key"},
      {"$KV/b/get/k/", {}, "invalid-key"},
      {"$KV/b/keys/", {}, "invalid-key"},
      {"$KV/b/history/a//b", {}, "invalid-key"},
      {"$KV/b/get/" + std::string(1025, 'k'), {}, "invalid-key"},
      {"$KV/none/info", {}, "bucket-not-found"},
      {"$KV/none/get/k", {}, "bucket-not-found"},
      {"$KV/none/keys", {}, "bucket-not-found"},
      {"$KV/none/entries", {}, "bucket-not-found"},
      {"$KV/none/history/k", {}, "bucket-not-found"},
      {"$KV/b/get/none", {}, "key-not-found"},
      {"$KV/b/get/k", with("kv-revision", "2"), "key-not-found"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.topic.substr(0, 40) + " " + row.payload +
                 (row.properties.empty()
                      ? ""
                      : row.properties.Users()[0].first + "=" + row.properties.Users()[0].second));
    const auto replies = client().Request(row.topic, row.payload, row.properties);
    ASSERT_EQ(replies.size(), 1U) << client().error();
    EXPECT_EQ(replies[0].Property("kv-status"), row.code);
    EXPECT_NE(replies[0].Property("kv-error").value_or(""), "");
    EXPECT_EQ(replies[0].payload, "");
  }
}

TEST_F(RequestReply, OptionsInTheJsonOfThePayloadServeAV5ClientToo) {
  ASSERT_TRUE(client().Put("b/k2", "v").ok());
  EXPECT_EQ(ToAnswer(client().Request("$KV/b/keys", R"({"limit": 1})")).value, R"(["k"])");
  EXPECT_EQ(ToAnswer(client().Request("$KV/b/keys", R"({"limit": "1"})")).value, R"(["k"])");
  EXPECT_EQ(ToAnswer(client().Request(
                         "$KV/b/keys", R"({"limit": 1})", Properties().User("kv-limit", "2")))
                .value,
            R"(["k","k2"])")
      << "properties win";
}

TEST_F(RequestReply, OptionsOfOtherRequestsAreDropped) {
  const auto foreign = Properties()
                           .User("kv-msg-id", "m")
                           .User("kv-op", "put")
                           .User("kv-ttl", "never")
                           .User("kv-of-the-future", "x")
                           .User("own", "y");
  EXPECT_EQ(ToAnswer(client().Request("$KV/b/get/k", {}, foreign)).value, "v");
}

}  // namespace
}  // namespace kv::testing
