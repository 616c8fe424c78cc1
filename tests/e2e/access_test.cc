// Who may ask what: the broker's own access control decides, by the request's topic.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/access_rows.h"
#include "tests/e2e/command.h"
#include "tests/e2e/request_clients.h"

namespace kv::testing {
namespace {

class Access : public RequestTest {
 protected:
  // A user of each verb, which may do that and nothing else; one who may all; one who may nothing.
  static std::string AclFile() {
    std::string acl =
        "user all\ntopic write $KV/#\ntopic readwrite #\nuser none\ntopic readwrite #\n";
    for (std::size_t i = 0; i < Rows().size(); ++i) {
      acl += "user " + UserOf(i) + "\ntopic write " + Rows()[i].rule + "\n";
    }
    return acl;
  }
  static std::string UserOf(std::size_t row) { return "user" + std::to_string(row); }

  void StartWithAcl() {
    WriteFile(directory_.path() / "acl", AclFile());
    ASSERT_NO_FATAL_FAILURE(
        StartBroker({.plugin = {{"backup_path", directory_.path().string()}},
                     .configuration = "acl_file " + (directory_.path() / "acl").string()}));
    ASSERT_NO_FATAL_FAILURE(Reconnect({.username = "all"}));
    ASSERT_TRUE(client().Put("b/k", "v").ok());
  }

  std::unique_ptr<MqttClient> As(const std::string& username,
                                 const std::optional<std::string>& password = std::nullopt,
                                 ProtocolVersion version = ProtocolVersion::kMqtt5) {
    auto user = std::make_unique<MqttClient>(broker().port());
    EXPECT_TRUE(user->Connect({.version = version, .username = username, .password = password}))
        << username << ": " << user->error();
    return user;
  }

  // The store as the one who may all sees it.
  std::string State() {
    std::string state = client().Info("b").dump();
    for (const Message& entry : client().History("b")) {
      state += " " + entry.Property("kv-key").value_or("?") + "=" + entry.payload;
    }
    return state;
  }

  static void ExpectRefused(MqttClient& user, const Row& row) {
    SCOPED_TRACE("refused " + row.request);
    for (std::uint8_t qos = 1; qos < 3; ++qos) {
      EXPECT_EQ(user.Publish("$KV/" + row.request,
                             row.payload,
                             {.qos = qos, .properties = Properties().ResponseTopic("r")}),
                kRefused);
    }
    EXPECT_TRUE(user.Publish("$KV/" + row.request,
                             row.payload,
                             {.qos = 0, .properties = Properties().ResponseTopic("r")}));
    EXPECT_TRUE(user.TakeMessages().empty()) << "an answer";
    EXPECT_TRUE(user.IsConnected());
  }

  static void ExpectAllowed(MqttClient& user, const Row& row) {
    SCOPED_TRACE("allowed " + row.request);
    const auto replies = user.Request("$KV/" + row.request, row.payload);
    ASSERT_FALSE(replies.empty()) << user.error();
    EXPECT_TRUE(IsAnswer(replies.back())) << ToAnswer(replies);
  }

  TemporaryDirectory directory_;
};

TEST_F(Access, EachVerbIsAllowedByARuleOfItsOwnAndByNoOther) {
  ASSERT_NO_FATAL_FAILURE(StartWithAcl());
  for (std::size_t i = 0; i < Rows().size(); ++i) {
    SCOPED_TRACE("user of " + Rows()[i].rule);
    const auto user = As(UserOf(i));
    for (std::size_t j = 0; j < Rows().size(); ++j) {
      if (i != j) {
        ExpectRefused(*user, Rows()[j]);
      }
    }
    ExpectAllowed(*user, Rows()[i]);
  }
}

TEST_F(Access, WhoMayWriteEverythingElseMayAskNothing) {
  // `topic readwrite #` does not cover what begins with $.
  ASSERT_NO_FATAL_FAILURE(StartWithAcl());
  const std::string before = State();
  const auto user = As("none");
  for (const Row& row : Rows()) {
    ExpectRefused(*user, row);
  }
  EXPECT_EQ(State(), before);
  for (const auto version : {ProtocolVersion::kMqtt31, ProtocolVersion::kMqtt311}) {
    const auto old = As("none", std::nullopt, version);
    for (const Row& row : Rows()) {
      EXPECT_TRUE(IsSuccess(old->Publish("$KV/" + row.request, row.payload)));
    }
    EXPECT_TRUE(old->TakeMessages().empty()) << "older versions are told nothing, and get nothing";
  }
  EXPECT_EQ(State(), before);
  EXPECT_TRUE(IsSuccess(user->Publish("kv/b/k", "the data plane is another topic")));
}

TEST_F(Access, ARuleOfOneKeyIsNoneOfAnother) {
  WriteFile(directory_.path() / "acl",
            "topic write $KV/b/get/mine/#\ntopic write $KV/b/keys/mine\n");
  ASSERT_NO_FATAL_FAILURE(
      StartBroker({.plugin = {{"bucket_b", "history=1"}},
                   .configuration = "acl_file " + (directory_.path() / "acl").string()}));
  EXPECT_EQ(Ask("b/get/mine").status, "key-not-found");
  EXPECT_EQ(Ask("b/get/mine/k").status, "key-not-found");
  EXPECT_EQ(Ask("b/keys/mine").status, "ok");
  for (const std::string request : {"b/get/other", "b/keys", "b/keys/mine/k", "b/history/mine"}) {
    ExpectRefused(client(), {"", request});
  }
}

enum class Side {
  kBefore,
  kAfter
};

// The dynamic-security plugin, loaded before ours or behind it.
class DynamicSecurity : public Access, public ::testing::WithParamInterface<Side> {
 protected:
  void SetUp() override {
    const std::filesystem::path plugin = DynamicSecurityPath();
    if (plugin.empty()) {
      FAIL() << "mosquitto_dynamic_security.so, of the broker's package, is not installed";
    }
    const std::string config = (directory_.path() / "dynamic-security.json").string();
    OutputOf("mosquitto_ctrl dynsec init " + config + " admin secret");
    const std::string lines =
        "plugin " + plugin.string() + "\nplugin_opt_config_file " + config + "\n";
    const bool before = GetParam() == Side::kBefore;
    ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"backup_path", directory_.path().string()}},
                                         .configuration = before ? lines : "",
                                         .more_configuration = before ? "" : lines}));
    for (const std::string name : {"allowed", "refused"}) {
      Control("createRole " + name);
      Control("createClient " + name + " -p secret");
      Control("addClientRole " + name + " " + name);
    }
    Control("addRoleACL allowed publishClientSend '$KV/#' allow 1");
    Control("addRoleACL allowed publishClientSend 'kv/#' allow 1");
    Control("addRoleACL refused publishClientSend 'kv/#' allow 1");
    Control("addRoleACL refused publishClientSend '$KV/b/get/#' allow 1");
    ASSERT_NO_FATAL_FAILURE(Reconnect({.username = "allowed", .password = "secret"}));
    ASSERT_TRUE(client().Put("b/k", "v").ok());
  }

  void Control(const std::string& command) {
    OutputOf("mosquitto_ctrl -h 127.0.0.1 -p " + std::to_string(broker().port()) +
             " -u admin -P secret dynsec " + command + " 2>&1");  // it warns of plain text
  }
};

std::string NameOf(const ::testing::TestParamInfo<Side>& info) {
  return info.param == Side::kBefore ? "LoadedBefore" : "LoadedAfter";
}
INSTANTIATE_TEST_SUITE_P(Plugin,
                         DynamicSecurity,
                         ::testing::Values(Side::kBefore, Side::kAfter),
                         NameOf);

TEST_P(DynamicSecurity, RefusesAndAllowsRequestsByTheirTopic) {
  const std::string before = State();
  const auto refused = As("refused", "secret");
  for (const Row& row : Rows()) {
    if (row.request != "b/get/k") {
      ExpectRefused(*refused, row);
    }
  }
  EXPECT_EQ(State(), before);
  ExpectAllowed(*refused, {"", "b/get/k"});
  for (const Row& row : Rows()) {
    ExpectAllowed(client(), row);
  }
}

TEST_P(DynamicSecurity, DecidesAboutTheDataPlaneToo) {
  Control("addRoleACL refused publishClientSend 'kv/secret/#' deny 9");
  const auto refused = As("refused", "secret");
  EXPECT_TRUE(IsSuccess(refused->Publish("kv/b/k", "allowed")));
  EXPECT_EQ(refused->Publish("kv/secret/k", "denied"), kRefused);
  EXPECT_EQ(client().Get("b/k").value, "allowed");
  EXPECT_EQ(Ask("secret/info").status, "bucket-not-found");
}

}  // namespace
}  // namespace kv::testing
