// The test support against a plain Mosquitto: if this fails, no other end-to-end test counts.
#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/broker_process.h"
#include "tests/support/mqtt_client.h"
#include "tests/support/mqtt_packet.h"

namespace kv::testing {
namespace {

constexpr std::uint8_t kNoMatchingSubscribers = 0x10;
constexpr std::uint8_t kProtocolError = 0x82;

std::string BinaryPayload() {
  std::string bytes;
  for (int i = 0; i < 256; ++i) {
    bytes.push_back(static_cast<char>(i));
  }
  return bytes;
}

class EachVersionAndQos
    : public ::testing::TestWithParam<std::tuple<ProtocolVersion, std::uint8_t>> {
 protected:
  void SetUp() override {
    const auto started = broker_.Start();
    ASSERT_TRUE(started) << started.log;
    ASSERT_TRUE(publisher_.Connect({.version = version()})) << publisher_.error();
    ASSERT_TRUE(subscriber_.Connect({.version = version()})) << subscriber_.error();
  }

  static ProtocolVersion version() { return std::get<0>(GetParam()); }
  static std::uint8_t qos() { return std::get<1>(GetParam()); }

  BrokerProcess broker_;
  MqttClient publisher_{broker_.port()};
  MqttClient subscriber_{broker_.port()};
};

TEST_P(EachVersionAndQos, DeliversLive) {
  EXPECT_EQ(subscriber_.Subscribe("a/+", qos()), qos());
  EXPECT_EQ(publisher_.Publish("a/b", BinaryPayload(), {.qos = qos()}), 0);

  const std::optional<Message> message = subscriber_.WaitMessage();
  ASSERT_TRUE(message) << subscriber_.error();
  EXPECT_EQ(message->topic, "a/b");
  EXPECT_EQ(message->payload, BinaryPayload());
  EXPECT_EQ(message->qos, qos());
  EXPECT_FALSE(message->retain);
  EXPECT_FALSE(message->dup);
  EXPECT_TRUE(subscriber_.TakeMessages().empty());
}

TEST_P(EachVersionAndQos, DeliversRetained) {
  ASSERT_TRUE(publisher_.Publish("a/b", "kept", {.qos = qos(), .retain = true}));
  ASSERT_TRUE(publisher_.Ping());  // the broker has read a QoS 0 message before the ping after it
  EXPECT_EQ(subscriber_.Subscribe("#", qos()), qos());

  const std::optional<Message> message = subscriber_.WaitMessage();
  ASSERT_TRUE(message) << subscriber_.error();
  EXPECT_EQ(message->payload, "kept");
  EXPECT_TRUE(message->retain);
  EXPECT_EQ(message->qos, qos());
}

TEST_P(EachVersionAndQos, DeliversManyInOrder) {
  constexpr std::size_t count = 500;  // far more than the broker has in flight
  ASSERT_TRUE(subscriber_.Subscribe("n", qos()));
  std::vector<std::uint16_t> ids;
  for (std::size_t i = 0; i < count; ++i) {
    const auto id = publisher_.PublishAsync("n", std::to_string(i), {.qos = qos()});
    ASSERT_TRUE(id) << publisher_.error();
    ids.push_back(*id);
    if (ids.size() == 20) {  // the Receive Maximum that a default Mosquitto announces
      for (const std::uint16_t pending : ids) {
        ASSERT_EQ(publisher_.WaitPublished(pending), 0) << publisher_.error();
      }
      ids.clear();
    }
  }
  ASSERT_TRUE(publisher_.Ping());
  const std::vector<Message> messages = subscriber_.TakeMessages();
  ASSERT_EQ(messages.size(), count);
  for (std::size_t i = 0; i < count; ++i) {
    EXPECT_EQ(messages[i].payload, std::to_string(i));
  }
}

TEST_P(EachVersionAndQos, Unsubscribes) {
  ASSERT_TRUE(subscriber_.Subscribe("a/#", qos()));
  EXPECT_EQ(subscriber_.Unsubscribe("a/#"), 0);
  ASSERT_TRUE(publisher_.Publish("a/b", "unheard", {.qos = qos()}));
  ASSERT_TRUE(publisher_.Ping());
  EXPECT_TRUE(subscriber_.TakeMessages().empty());
}

INSTANTIATE_TEST_SUITE_P(Mqtt,
                         EachVersionAndQos,
                         ::testing::Combine(::testing::Values(ProtocolVersion::kMqtt31,
                                                              ProtocolVersion::kMqtt311,
                                                              ProtocolVersion::kMqtt5),
                                            ::testing::Values(0, 1, 2)));

class ClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto started = broker_.Start();
    ASSERT_TRUE(started) << started.log;
    ASSERT_TRUE(client_.Connect()) << client_.error();
  }

  BrokerProcess broker_;
  MqttClient client_{broker_.port()};
};

TEST_F(ClientTest, CarriesPropertiesInOrder) {
  const Properties sent = Properties()
                              .PayloadFormat(1)
                              .ContentType("text/plain")
                              .ResponseTopic("replies/here")
                              .CorrelationData(BinaryPayload());
  Properties with_users = sent;
  with_users.User("b", "1").User("a", "2").User("b", "3").User("", "empty name");
  ASSERT_TRUE(client_.Subscribe("p", 1));
  ASSERT_EQ(client_.Publish("p", "x", {.properties = with_users}), 0);

  const std::optional<Message> message = client_.WaitMessage();
  ASSERT_TRUE(message) << client_.error();
  const Properties& got = message->properties;
  EXPECT_EQ(got.Users(), with_users.Users());
  EXPECT_EQ(message->Property("b"), "1");
  EXPECT_EQ(got.UserValues("b"), (std::vector<std::string>{"1", "3"}));
  EXPECT_EQ(message->Property("absent"), std::nullopt);
  EXPECT_EQ(got.FindText(PropertyId::kResponseTopic), "replies/here");
  EXPECT_EQ(got.FindText(PropertyId::kCorrelationData), BinaryPayload());
  EXPECT_EQ(got.FindText(PropertyId::kContentType), "text/plain");
  EXPECT_EQ(got.FindNumber(PropertyId::kPayloadFormat), 1U);
}

TEST_F(ClientTest, ResolvesTopicAliasesAndExpiry) {
  ASSERT_TRUE(client_.Subscribe("long/topic", 1));
  ASSERT_TRUE(client_.Publish(
      "long/topic", "1", {.properties = Properties().TopicAlias(1).MessageExpiry(1000)}));
  ASSERT_TRUE(client_.Publish("", "2", {.properties = Properties().TopicAlias(1)}));
  const std::vector<Message> messages = client_.WaitMessages(2);
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_GT(messages[0].properties.FindNumber(PropertyId::kMessageExpiry), 990U);
  EXPECT_EQ(messages[1].topic, "long/topic");
  EXPECT_EQ(messages[1].payload, "2");
}

TEST_F(ClientTest, SubscribesWithOptions) {
  ASSERT_TRUE(client_.Publish("r", "old", {.retain = true}));
  EXPECT_EQ(client_.Subscribe({.filter = "r", .qos = 2, .no_local = true, .retain_handling = 2}),
            2);
  ASSERT_TRUE(client_.Publish("r", "own"));
  EXPECT_TRUE(client_.TakeMessages().empty());

  EXPECT_EQ(client_.Unsubscribe("r"), 0);  // or Mosquitto keeps the first No Local
  EXPECT_EQ(client_.Subscribe({.filter = "r", .qos = 1, .retain_as_published = true}), 1);
  ASSERT_TRUE(client_.Publish("r", "new", {.retain = true}));
  const std::vector<Message> messages = client_.TakeMessages();
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_EQ(messages[0].payload, "old");
  EXPECT_EQ(messages[1].payload, "new");
  EXPECT_TRUE(messages[1].retain);
}

TEST_F(ClientTest, ReportsReasonCodes) {
  EXPECT_EQ(client_.Publish("nobody/listens", "x"), kNoMatchingSubscribers);
  EXPECT_EQ(client_.Publish("nobody/listens", "x", {.qos = 2}), 0);
}

TEST_F(ClientTest, CollectsRepliesUntilTheLast) {
  // The replies are there before the request, so that the test needs no second thread.
  constexpr const char* correlation = "/1";  // of its first request, after the client's id
  MqttClient service(broker_.port());
  ASSERT_TRUE(service.Connect());
  ASSERT_TRUE(client_.Subscribe("replies", 1));
  for (const char* status : {"entry", "entry", "end", "entry"}) {
    const Properties reply =
        Properties().User("kv-status", status).CorrelationData(client_.client_id() + correlation);
    ASSERT_TRUE(service.Publish("replies", status, {.properties = reply}));
  }
  ASSERT_TRUE(service.Publish("replies", "of another request"));

  const std::vector<Message> replies = client_.Request("requests", "x");
  ASSERT_EQ(replies.size(), 3U) << client_.error();
  EXPECT_EQ(replies[0].payload, "entry");
  EXPECT_EQ(replies[2].payload, "end");
  const std::vector<Message> others = client_.TakeMessages();
  ASSERT_EQ(others.size(), 2U);
  EXPECT_EQ(others[1].payload, "of another request");
  EXPECT_TRUE(client_.Request("requests", "x", {}, "replies", milliseconds(10)).empty());
}

TEST_F(ClientTest, StepsThroughQos2ByHand) {
  MqttClient subscriber(broker_.port());
  ASSERT_TRUE(subscriber.Connect());
  ASSERT_TRUE(subscriber.Subscribe("q", 2));

  const auto id = client_.PublishAsync("q", "x", {.qos = 2});
  ASSERT_TRUE(id);
  EXPECT_EQ(client_.WaitPubrec(*id), 0);
  EXPECT_TRUE(subscriber.TakeMessages().empty()) << "delivered before it was released";
  EXPECT_TRUE(client_.SendPubrel(*id));
  EXPECT_EQ(client_.WaitPubcomp(*id), 0);
  EXPECT_EQ(subscriber.TakeMessages().size(), 1U);
}

TEST_F(ClientTest, RedeliversInTheSameSession) {
  const ConnectOptions session{
      .client_id = "durable", .clean_start = false, .session_expiry_seconds = 1000};
  ASSERT_TRUE(client_.Connect(session));
  ASSERT_TRUE(client_.Subscribe("q", 2));
  const auto id = client_.PublishAsync("q", "x", {.qos = 2});
  ASSERT_TRUE(id);
  ASSERT_EQ(client_.WaitPubrec(*id), 0);
  client_.Drop();
  ASSERT_TRUE(client_.Connect(session));
  EXPECT_TRUE(client_.connack()->session_present);
  EXPECT_TRUE(
      client_.SendPublish({.topic = "q", .payload = "x", .qos = 2, .dup = true, .packet_id = *id}));
  EXPECT_EQ(client_.WaitPublished(*id), 0);
  EXPECT_EQ(client_.TakeMessages().size(), 1U);
}

TEST_F(ClientTest, LeavesMessagesUnacknowledged) {
  const ConnectOptions session{.client_id = "durable",
                               .clean_start = false,
                               .session_expiry_seconds = 1000,
                               .automatic_acks = false};
  ASSERT_TRUE(client_.Connect(session));
  ASSERT_TRUE(client_.Subscribe("q", 1));
  ASSERT_EQ(client_.Publish("q", "x"), 0);
  ASSERT_EQ(client_.TakeMessages().size(), 1U);
  ASSERT_TRUE(client_.Connect(session));
  const std::optional<Message> again = client_.WaitMessage();
  ASSERT_TRUE(again) << client_.error();
  EXPECT_TRUE(again->dup);
  EXPECT_TRUE(client_.SendPacket(AckPacket{.packet_id = again->packet_id}));
  ASSERT_TRUE(client_.Connect(session));
  EXPECT_TRUE(client_.TakeMessages().empty());
}

TEST_F(ClientTest, SendsTheWillOnlyWhenDropped) {
  const Will will{.topic = "will", .payload = "gone", .qos = 1};
  ASSERT_TRUE(client_.Subscribe("will", 1));
  MqttClient other(broker_.port());
  ASSERT_TRUE(other.Connect({.will = will}));
  EXPECT_TRUE(other.Disconnect());
  EXPECT_FALSE(other.IsConnected());
  EXPECT_TRUE(client_.TakeMessages().empty());

  ASSERT_TRUE(other.Connect({.will = will}));
  other.Drop();
  const std::optional<Message> message = client_.WaitMessage();
  ASSERT_TRUE(message) << client_.error();
  EXPECT_EQ(message->payload, "gone");
}

TEST_F(ClientTest, NoticesThatTheBrokerEndsTheConnection) {
  EXPECT_TRUE(client_.IsConnected());
  MqttClient same_id(broker_.port());
  ASSERT_TRUE(same_id.Connect({.client_id = client_.client_id()}));
  EXPECT_TRUE(client_.WaitDisconnected());
  EXPECT_FALSE(client_.IsConnected());
  EXPECT_EQ(client_.Publish("a", "x"), std::nullopt);

  EXPECT_TRUE(same_id.SendPublish({.topic = "wildcards/are/not/topics/#"}));
  EXPECT_TRUE(same_id.WaitDisconnected());
  ASSERT_TRUE(same_id.broker_disconnect());
  EXPECT_EQ(same_id.broker_disconnect()->reason, kProtocolError);
}

TEST_F(ClientTest, TakesAnAssignedClientId) {
  ASSERT_TRUE(client_.Connect({.client_id = ""}));
  EXPECT_FALSE(client_.client_id().empty());
}

TEST(BrokerProcessTest, SaysWhyItDidNotStart) {
  BrokerProcess broker({.configuration = "no_such_option 1"});
  const auto started = broker.Start();
  EXPECT_FALSE(started);
  EXPECT_NE(started.log.find("no_such_option"), std::string::npos) << started.log;
  EXPECT_FALSE(broker.IsRunning());
  EXPECT_GT(broker.WaitExit(), 0);
}

TEST(BrokerProcessTest, ReportsAMissingCommand) {
  BrokerProcess broker({.command_prefix = {"no-such-command"}});
  const auto started = broker.Start();
  EXPECT_FALSE(started);
  EXPECT_NE(started.log.find("cannot execute"), std::string::npos) << started.log;
}

TEST(BrokerProcessTest, RunsUnderAPrefixWithAnEnvironment) {
  BrokerProcess broker({.command_prefix = {"sh", "-c", R"(echo "mark=$MARK"; exec "$@")", "sh"},
                        .extra_environment = {{"MARK", "set here"}}});
  const auto started = broker.Start();
  ASSERT_TRUE(started) << started.log;
  EXPECT_TRUE(broker.WaitForLog("mark=set here"));
  EXPECT_EQ(broker.Stop(), 0);
}

TEST(BrokerProcessTest, AsksForAPassword) {
  BrokerProcess broker({.allow_anonymous = false});
  ASSERT_TRUE(broker.Start());
  MqttClient client(broker.port());
  EXPECT_FALSE(client.Connect({.username = "user", .password = "wrong"}));
  ASSERT_TRUE(client.connack()) << client.error();
  EXPECT_GE(client.connack()->reason, 0x80);
  EXPECT_FALSE(client.Connect({.version = ProtocolVersion::kMqtt311}));
  ASSERT_TRUE(client.connack()) << client.error();
  EXPECT_EQ(client.connack()->reason, 5);
}

TEST(BrokerProcessTest, KeepsWhatItSavedAcrossACleanRestartOnly) {
  BrokerProcess broker({.configuration = "persistence true\npersistence_location ."});
  ASSERT_TRUE(broker.Start());
  const std::uint16_t port = broker.port();
  MqttClient client(port);
  ASSERT_TRUE(client.Connect());
  ASSERT_TRUE(client.Publish("saved", "1", {.retain = true}));
  const auto restarted = broker.Restart();
  ASSERT_TRUE(restarted) << restarted.log;
  EXPECT_EQ(broker.port(), port);
  EXPECT_TRUE(client.WaitDisconnected());

  ASSERT_TRUE(client.Connect()) << client.error();
  ASSERT_TRUE(client.Publish("lost", "2", {.retain = true}));
  EXPECT_EQ(broker.Kill(), 128 + SIGKILL);
  EXPECT_EQ(broker.Stop(), -1);
  ASSERT_TRUE(broker.Start());
  ASSERT_TRUE(client.Connect()) << client.error();
  ASSERT_TRUE(client.Subscribe("#", 1));
  const std::vector<Message> messages = client.TakeMessages();
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0].topic, "saved");
}

TEST(BrokerProcessTest, FindsOnlyThisRunInTheLog) {
  BrokerProcess broker;
  ASSERT_TRUE(broker.Start());
  MqttClient client(broker.port());
  ASSERT_TRUE(client.Connect({.client_id = "first-run"}));
  EXPECT_TRUE(broker.WaitForLog("first-run"));
  ASSERT_TRUE(broker.Restart());
  EXPECT_EQ(broker.Log().find("first-run"), std::string::npos);
  EXPECT_NE(broker.FullLog().find("first-run"), std::string::npos);
  EXPECT_FALSE(broker.WaitForLog("first-run", milliseconds(20)));
}

TEST(BrokerProcessTest, RemovesItsDirectory) {
  std::filesystem::path directory;
  {
    BrokerProcess broker;
    ASSERT_TRUE(broker.Start());
    directory = broker.directory();
    EXPECT_TRUE(std::filesystem::exists(directory));
  }
  EXPECT_FALSE(std::filesystem::exists(directory));
}

TEST(PortTest, IsReservedOnce) {
  const ReservedPort first;
  const ReservedPort second;
  EXPECT_NE(first.number(), second.number());
}

TEST(PacketTest, ReadsFramesPieceByPiece) {
  const std::string bytes = Encode(PublishPacket{.topic = "t", .payload = std::string(300, 'x')},
                                   ProtocolVersion::kMqtt5);
  Frame frame;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ASSERT_EQ(ReadFrame(std::string_view(bytes).substr(0, size), frame), FrameStatus::kIncomplete);
  }
  ASSERT_EQ(ReadFrame(bytes + "more", frame), FrameStatus::kComplete);
  EXPECT_EQ(frame.size, bytes.size());
  EXPECT_EQ(ReadFrame("\x30\xFF\xFF\xFF\xFF\x01", frame), FrameStatus::kMalformed);
}

TEST(PacketTest, RefusesATruncatedBody) {
  const Frame frame{.type = PacketType::kPublish, .body = std::string_view("\x00\x05tool", 6)};
  EXPECT_FALSE(Decode(frame, ProtocolVersion::kMqtt311));
  const Frame unknown{.type = PacketType::kConnect};
  EXPECT_FALSE(Decode(unknown, ProtocolVersion::kMqtt5));
}

}  // namespace
}  // namespace kv::testing
