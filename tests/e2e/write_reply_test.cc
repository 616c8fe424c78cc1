// What a writer hears: replies to a Response Topic, and acknowledgements where there is none.
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/kv_broker.h"
#include "tests/e2e/reasons.h"

namespace kv::testing {
namespace {

class WriteReply : public KvBrokerTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(StartBroker());
    watcher_.emplace(broker().port());
    ASSERT_TRUE(watcher_->Connect()) << watcher_->error();
    ASSERT_EQ(watcher_->Subscribe("#", 2), 2);
  }

  // Nobody has got anything, the retained message included.
  void ExpectNothingDelivered() {
    for (const Message& message : watcher_->TakeMessages()) {
      ADD_FAILURE() << "delivered: " << message.topic << " '" << message.payload << "'";
    }
  }

  MqttClient& watcher() { return *watcher_; }

 private:
  std::optional<MqttClient> watcher_;
};

TEST_F(WriteReply, ComesToTheResponseTopicWithTheCorrelationDataThoughNotSubscribed) {
  const std::string correlation("\0\xff binary", 9);
  for (std::uint8_t qos = 0; qos < 3; ++qos) {
    SCOPED_TRACE("QoS " + std::to_string(qos));
    const auto properties =
        Properties().ResponseTopic("my/answers").CorrelationData(correlation).User("own", "x");
    const auto id = client().PublishAsync("kv/b/k", "v", {.qos = qos, .properties = properties});
    ASSERT_TRUE(id);
    EXPECT_TRUE(IsSuccess(client().WaitPublished(*id)));
    const auto reply = client().WaitMessage();
    ASSERT_TRUE(reply) << client().error();
    EXPECT_EQ(reply->topic, "my/answers");
    EXPECT_EQ(reply->payload, "");
    EXPECT_EQ(reply->qos, qos == 0 ? 0 : 1);
    EXPECT_FALSE(reply->retain);
    EXPECT_EQ(reply->properties.FindText(PropertyId::kCorrelationData), correlation);
    const auto users = reply->properties.Users();
    ASSERT_EQ(users.size(), 3U);
    EXPECT_EQ(users[0].first + "=" + users[0].second, "kv-status=ok");
    EXPECT_EQ(RevisionOf(*reply), qos + 1U);
    const auto live = watcher().WaitMessage();
    ASSERT_TRUE(live) << watcher().error();
    EXPECT_EQ(reply->Property("kv-time"), live->Property("kv-time"));
    EXPECT_EQ(reply->Property("kv-revision"), live->Property("kv-revision"));
  }
  ExpectNothingDelivered();
}

TEST_F(WriteReply, NeedsNoCorrelationData) {
  ASSERT_TRUE(
      client().Publish("kv/b/k", "v", {.properties = Properties().ResponseTopic("answers")}));
  const auto reply = client().WaitMessage();
  ASSERT_TRUE(reply) << client().error();
  EXPECT_EQ(reply->Property("kv-status"), "ok");
  EXPECT_EQ(reply->properties.FindText(PropertyId::kCorrelationData), std::nullopt);
}

TEST_F(WriteReply, GoesToTheWriterAloneAndAlsoWhenOthersSubscribeToTheResponseTopic) {
  MqttClient other(broker().port());
  ASSERT_TRUE(other.Connect()) << other.error();
  ASSERT_TRUE(other.Subscribe("answers"));
  ASSERT_TRUE(client().Subscribe("answers"));
  const auto to_answers = Properties().ResponseTopic("answers");
  ASSERT_TRUE(client().Publish("kv/b/k", "v", {.properties = to_answers}));
  EXPECT_TRUE(client().WaitMessage()) << client().error();
  EXPECT_TRUE(client().TakeMessages().empty()) << "once, whether subscribed or not";
  EXPECT_TRUE(other.TakeMessages().empty());
  EXPECT_TRUE(watcher().WaitMessage()) << "the change";
  ExpectNothingDelivered();
}

TEST_F(WriteReply, OfARefusedWriteIsTheCodeAndTheAcknowledgementASuccess) {
  for (std::uint8_t qos = 0; qos < 3; ++qos) {
    SCOPED_TRACE("QoS " + std::to_string(qos));
    const auto properties = Properties()
                                .ResponseTopic("answers")
                                .CorrelationData("c")
                                .User("kv-op", "update")
                                .User("kv-expected-revision", "7");
    EXPECT_TRUE(IsSuccess(client().Publish("kv/b/k", "v", {.qos = qos, .properties = properties})));
    const auto reply = client().WaitMessage();
    ASSERT_TRUE(reply) << client().error();
    EXPECT_EQ(reply->Property("kv-status"), "wrong-last-revision");
    EXPECT_NE(reply->Property("kv-error").value_or(""), "");
    EXPECT_EQ(reply->Property("kv-revision"), "0");
    EXPECT_EQ(reply->properties.FindText(PropertyId::kCorrelationData), "c");
    EXPECT_EQ(reply->qos, qos == 0 ? 0 : 1);
  }
  ExpectNothingDelivered();
  EXPECT_TRUE(RetainedMessages(broker().port(), "kv/#").empty());
}

TEST_F(WriteReply, WithoutAResponseTopicAV5WritersRefusalIsReasonCode0x87) {
  const auto refused = Properties().User("kv-op", "update").User("kv-expected-revision", "7");
  // More than the broker lets be in flight: what is refused must not stay there.
  for (int round = 0; round < 50; ++round) {
    for (std::uint8_t qos = 1; qos < 3; ++qos) {
      ASSERT_EQ(
          client().Publish("kv/b/k", "v", {.qos = qos, .retain = true, .properties = refused}),
          kRefused)
          << "QoS " << int{qos} << " round " << round << client().error();
    }
    ASSERT_EQ(client().Publish("kv/b/k", "v", {.qos = 0, .properties = refused}), 0);
  }
  EXPECT_TRUE(client().Ping()) << "the connection stays";
  ExpectNothingDelivered();
  EXPECT_TRUE(RetainedMessages(broker().port(), "kv/#").empty());
  EXPECT_TRUE(client().Put("b/k", "v").ok());
}

TEST_F(WriteReply, TheLogNamesTheReasonOfARefusalAtDebugLevel) {
  ASSERT_EQ(client().Publish("kv/b/k", "v", {.properties = Properties().User("kv-op", "juggle")}),
            kRefused);
  EXPECT_TRUE(broker().process().WaitForLog("bad-request"));
  const std::string log = broker().process().Log();
  const auto at = log.find("bad-request");
  const std::string line =
      log.substr(log.rfind('\n', at) + 1, log.find('\n', at) - log.rfind('\n', at));
  EXPECT_NE(line.find("kv/b/k"), std::string::npos) << line;
  EXPECT_NE(line.find(client().client_id()), std::string::npos) << line;
  EXPECT_NE(line.find("kv-op"), std::string::npos) << line;
}

TEST_F(WriteReply, OlderWritersGetAnOrdinaryAcknowledgementOfARefusalAndStayConnected) {
  for (const ProtocolVersion version : {ProtocolVersion::kMqtt31, ProtocolVersion::kMqtt311}) {
    MqttClient writer(broker().port());
    ASSERT_TRUE(writer.Connect({.version = version})) << writer.error();
    for (int round = 0; round < 30; ++round) {
      for (std::uint8_t qos = 0; qos < 3; ++qos) {
        ASSERT_EQ(writer.Publish("kv/bad bucket/k", "v", {.qos = qos, .retain = true}), 0)
            << writer.error();
      }
    }
    EXPECT_TRUE(writer.Ping()) << writer.error();
    EXPECT_TRUE(IsSuccess(writer.Publish("kv/good/k", "v", {.qos = 2})));
    EXPECT_TRUE(watcher().WaitMessage()) << "the good one";
  }
  ExpectNothingDelivered();
  EXPECT_EQ(RetainedMessages(broker().port(), "kv/#").size(), 1U);
}

TEST_F(WriteReply, OlderWritersGetNoReplyToAWrite) {
  MqttClient writer(broker().port());
  ASSERT_TRUE(writer.Connect({.version = ProtocolVersion::kMqtt311})) << writer.error();
  ASSERT_TRUE(writer.Publish("kv/b/k", "v"));
  ASSERT_TRUE(watcher().WaitMessage());
  EXPECT_TRUE(writer.TakeMessages().empty());
}

TEST_F(WriteReply, ReachesASessionThatWasAwayWhenItComesBack) {
  KvClient writer(broker().port());
  const ConnectOptions session = {
      .client_id = "durable", .clean_start = true, .session_expiry_seconds = 3600};
  ASSERT_TRUE(writer.Connect(session)) << writer.error();
  ASSERT_TRUE(
      writer.PublishAsync("kv/b/k", "v", {.properties = Properties().ResponseTopic("answers")}));
  writer.Drop();
  ASSERT_TRUE(watcher().WaitMessage()) << "written";
  ConnectOptions again = session;
  again.clean_start = false;
  ASSERT_TRUE(writer.Connect(again)) << writer.error();
  const auto reply = writer.WaitMessage();
  ASSERT_TRUE(reply) << writer.error();
  EXPECT_EQ(reply->topic, "answers");
  EXPECT_EQ(reply->Property("kv-status"), "ok");
}

TEST_F(WriteReply, ManyAtOnceAllComeAndInOrder) {
  // As many as the broker queues for one session by default, and not one more.
  constexpr std::size_t reply_count = 1000;
  for (std::size_t i = 0; i < reply_count; ++i) {
    ASSERT_TRUE(client().PublishAsync(
        "kv/b/k" + std::to_string(i % 10),
        std::to_string(i),
        {.properties = Properties().ResponseTopic("answers").CorrelationData(std::to_string(i))}));
  }
  const auto replies = client().WaitMessages(reply_count);
  ASSERT_EQ(replies.size(), reply_count);
  for (std::size_t i = 0; i < reply_count; ++i) {
    ASSERT_EQ(replies[i].properties.FindText(PropertyId::kCorrelationData), std::to_string(i));
    ASSERT_EQ(RevisionOf(replies[i]), i + 1);
  }
}

}  // namespace
}  // namespace kv::testing
