// Nobody reads or writes a key without the broker's permission for the topic used: every way to the
// buckets, by everybody, under both kinds of access control.
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/access_rows.h"
#include "tests/e2e/command.h"

namespace kv::testing {
namespace {

enum class Control {
  kAclFile,
  kDynamicSecurity
};

class AccessMatrix : public RequestTest, public ::testing::WithParamInterface<Control> {
 protected:
  void SetUp() override {
    const std::string lines = GetParam() == Control::kAclFile ? AclFile() : DynamicSecurity();
    if (lines.empty()) {
      FAIL() << "mosquitto_dynamic_security.so, of the broker's package, is not installed";
    }
    ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"backup_path", directory_.path().string()},
                                                    {"bucket_captured", "capture=devices/#"},
                                                    {"bucket_b", "history=9"}},
                                         .configuration = lines}));
    if (GetParam() == Control::kDynamicSecurity) {
      GiveRights();
    }
    ASSERT_NO_FATAL_FAILURE(Reconnect({.username = "right", .password = "secret"}));
    ASSERT_TRUE(client().Put("b/k", "1").ok());
  }

  // Those who may nothing: without a name, and with one that has no rights.
  std::vector<std::unique_ptr<MqttClient>> Others(
      ProtocolVersion version = ProtocolVersion::kMqtt5) {
    std::vector<std::unique_ptr<MqttClient>> others;
    others.push_back(std::make_unique<MqttClient>(broker().port()));
    EXPECT_TRUE(others.back()->Connect({.version = version})) << others.back()->error();
    others.push_back(std::make_unique<MqttClient>(broker().port()));
    EXPECT_TRUE(
        others.back()->Connect({.version = version, .username = "wrong", .password = "secret"}))
        << others.back()->error();
    return others;
  }

  // What a subscriber of the filter gets now, if it may subscribe at all.
  static std::vector<Message> ReceivedBy(MqttClient& user, const std::string& filter) {
    EXPECT_TRUE(user.Subscribe(filter, 1));
    return user.TakeMessages();
  }

  std::string AclFile() const {
    WriteFile(directory_.path() / "acl",
              "user right\ntopic readwrite kv/#\ntopic readwrite devices/#\ntopic write $KV/#\n"
              "topic read $SYS/#\ntopic read replies/#\ntopic read private\n"
              "user wrong\ntopic readwrite elsewhere/#\n");
    const std::string passwords = (directory_.path() / "passwords").string();
    OutputOf("mosquitto_passwd -c -b " + passwords + " right secret 2>&1");
    OutputOf("mosquitto_passwd -b " + passwords + " wrong secret 2>&1");
    return "acl_file " + (directory_.path() / "acl").string() + "\npassword_file " + passwords +
           "\n";
  }

  std::string DynamicSecurity() const {
    const auto plugin = DynamicSecurityPath();
    const std::string config = (directory_.path() / "dynamic-security.json").string();
    if (plugin.empty()) {
      return {};
    }
    OutputOf("mosquitto_ctrl dynsec init " + config + " admin secret");
    return "plugin " + plugin.string() + "\nplugin_opt_config_file " + config + "\n";
  }

  void GiveRights() {
    const std::string control = "mosquitto_ctrl -h 127.0.0.1 -p " +
                                std::to_string(broker().port()) + " -u admin -P secret dynsec ";
    std::string all;
    for (const std::string command : {"createRole right",
                                      "createClient right -p secret",
                                      "createClient wrong -p secret",
                                      "addClientRole right right",
                                      "addRoleACL right publishClientSend 'kv/#' allow 1",
                                      "addRoleACL right publishClientSend 'devices/#' allow 1",
                                      "addRoleACL right publishClientSend '$KV/#' allow 1",
                                      "addRoleACL right subscribePattern 'kv/#' allow 1",
                                      "addRoleACL right subscribePattern '$SYS/#' allow 1"}) {
      all += (all.empty() ? "" : " && ") + control + command;
    }
    OutputOf("(" + all + ") 2>&1");
  }

  const TemporaryDirectory directory_;
};

std::string NameOf(const ::testing::TestParamInfo<Control>& info) {
  return info.param == Control::kAclFile ? "AclFile" : "DynamicSecurity";
}
INSTANTIATE_TEST_SUITE_P(By,
                         AccessMatrix,
                         ::testing::Values(Control::kAclFile, Control::kDynamicSecurity),
                         NameOf);

TEST_P(AccessMatrix, OnlyTheRightUserWritesReadsAndAsks) {
  for (const auto& other : Others()) {
    for (std::uint8_t qos = 1; qos < 3; ++qos) {
      EXPECT_EQ(other->Publish("kv/b/k", "forbidden", {.qos = qos}), kRefused);
      EXPECT_EQ(other->Publish("kv/b/k", "", {.qos = qos}), kRefused);
      EXPECT_EQ(other->Publish("devices/lamp", "forbidden", {.qos = qos}), kRefused);
    }
    const auto with_reply = Properties().ResponseTopic("replies");
    EXPECT_EQ(other->Publish("kv/b/k", "x", {.properties = with_reply}), kRefused);
    for (const Row& row : Rows()) {
      EXPECT_EQ(other->Publish("$KV/" + row.request, row.payload, {.properties = with_reply}),
                kRefused)
          << row.request;
    }
    for (const std::string filter :
         {"kv/b/k", "kv/#", "#", "$KV/#", "$SYS/broker/kv/#", "devices/#", "replies"}) {
      EXPECT_TRUE(ReceivedBy(*other, filter).empty()) << filter;
    }
    EXPECT_TRUE(other->IsConnected());
  }
  EXPECT_EQ(client().Info("b")["last_revision"], 1);
  EXPECT_EQ(client().Info("captured")["last_revision"], 0);

  EXPECT_EQ(ReceivedBy(client(), "kv/b/k").size(), 1U);
  EXPECT_FALSE(ReceivedBy(client(), "$SYS/broker/kv/#").empty());
  EXPECT_TRUE(IsSuccess(client().Publish("devices/lamp", "on")));
  EXPECT_EQ(client().Get("captured/devices/lamp").value, "on");
  client().TakeMessages();
  for (const Row& row : Rows()) {
    const auto replies = client().Request("$KV/" + row.request, row.payload);
    ASSERT_FALSE(replies.empty()) << row.request;
    EXPECT_TRUE(IsAnswer(replies.back())) << row.request << ToAnswer(replies);
  }
}

TEST_P(AccessMatrix, NobodyHasMoreByAnOlderVersionOfMqtt) {
  for (const auto version : {ProtocolVersion::kMqtt31, ProtocolVersion::kMqtt311}) {
    for (const auto& other : Others(version)) {
      EXPECT_TRUE(IsSuccess(other->Publish("kv/b/k", "forbidden")));
      for (const Row& row : Rows()) {
        EXPECT_TRUE(IsSuccess(other->Publish("$KV/" + row.request, row.payload)));
      }
      EXPECT_TRUE(other->TakeMessages().empty());
    }
  }
  EXPECT_EQ(client().Info("b")["last_revision"], 1);
}

TEST_P(AccessMatrix, AWrongPasswordOpensNothing) {
  MqttClient impostor(broker().port());
  EXPECT_FALSE(impostor.Connect({.username = "right", .password = "guess"}));
}

TEST_P(AccessMatrix, ChangesReachOnlyThoseWhoMayReadThem) {
  const auto others = Others();
  for (const auto& other : others) {
    ASSERT_TRUE(other->Subscribe("kv/#", 1));
    ASSERT_TRUE(other->Subscribe("#", 1));
  }
  ASSERT_TRUE(IsSuccess(client().Publish("kv/b/k", "in place")));
  ASSERT_TRUE(client().Put("b/k", "anew").ok());
  ASSERT_TRUE(client().Put("b/short", "v", Properties().User("kv-ttl", "1ms")).ok());
  ASSERT_TRUE(IsSuccess(client().Publish("devices/lamp", "on")));
  ASSERT_TRUE(Eventually([&] { return client().Get("b/short").status == "key-not-found"; }));
  for (const auto& other : others) {
    EXPECT_TRUE(other->TakeMessages().empty());
  }
}

TEST_P(AccessMatrix, AReplyGoesToTheAskingSessionAloneAndIsNoPublish) {
  // A second session of the same user, which may read all that the first one may.
  MqttClient twin(broker().port());
  ASSERT_TRUE(twin.Connect({.username = "right", .password = "secret"}));
  for (const std::string filter : {"kv/#", "replies/#", "private", "$KV/#"}) {
    ASSERT_TRUE(twin.Subscribe(filter, 1));
  }
  twin.TakeMessages();
  const Revision last = client().Info("b")["last_revision"];
  // Topics that it may and that it may not publish to, another client's name, our own topics.
  for (const std::string& topic : {std::string("kv/b/k"),
                                   std::string("private"),
                                   std::string("$SYS/broker/uptime"),
                                   std::string("$KV/b/purge"),
                                   std::string("$CONTROL/dynamic-security/v1"),
                                   std::string("$KV/reply/b/get/k"),
                                   twin.client_id()}) {
    SCOPED_TRACE(topic);
    const auto replies = client().Request("$KV/b/get/k", {}, {}, topic);
    ASSERT_EQ(replies.size(), 1U) << client().error();
    EXPECT_EQ(replies[0].topic, topic);
    EXPECT_EQ(replies[0].payload, "1");
    EXPECT_FALSE(replies[0].retain);
  }
  EXPECT_TRUE(twin.TakeMessages().empty());
  EXPECT_EQ(client().Info("b")["last_revision"], last) << "no reply became a write";
  EXPECT_EQ(client().Info("b")["keys"], 1) << "or a request";

  MqttClient old(broker().port());
  ASSERT_TRUE(old.Connect(
      {.version = ProtocolVersion::kMqtt311, .username = "right", .password = "secret"}));
  ASSERT_TRUE(IsSuccess(old.Publish("$KV/b/get/k", "")));
  ASSERT_TRUE(old.WaitMessage()) << old.error();
  EXPECT_TRUE(twin.TakeMessages().empty()) << "not the JSON reply either";
}

}  // namespace
}  // namespace kv::testing
