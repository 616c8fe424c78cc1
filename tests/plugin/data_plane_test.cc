// What becomes of a PUBLISH to a key: how its change reaches subscribers.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/plugin/service_test.h"

namespace kv::plugin::testing {
namespace {

class DataPlaneTest : public ServiceTest {
 protected:
  void SetUp() override {
    Declare("live", "retained=false");
    ASSERT_NO_FATAL_FAILURE(Start());
    Settle();
  }
};

TEST_F(DataPlaneTest, PlainWriteGoesOnInPlaceWithMarks) {
  for (const std::uint8_t qos : {std::uint8_t{0}, std::uint8_t{1}}) {
    const auto decision = Handle({.topic = "kv/b/k", .payload = "on", .qos = qos});
    EXPECT_EQ(TextOf(decision), "marked retain [" + Change("PUT", qos + 1U) + "]");
  }
  EXPECT_EQ(broker_.TakeTexts(), Texts{});
}

TEST_F(DataPlaneTest, WriteWithPropertiesOfItsOwnGoesOnInPlace) {
  const auto decision = Handle({.topic = "kv/b/k",
                                .payload = "on",
                                .own = {.content_type = "text/plain", .user = {{"a", "b"}}}});
  EXPECT_EQ(TextOf(decision), "marked retain [" + Change("PUT", 1) + "]");
}

TEST_F(DataPlaneTest, WriteOfMqtt3GoesOnInPlace) {
  const auto decision = HandleV3({.topic = "kv/b/k", .payload = "on", .qos = 1});
  EXPECT_EQ(TextOf(decision), "marked retain [" + Change("PUT", 1) + "]");
}

TEST_F(DataPlaneTest, EmptyPayloadDeletesInPlaceAndClearsTheRetainedMessage) {
  Put("kv/b/k", "on");
  EXPECT_EQ(TextOf(Put("kv/b/k", "")), "marked retain [" + Change("DEL", 2) + "]");
  EXPECT_EQ(TextOf(Put("kv/b/k", "")), "marked retain [" + Change("DEL", 3) + "]");
}

TEST_F(DataPlaneTest, Qos2IsPublishedAnewAsItsOwnMessageWaitsForThePubrel) {
  const auto decision = Handle({.topic = "kv/b/k", .payload = "on", .qos = 2});
  EXPECT_EQ(TextOf(decision), "swallowed");
  EXPECT_EQ(broker_.TakeTexts(), Texts{"kv/b/k 'on' qos 2 retain [" + Change("PUT", 1) + "]"});
}

TEST_F(DataPlaneTest, PropertiesOfTheProtocolArePublishedAnewWithoutThem) {
  const auto decision = Handle({.topic = "kv/b/k",
                                .payload = "on",
                                .qos = 1,
                                .own = {.payload_format = 1,
                                        .content_type = "text/plain",
                                        .user = {{"b", "1"}, {"a", "2"}, {"b", "3"}}},
                                .options = {{"kv-op", "create"}, {"kv-revision", "99"}}});
  EXPECT_EQ(TextOf(decision), "swallowed");
  EXPECT_EQ(broker_.TakeTexts(),
            Texts{"kv/b/k 'on' qos 1 retain format 1 type text/plain [b=1 a=2 b=3 " +
                  Change("PUT", 1) + "]"});
}

TEST_F(DataPlaneTest, ResponseTopicAndCorrelationDataAreNotPassedOn) {
  EXPECT_EQ(TextOf(Handle({.topic = "kv/b/k", .payload = "1", .response_topic = "r"})),
            "swallowed");
  EXPECT_EQ(TextOf(Handle({.topic = "kv/b/l", .payload = "2", .correlation_data = "c"})),
            "swallowed");
  const auto sent = broker_.TakeTexts();
  ASSERT_EQ(sent.size(), 2U);  // the first one's reply waits for the disk
  EXPECT_EQ(sent[0], "kv/b/k '1' qos 0 retain [" + Change("PUT", 1) + "]");
  EXPECT_EQ(sent[1], "kv/b/l '2' qos 0 retain [" + Change("PUT", 2) + "]");
}

TEST_F(DataPlaneTest, WhileSomethingIsUnflushedEverythingIsPublishedAnewInOrder) {
  EXPECT_EQ(Handle({.topic = "kv/b/k", .payload = "1", .qos = 2}).verdict, Verdict::kSwallowed);
  EXPECT_EQ(Put("kv/b/k", "2").verdict, Verdict::kSwallowed);
  EXPECT_EQ(Put("kv/other/k", "3").verdict, Verdict::kSwallowed);
  EXPECT_EQ(Put("kv/b/k", "").verdict, Verdict::kSwallowed);
  EXPECT_EQ(broker_.TakeTexts(),
            (Texts{"kv/b/k '1' qos 2 retain [" + Change("PUT", 1) + "]",
                   "kv/b/k '2' qos 1 retain [" + Change("PUT", 2) + "]",
                   "kv/other/k '3' qos 1 retain [" + Change("PUT", 1) + "]",
                   "kv/b/k '' qos 1 retain [" + Change("DEL", 3) + "]"}));
  service_->OnTick();
  EXPECT_EQ(TextOf(Put("kv/b/k", "4")), "marked retain [" + Change("PUT", 4) + "]");
  EXPECT_EQ(broker_.TakeTexts(), Texts{});
}

TEST_F(DataPlaneTest, WhatATickPublishesIsUnflushedUntilTheNextTick) {
  Put("kv/b/k", "0");
  Advance(Metrics::kInterval);
  service_->OnTick();
  ASSERT_FALSE(broker_.Take().empty()) << "the metrics have changed";
  EXPECT_EQ(Put("kv/b/k", "1").verdict, Verdict::kSwallowed);
  service_->OnTick();
  EXPECT_EQ(Put("kv/b/k", "2").verdict, Verdict::kMarked);
}

TEST_F(DataPlaneTest, DeleteAndPurgeDropTheValueThatCameWithThem) {
  Put("kv/b/k", "1");
  Handle({.topic = "kv/b/k", .payload = "x", .options = {{"kv-op", "DEL"}, {"kv-ttl", "1s"}}});
  Handle({.topic = "kv/b/k", .payload = "x", .options = {{"kv-op", "PURGE"}}});
  EXPECT_EQ(broker_.TakeTexts(),
            (Texts{"kv/b/k '' qos 0 retain [" + Change("DEL", 2) + "]",
                   "kv/b/k '' qos 0 retain [" + Change("PURGE", 3) + "]"}));
}

TEST_F(DataPlaneTest, BucketWithoutRetainedMessagesIsPublishedLiveOnly) {
  EXPECT_EQ(TextOf(Put("kv/live/k", "1")), "marked [" + Change("PUT", 1) + "]");
  Handle({.topic = "kv/live/k", .payload = "2", .qos = 2});
  EXPECT_EQ(TextOf(Put("kv/live/k", "")), "swallowed");
  EXPECT_EQ(broker_.TakeTexts(),
            (Texts{"kv/live/k '2' qos 2 [" + Change("PUT", 2) + "]",
                   "kv/live/k '' qos 1 [" + Change("DEL", 3) + "]"}));
}

TEST_F(DataPlaneTest, EmptyValueIsAValueThoughItsRetainedMessageIsCleared) {
  Handle({.topic = "kv/b/k", .payload = "", .qos = 1, .options = {{"kv-op", "put"}}});
  EXPECT_EQ(broker_.TakeTexts(), Texts{"kv/b/k '' qos 1 retain [" + Change("PUT", 1) + "]"});
  const auto replies = Ask("$KV/b/get/k");
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies[0].payload, "");
  EXPECT_EQ(ValueOf(replies[0], "kv-status"), "ok");
  EXPECT_EQ(ValueOf(replies[0], "kv-op"), "PUT");
}

TEST_F(DataPlaneTest, DeletingWhatIsNotThereWritesNothingAndCreatesNoBucket) {
  EXPECT_EQ(TextOf(Put("kv/b/k", "")), "swallowed");
  EXPECT_EQ(TextOf(Handle({.topic = "kv/b/k", .options = {{"kv-op", "purge"}}})), "swallowed");
  EXPECT_EQ(broker_.TakeTexts(), Texts{});
  EXPECT_EQ(ValueOf(Ask("$KV/b/info").at(0), "kv-status"), "bucket-not-found");
  Put("kv/b/k", "1");
  EXPECT_EQ(TextOf(Put("kv/b/absent", "")), "swallowed");
  service_->OnTick();
  EXPECT_EQ(TextOf(Put("kv/b/k", "2")), "marked retain [" + Change("PUT", 2) + "]");
}

TEST_F(DataPlaneTest, RefusedWriteReachesNobodyAndTakesNoRevision) {
  Put("kv/b/k", "1");
  const std::vector<wire::Incoming> refused{
      {.topic = "kv/b", .payload = "x"},
      {.topic = "kv/", .payload = "x"},
      {.topic = "kv/b/", .payload = "x"},
      {.topic = "kv/no bucket/k", .payload = "x"},
      {.topic = "kv/b/k", .payload = "x", .options = {{"kv-op", "increase"}}},
      {.topic = "kv/b/k", .payload = "x", .options = {{"kv-ttl", "1s"}, {"kv-ttl", "1s"}}},
      {.topic = "kv/b/k", .payload = "x", .options = {{"kv-op", "create"}}},
      {.topic = "kv/b/k", .payload = "x", .options = {{"kv-expected-revision", "9"}}},
      {.topic = "kv/b/k", .payload = "x", .options = {{"kv-ephemeral", "yes"}}},
      {.topic = "kv/b/k", .payload = "x", .response_topic = "with/+/wildcard"},
      {.topic = "kv/b/k", .payload = "x", .response_topic = ""},
  };
  for (wire::Incoming incoming : refused) {
    for (const std::uint8_t qos : {std::uint8_t{1}, std::uint8_t{2}}) {
      incoming.qos = qos;
      EXPECT_EQ(TextOf(Handle(incoming)), "denied") << incoming.topic;
    }
  }
  EXPECT_EQ(broker_.TakeTexts(), Texts{});
  EXPECT_EQ(broker_.Lines(LogLevel::kDebug, "refused a write to kv/").size(), 2 * refused.size());
  EXPECT_EQ(TextOf(Put("kv/b/k", "2")), "marked retain [" + Change("PUT", 2) + "]");
}

TEST_F(DataPlaneTest, RefusedWriteIsSwallowedWhereItsWriterCannotSeeADenial) {
  const wire::Incoming refused{.topic = "kv/b", .payload = "x", .qos = 1};
  EXPECT_EQ(TextOf(HandleV3(refused)), "swallowed");
  EXPECT_EQ(TextOf(Handle({.topic = "kv/b", .payload = "x", .qos = 0})), "swallowed");
  EXPECT_EQ(broker_.TakeTexts(), Texts{});
}

TEST_F(DataPlaneTest, RefusalIsLoggedWithItsReasonForDebugging) {
  Handle({.topic = "kv/b", .payload = "x"});
  EXPECT_EQ(broker_.Lines(LogLevel::kDebug),
            Texts{"refused a write to kv/b by ann: invalid-key: " +
                  std::string(InfoOf(ErrorCode::kInvalidKey).sentence)});
}

TEST_F(DataPlaneTest, RefusedWriteWithAResponseTopicIsSwallowedAndAnsweredAtOnce) {
  Put("kv/b/k", "1");
  const auto decision = Handle({.topic = "kv/b/k",
                                .payload = "x",
                                .qos = 1,
                                .options = {{"kv-expected-revision", "9"}},
                                .response_topic = "replies",
                                .correlation_data = "c1"});
  EXPECT_EQ(TextOf(decision), "swallowed");
  EXPECT_EQ(broker_.TakeTexts(),
            Texts{"-> ann: replies '' qos 1 #c1 [kv-status=wrong-last-revision "
                  "kv-error=expected revision 9, the key's newest is 1 kv-revision=1]"});
}

TEST_F(DataPlaneTest, EveryRefusalHasItsCode) {
  Put("kv/b/k", "1");
  const auto status = [this](std::string_view topic, std::vector<UserProperty> options) {
    broker_.Take();
    Handle({.topic = topic, .payload = "x", .options = std::move(options), .response_topic = "r"});
    const auto sent = broker_.Take();
    return sent.size() == 1 ? ValueOf(sent[0], "kv-status").value_or("none") : "not one message";
  };
  EXPECT_EQ(status("kv/b", {}), "invalid-key");
  EXPECT_EQ(status("kv/b+/k", {}), "invalid-bucket");
  EXPECT_EQ(status("kv/b/k", {{"kv-op", "x"}}), "bad-request");
  EXPECT_EQ(status("kv/b/k", {{"kv-op", "update"}}), "bad-request");
  EXPECT_EQ(status("kv/b/k", {{"kv-op", "create"}}), "key-exists");
  EXPECT_EQ(status("kv/b/k", {{"kv-expected-revision", "0"}}), "wrong-last-revision");
  EXPECT_EQ(status("kv/new/k", {{"kv-expected-revision", "1"}}), "wrong-last-revision");
  EXPECT_EQ(status("kv/b/k", {{"kv-ephemeral", "yes"}}), "bad-request");
}

TEST_F(DataPlaneTest, RefusedWriteLeavesItsMessageIdFree) {
  Put("kv/b/k", "1");
  const std::vector<UserProperty> wrong{{"kv-msg-id", "m"}, {"kv-op", "create"}};
  const std::vector<UserProperty> right{{"kv-msg-id", "m"}, {"kv-expected-revision", "1"}};
  EXPECT_EQ(Handle({.topic = "kv/b/k", .payload = "2", .qos = 1, .options = wrong}).verdict,
            Verdict::kDenied);
  Handle({.topic = "kv/b/k", .payload = "2", .options = right});
  EXPECT_EQ(broker_.TakeTexts(), Texts{"kv/b/k '2' qos 0 retain [" + Change("PUT", 2) + "]"});
}

TEST_F(DataPlaneTest, WriteThatIsSentTwiceIsPublishedOnce) {
  const wire::Incoming write{
      .topic = "kv/b/k", .payload = "1", .qos = 1, .options = {{"kv-msg-id", "m"}}};
  EXPECT_EQ(TextOf(Handle(write)), "swallowed");
  EXPECT_EQ(broker_.Take().size(), 1U);
  EXPECT_EQ(TextOf(Handle(write)), "swallowed");
  EXPECT_EQ(broker_.TakeTexts(), Texts{});
}

TEST_F(DataPlaneTest, OtherTopicsAreNotOurs) {
  for (const auto* const topic : {"kv", "sensors/1", "$SYS/broker", "xkv/b/k"}) {
    EXPECT_EQ(service_->PlaneOf(topic), wire::Plane::kNone) << topic;
  }
}

TEST_F(DataPlaneTest, MessageThatTheBrokerHasNoMemoryForIsLoggedAndStored) {
  broker_.out_of_memory = true;
  Handle({.topic = "kv/b/k", .payload = "1", .qos = 2});
  broker_.out_of_memory = false;
  EXPECT_EQ(broker_.Lines(LogLevel::kError, "kv/b/k").size(), 1U);
  EXPECT_EQ(Ask("$KV/b/get/k").at(0).payload, "1");
}

}  // namespace
}  // namespace kv::plugin::testing
