// kv-msg-id: writing again writes nothing and gets the first result.
#include <chrono>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "tests/e2e/kv_broker.h"
#include "tests/e2e/reasons.h"

namespace kv::testing {
namespace {

class MessageId : public KvBrokerTest {
 protected:
  void SetUp() override { ASSERT_NO_FATAL_FAILURE(StartBroker()); }
};

TEST_F(MessageId, AMessageIdThatComesAgainWritesNothingAndGetsTheFirstResult) {
  const auto id = Properties().User("kv-msg-id", "order-17");
  MqttClient watcher(broker().port());
  ASSERT_TRUE(watcher.Connect()) << watcher.error();
  ASSERT_TRUE(watcher.Subscribe("kv/#"));
  const Answer first = client().Write("b/k", "1", id);
  ASSERT_TRUE(first.ok()) << first;
  EXPECT_EQ(first.Property("kv-duplicate"), std::nullopt);
  ASSERT_TRUE(client().Put("b/k", "between").ok());

  KvClient other(broker().port());
  ASSERT_TRUE(other.Connect()) << other.error();
  for (KvClient* writer : {&client(), &other}) {
    // The id is the bucket's: another client, key, value or operation makes no difference.
    for (const std::string path : {"b/k", "b/other"}) {
      const Answer again = writer->Write(path, "2", id);
      EXPECT_EQ(again.status, "ok") << again;
      EXPECT_EQ(again.Property("kv-duplicate"), "true");
      EXPECT_EQ(again.revision, first.revision);
      EXPECT_EQ(again.Property("kv-time"), first.Property("kv-time"));
    }
  }
  EXPECT_EQ(client().Get("b/k").value, "between");
  EXPECT_EQ(client().Get("b/other").status, "key-not-found");
  EXPECT_EQ(watcher.TakeMessages().size(), 2U);
  EXPECT_EQ(client().Write("elsewhere/k", "1", id).Property("kv-duplicate"), std::nullopt)
      << "another bucket has ids of its own";
}

TEST_F(MessageId, ADuplicateWithoutAResponseTopicIsAcknowledgedAsASuccess) {
  const auto id = Properties().User("kv-msg-id", "m");
  for (std::uint8_t qos = 0; qos < 3; ++qos) {
    EXPECT_TRUE(IsSuccess(client().Publish("kv/b/k", "v", {.qos = qos, .properties = id})));
  }
  EXPECT_EQ(client().Info("b")["last_revision"], 1);
}

TEST_F(MessageId, AWriteThatIsRedeliveredAfterAReconnectIsWrittenOnceByItsMessageId) {
  for (std::uint8_t qos = 1; qos < 3; ++qos) {
    SCOPED_TRACE("QoS " + std::to_string(qos));
    ConnectOptions session = {.client_id = "durable", .session_expiry_seconds = 3600};
    MqttClient writer(broker().port());
    ASSERT_TRUE(writer.Connect(session)) << writer.error();
    PublishPacket packet = {
        .topic = "kv/b/k",
        .payload = "once",
        .qos = qos,
        .packet_id = 17,
        .properties = Properties().User("kv-msg-id", "m" + std::to_string(qos))};
    ASSERT_TRUE(writer.SendPublish(packet));
    ASSERT_TRUE(qos == 1 ? writer.WaitPuback(17) : writer.WaitPubrec(17));
    writer.Drop();  // as if the acknowledgement had not come
    session.clean_start = false;
    ASSERT_TRUE(writer.Connect(session)) << writer.error();
    packet.dup = true;
    ASSERT_TRUE(writer.SendPublish(packet));
    EXPECT_TRUE(IsSuccess(qos == 1 ? writer.WaitPuback(17) : writer.WaitPubrec(17)));
    if (qos == 2) {
      ASSERT_TRUE(writer.SendPubrel(17));
      EXPECT_TRUE(writer.WaitPubcomp(17)) << writer.error();
    }
    EXPECT_EQ(client().Info("b")["last_revision"], qos);
  }
}

TEST_F(MessageId, ARejectedWriteLeavesItsMessageIdFree) {
  auto id = Properties().User("kv-msg-id", "m");
  ASSERT_TRUE(client().Put("b/k", "1").ok());
  Properties wrong = id;
  wrong.User("kv-expected-revision", "9");
  EXPECT_EQ(client().Write("b/k", "2", wrong).status, "wrong-last-revision");
  const Answer free = client().Write("b/k", "2", id);
  EXPECT_EQ(free.revision, 2U) << free;
  EXPECT_EQ(free.Property("kv-duplicate"), std::nullopt);
  EXPECT_EQ(client().Write("b/k", "3", wrong).Property("kv-duplicate"), "true")
      << "taken now: what is expected is not asked again";
}

TEST_F(MessageId, AMessageIdIsFreeAgainAfterTheDuplicateWindow) {
  ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"duplicate_window", "400ms"}}}));
  const auto id = Properties().User("kv-msg-id", "m");
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_EQ(client().Write("b/k", "1", id).revision, 1U);
  ASSERT_TRUE(Eventually([&] {
    const Answer again = client().Write("b/k", "2", id);
    EXPECT_EQ(again.Property("kv-duplicate").has_value(), again.revision == 1) << again;
    return again.revision == 2;
  }));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(400)) << "not too early";
  EXPECT_EQ(client().Get("b/k").value, "2");
}

TEST_F(MessageId, TheDuplicateWindowSurvivesARestart) {
  const auto id = Properties().User("kv-msg-id", "m");
  const Answer first = client().Write("b/k", "1", id);
  ASSERT_TRUE(first.ok()) << first;
  for (const bool kill : {false, true}) {
    const auto started = kill ? broker().KillAndStart() : broker().Restart();
    ASSERT_TRUE(started) << started.log;
    ASSERT_NO_FATAL_FAILURE(Reconnect());
    const Answer again = client().Write("b/k", "2", id);
    EXPECT_EQ(again.Property("kv-duplicate"), "true") << again;
    EXPECT_EQ(again.revision, first.revision);
    EXPECT_EQ(again.Property("kv-time"), first.Property("kv-time"));
  }
  EXPECT_EQ(client().Get("b/k").value, "1");
}

}  // namespace
}  // namespace kv::testing
