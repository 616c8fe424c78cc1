// The broker's event in this project's words, and what is done to it.
#include "plugin/incoming_message.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mqtt_protocol.h>

#include "tests/plugin/mosquitto_properties.h"

namespace kv::plugin::testing {
namespace {

using Texts = std::vector<std::string>;

// An event with the memory that the broker would own.
class Event {
 public:
  explicit Event(std::string topic, std::string payload = "value")
      : topic_(std::move(topic)), payload_(std::move(payload)) {
    event.topic = topic_.data();
    event.payload = payload_.empty() ? nullptr : payload_.data();
    event.payloadlen = static_cast<std::uint32_t>(payload_.size());
    event.qos = 1;
  }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { mosquitto_property_free_all(&event.properties); }

  Event& User(const char* name, const char* value) {
    Check(mosquitto_property_add_string_pair(
        &event.properties, MQTT_PROP_USER_PROPERTY, name, value));
    return *this;
  }
  Event& Text(int id, const char* value) {
    Check(mosquitto_property_add_string(&event.properties, id, value));
    return *this;
  }
  Event& Correlation(std::string_view data) {
    Check(mosquitto_property_add_binary(&event.properties,
                                        MQTT_PROP_CORRELATION_DATA,
                                        data.data(),
                                        static_cast<std::uint16_t>(data.size())));
    return *this;
  }
  Event& Format(std::uint8_t format) {
    Check(
        mosquitto_property_add_byte(&event.properties, MQTT_PROP_PAYLOAD_FORMAT_INDICATOR, format));
    return *this;
  }

  mosquitto_evt_message event{};

 private:
  static void Check(int added) { EXPECT_EQ(added, MOSQ_ERR_SUCCESS); }

  std::string topic_;
  std::string payload_;
};

wire::Incoming MustRead(const Event& event) {
  auto incoming = ReadEvent(event.event, /*is_v5=*/true);
  EXPECT_TRUE(incoming.ok());
  return incoming ? std::move(*incoming) : wire::Incoming{};
}

TEST(ReadEventTest, TakesTopicPayloadAndQos) {
  const Event event("kv/b/k", std::string("a\0b", 3));
  const wire::Incoming incoming = MustRead(event);
  EXPECT_EQ(incoming.topic, "kv/b/k");
  EXPECT_EQ(incoming.payload, std::string_view("a\0b", 3));
  EXPECT_EQ(incoming.qos, 1);
  EXPECT_FALSE(incoming.carries_protocol());
  EXPECT_TRUE(incoming.own.empty());
}

TEST(ReadEventTest, TakesAnEmptyPayload) {
  EXPECT_EQ(MustRead(Event("kv/b/k", "")).payload, "");
}

TEST(ReadEventTest, TellsTheProtocolsPropertiesFromTheWriters) {
  Event event("kv/b/k");
  event.User("b", "1").User("kv-op", "put").User("a", "2").User("kv-ttl", "1s").User("b", "3");
  const wire::Incoming incoming = MustRead(event);
  EXPECT_EQ(incoming.own.user, (std::vector<UserProperty>{{"b", "1"}, {"a", "2"}, {"b", "3"}}));
  EXPECT_EQ(incoming.options, (std::vector<UserProperty>{{"kv-op", "put"}, {"kv-ttl", "1s"}}));
  EXPECT_TRUE(incoming.carries_protocol());
}

TEST(ReadEventTest, TakesUserPropertiesThatAreEmpty) {
  Event event("kv/b/k");
  event.User("", "").User("kv-", "");
  const wire::Incoming incoming = MustRead(event);
  EXPECT_EQ(incoming.own.user, (std::vector<UserProperty>{{"", ""}}));
  EXPECT_EQ(incoming.options, (std::vector<UserProperty>{{"kv-", ""}}));
}

TEST(ReadEventTest, TakesContentTypeAndPayloadFormat) {
  Event event("kv/b/k");
  event.Text(MQTT_PROP_CONTENT_TYPE, "text/plain").Format(1);
  const wire::Incoming incoming = MustRead(event);
  EXPECT_EQ(incoming.own.content_type, "text/plain");
  EXPECT_EQ(incoming.own.payload_format, 1);
  EXPECT_FALSE(incoming.carries_protocol());
}

TEST(ReadEventTest, TakesResponseTopicAndCorrelationData) {
  Event event("kv/b/k");
  event.Text(MQTT_PROP_RESPONSE_TOPIC, "replies").Correlation(std::string_view("c\0d", 3));
  const wire::Incoming incoming = MustRead(event);
  EXPECT_EQ(incoming.response_topic, "replies");
  EXPECT_EQ(incoming.correlation_data, std::string("c\0d", 3));
  EXPECT_TRUE(incoming.carries_protocol());
}

TEST(ApplyDecisionTest, LeavesWhatIsNotOursUntouched) {
  Event event("sensors/1");
  event.event.retain = true;
  event.User("a", "b");
  EXPECT_EQ(ApplyDecision({Verdict::kUntouched}, event.event), MOSQ_ERR_SUCCESS);
  EXPECT_STREQ(event.event.topic, "sensors/1");
  EXPECT_EQ(event.event.payloadlen, 5U);
  EXPECT_TRUE(event.event.retain);
  EXPECT_EQ(TextsOf(event.event.properties), Texts{"a=b"});
}

TEST(ApplyDecisionTest, MarksInPlaceBehindTheWritersProperties) {
  Event event("kv/b/k");
  event.User("a", "b");
  const std::vector<UserProperty> marks{{"kv-op", "PUT"}, {"kv-revision", "7"}};
  const Decision decision{.verdict = Verdict::kMarked, .retain = true, .marks = marks};
  EXPECT_EQ(ApplyDecision(decision, event.event), MOSQ_ERR_SUCCESS);
  EXPECT_EQ(TextsOf(event.event.properties), (Texts{"a=b", "kv-op=PUT", "kv-revision=7"}));
  EXPECT_TRUE(event.event.retain);
  EXPECT_STREQ(event.event.topic, "kv/b/k");
  EXPECT_EQ(event.event.payloadlen, 5U);
}

TEST(ApplyDecisionTest, SetsTheRetainFlagAsTheBucketSaysNotAsTheWriterDid) {
  Event event("kv/b/k");
  event.event.retain = true;
  EXPECT_EQ(ApplyDecision({.verdict = Verdict::kMarked, .retain = false}, event.event),
            MOSQ_ERR_SUCCESS);
  EXPECT_FALSE(event.event.retain);
}

TEST(ApplyDecisionTest, DeniesByTheOnlyCodeThatDisconnectsNobody) {
  Event event("kv/b/k");
  EXPECT_EQ(ApplyDecision({Verdict::kDenied}, event.event), MOSQ_ERR_ACL_DENIED);
}

TEST(ApplyDecisionTest, SwallowsIntoATopicThatNobodyCanSubscribeTo) {
  for (const std::string topic : {"kv/b/k", "k/b", "$KV/buckets"}) {
    Event event(topic);
    event.event.retain = true;
    char* const in_place = event.event.topic;
    EXPECT_EQ(ApplyDecision({Verdict::kSwallowed}, event.event), MOSQ_ERR_SUCCESS);
    EXPECT_EQ(event.event.topic, in_place) << "who frees a replaced topic differs";
    EXPECT_STREQ(event.event.topic, "$\x01");
    EXPECT_EQ(event.event.payload, nullptr);
    EXPECT_EQ(event.event.payloadlen, 0U);
    EXPECT_FALSE(event.event.retain);
  }
}

}  // namespace
}  // namespace kv::plugin::testing
