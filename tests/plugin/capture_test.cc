// Buckets that keep what devices publish outside kv/.
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/plugin/service_test.h"

namespace kv::plugin::testing {
namespace {

class CaptureTest : public ServiceTest {
 protected:
  void Capture(const std::string& bucket, const std::string& fields) {
    Declare(bucket, fields);
    ASSERT_NO_FATAL_FAILURE(Start());
    Settle();
  }
  // As the plugin does it: asked first, copied only if wanted.
  std::string Device(std::string_view topic, std::string_view payload) {
    broker_.Take();
    if (!service_->Captures(topic)) {
      return "not asked";
    }
    return TextOf(Handle({.topic = topic, .payload = payload, .qos = 1}));
  }
};

TEST_F(CaptureTest, KeepsTheMessageUnderItsWholeTopicAndLeavesItAlone) {
  ASSERT_NO_FATAL_FAILURE(Capture("z", "capture=zigbee2mqtt/# history=2"));
  EXPECT_EQ(Device("zigbee2mqtt/lamp", "on"), "untouched");
  EXPECT_EQ(Published(),
            Texts{"kv/z/zigbee2mqtt/lamp 'on' qos 1 retain [" + Change("PUT", 1) + "]"});
  EXPECT_EQ(Device("zigbee2mqtt", "1"), "untouched") << "the filter covers its parent";
  EXPECT_EQ(Device("other/lamp", "on"), "not asked");
  EXPECT_EQ(Ask("$KV/z/keys").at(0).payload, R"(["zigbee2mqtt","zigbee2mqtt/lamp"])");
  EXPECT_EQ(Ask("$KV/z/get/zigbee2mqtt/lamp").at(0).payload, "on");
}

TEST_F(CaptureTest, KeepsContentTypeAndUserPropertiesButTakesNoOptions) {
  ASSERT_NO_FATAL_FAILURE(Capture("z", "capture=d/+"));
  EXPECT_TRUE(service_->Captures("d/1"));
  EXPECT_FALSE(service_->Captures("d/1/2"));
  Handle({.topic = "d/1",
          .payload = "v",
          .qos = 0,
          .own = {.content_type = "text/plain", .user = {{"a", "b"}}},
          .options = {{"kv-op", "purge"}, {"kv-msg-id", "id"}}});
  EXPECT_EQ(Published(),
            Texts{"kv/z/d/1 'v' qos 0 retain type text/plain [a=b " + Change("PUT", 1) + "]"});
}

TEST_F(CaptureTest, AnEmptyPayloadDeletes) {
  ASSERT_NO_FATAL_FAILURE(Capture("z", "capture=d/#"));
  Device("d/1", "v");
  EXPECT_EQ(Device("d/1", ""), "untouched");
  EXPECT_EQ(Published(), Texts{"kv/z/d/1 '' qos 1 retain [" + Change("DEL", 2) + "]"});
  EXPECT_EQ(Device("d/absent", ""), "untouched");
  EXPECT_EQ(Published(), Texts{});
}

TEST_F(CaptureTest, WhatTheBucketRefusesGoesOnAllTheSame) {
  ASSERT_NO_FATAL_FAILURE(Capture("z", "capture=d/# max_value_size=3"));
  EXPECT_EQ(Device("d/1", "too long"), "untouched");
  EXPECT_EQ(Device("d//empty/level", "v"), "untouched");
  EXPECT_EQ(Published(), Texts{});
  EXPECT_EQ(broker_.Lines(LogLevel::kDebug, "could not capture").size(), 2U);
  EXPECT_EQ(Ask("$KV/z/keys").at(0).payload, "[]");
}

TEST_F(CaptureTest, SeveralBucketsMayCaptureTheSame) {
  Declare("y", "capture=d/1");
  ASSERT_NO_FATAL_FAILURE(Capture("z", "capture=d/#"));
  EXPECT_EQ(Device("d/1", "v"), "untouched");
  EXPECT_EQ(Published().size(), 2U);
}

TEST_F(CaptureTest, FollowsTheCatalog) {
  ASSERT_NO_FATAL_FAILURE(Capture("z", "history=1"));
  EXPECT_EQ(Device("d/1", "v"), "not asked");
  AskLater("$KV/z/admin/update", R"({"capture":"d/#"})");
  EXPECT_EQ(Device("d/1", "v"), "untouched");
  AskLater("$KV/z/admin/update", R"({"capture":null})");
  EXPECT_EQ(Device("d/1", "v"), "not asked");
  Handle({.topic = "$KV/new/admin/create", .payload = R"({"capture":"e/#"})", .qos = 1});
  EXPECT_EQ(Device("e/1", "v"), "untouched");
  AskLater("$KV/new/admin/delete");
  EXPECT_EQ(Device("e/1", "v"), "not asked");
}

TEST_F(CaptureTest, AFilterOfOurOwnTopicsIsRefused) {
  ASSERT_NO_FATAL_FAILURE(Start());
  for (const auto* const filter : {"kv/#", "kv/b/+", "$KV/#", "#", "+/b"}) {
    Settle();  // or what the last one's end published keeps the put from going on in place
    Handle({.topic = "$KV/z/admin/create",
            .payload = R"({"capture":")" + std::string(filter) + R"("})",
            .qos = 1,
            .response_topic = "r"});
    const std::string status = ValueOf(LastReply().value_or(Sent{}), "kv-status").value_or("none");
    const bool may_cover_others = std::string_view(filter) == "#" || filter[0] == '+';
    EXPECT_TRUE(status == "bad-request" || (may_cover_others && status == "ok")) << filter;
    if (status == "ok") {
      EXPECT_EQ(TextOf(Put("kv/b/k", "v")).rfind("marked", 0), 0U) << "ours stays ours";
      EXPECT_EQ(ValueOf(Ask("$KV/z/get/kv/b/k").at(0), "kv-status"), "key-not-found");
      AskLater("$KV/z/admin/delete");
    }
  }
}

TEST_F(CaptureTest, WithAuditKnowsTheDevice) {
  ASSERT_NO_FATAL_FAILURE(Capture("z", "capture=d/# audit=true"));
  ASSERT_TRUE(service_->Captures("d/1"));
  service_->OnMessage({.id = "lamp", .username = "home"}, {.topic = "d/1", .payload = "v"});
  EXPECT_EQ(Published(),
            Texts{"kv/z/d/1 'v' qos 0 retain [" + Change("PUT", 1) +
                  " kv-client=lamp kv-username=home]"});
}

}  // namespace
}  // namespace kv::plugin::testing
