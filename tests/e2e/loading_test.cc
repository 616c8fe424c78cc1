// The plugin in the ways that brokers are run: by hand, reloaded, and beside another plugin.
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/kv_broker.h"

namespace kv::testing {
namespace {

namespace fs = std::filesystem;

class LoadingTest : public KvBrokerTest {};

TEST_F(LoadingTest, MakesItsDirectoryForItselfAlone) {
  ASSERT_NO_FATAL_FAILURE(StartBroker());
  ASSERT_TRUE(client().Put("b/k", "v").ok());
  struct stat info {};
  ASSERT_EQ(stat(broker().store_path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
}

TEST_F(LoadingTest, TakesAPathRelativeToTheBrokersDirectory) {
  ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"store_path", "here"}}}));
  ASSERT_TRUE(client().Put("b/k", "v").ok());
  EXPECT_TRUE(fs::exists(broker().process().directory() / "here" / "FORMAT"));
}

TEST_F(LoadingTest, TakesAnEmptyDirectoryThatIsThere) {
  KvBroker broker;
  fs::create_directories(broker.store_path() / "lost+found");  // of a fresh file system
  const auto started = broker.Start();
  EXPECT_TRUE(started) << started.log;
}

TEST_F(LoadingTest, ServesAnotherPrefix) {
  ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"topic_prefix", "site/kv"}}}));
  const auto answer = ToAnswer(client().Request("site/kv/b/k", "v"));
  EXPECT_TRUE(answer.ok()) << answer;
  EXPECT_EQ(client().Get("b/k").value, "v");
  const auto retained = RetainedMessages(broker().port(), "#");
  ASSERT_EQ(retained.size(), 1U);
  EXPECT_EQ(retained.begin()->first, "site/kv/b/k");
  ASSERT_TRUE(client().Publish("kv/b/other", "not ours"));
  EXPECT_EQ(client().Keys("b"), (std::vector<std::string>{"k"}));
}

TEST_F(LoadingTest, GoesOnWhenTheConfigurationIsReloaded) {
  ASSERT_NO_FATAL_FAILURE(StartBroker());
  ASSERT_TRUE(client().Put("b/k", "1").ok());
  ASSERT_TRUE(broker().process().Signal(SIGHUP));
  ASSERT_TRUE(broker().process().WaitForLog("Reloading config"));
  EXPECT_TRUE(client().Put("b/k", "2").ok());
  EXPECT_EQ(client().Get("b/k").revision, 2U);
  EXPECT_EQ(broker().process().Stop(), 0);
}

TEST_F(LoadingTest, AnswersSoonOnABrokerWithNothingElseToDo) {
  ASSERT_NO_FATAL_FAILURE(StartBroker());
  // The broker's loop sleeps for 100 ms; a reply that waits for the disk must not wait for that.
  constexpr int count = 50;
  std::vector<std::chrono::steady_clock::duration> times;
  for (int i = 0; i < count; ++i) {
    const auto start = std::chrono::steady_clock::now();
    ASSERT_TRUE(client().Put("b/k", std::to_string(i)).ok());
    times.push_back(std::chrono::steady_clock::now() - start);
  }
  // What the machine does beside must not decide; without being woken, none would be so fast.
  const auto quick = times.begin() + count / 5;
  std::nth_element(times.begin(), quick, times.end());
  EXPECT_LT(*quick, milliseconds(50));
}

TEST_F(LoadingTest, ShowsItsMetrics) {
  ASSERT_NO_FATAL_FAILURE(StartBroker());
  for (const char* key : {"1", "2", "3"}) {
    ASSERT_TRUE(client().Put("b/" + std::string(key), "four").ok());
  }
  ASSERT_TRUE(client().Get("b/1").ok());
  ASSERT_EQ(client().Update("b/1", "v", 99).status, "wrong-last-revision");
  ASSERT_EQ(client().Subscribe("$SYS/broker/kv/#", 1), 1);
  std::map<std::string, std::string> metrics;
  // They are published every 10 s.
  const bool complete = Eventually([&] {
    if (const auto message = client().WaitMessage(milliseconds(100))) {
      metrics[message->topic.substr(message->topic.rfind('/') + 1)] = message->payload;
    }
    return metrics["writes"] == "3" && metrics["reads"] == "1" && metrics["rejected"] == "1" &&
           metrics["buckets"] == "1" && metrics["entries"] == "3" && metrics["bytes"] == "15" &&
           !metrics["flush_us"].empty() && metrics["flush_us"] != "0";
  });
  EXPECT_TRUE(complete) << ::testing::PrintToString(metrics);
  EXPECT_EQ(metrics.size(), 7U);
  EXPECT_EQ(RetainedMessages(broker().port(), "$SYS/broker/kv/#").size(), 7U);
}

// Mosquitto's own plugin for users and their rights.
class BesideDynamicSecurity : public KvBrokerTest, public ::testing::WithParamInterface<bool> {
 protected:
  static constexpr const char* kPlugin = "/usr/lib/x86_64-linux-gnu/mosquitto_dynamic_security.so";

  void SetUp() override {
    if (!fs::exists(kPlugin)) {
      FAIL() << "Mosquitto's dynamic security plugin, of the broker's package, is not installed";
    }
    const fs::path rights = directory_.path() / "rights.json";
    std::ofstream(rights) << R"({
      "defaultACLAccess": {"publishClientSend": true, "publishClientReceive": true,
                           "subscribe": true, "unsubscribe": true},
      "clients": [],
      "groups": [{"groupname": "all", "roles": [{"rolename": "limited"}]}],
      "anonymousGroup": "all",
      "roles": [{"rolename": "limited", "acls": [
        {"acltype": "publishClientSend", "topic": "kv/secret/#", "allow": false},
        {"acltype": "publishClientSend", "topic": "$KV/secret/#", "allow": false}]}]})";
    const std::string other =
        "plugin " + std::string(kPlugin) + "\nplugin_opt_config_file " + rights.string() + "\n";
    KvBrokerOptions options;
    (GetParam() ? options.configuration : options.more_configuration) = other;
    ASSERT_NO_FATAL_FAILURE(StartBroker(options));
  }

 private:
  TemporaryDirectory directory_;
};

std::string NameOfOrder(const ::testing::TestParamInfo<bool>& info) {
  return info.param ? "LoadedBefore" : "LoadedAfter";
}
INSTANTIATE_TEST_SUITE_P(Plugin, BesideDynamicSecurity, ::testing::Bool(), NameOfOrder);

TEST_P(BesideDynamicSecurity, WorksAndObeysTheRights) {
  EXPECT_TRUE(client().Put("open/k", "v").ok());
  EXPECT_EQ(client().Get("open/k").value, "v");
  constexpr std::uint8_t not_authorized = 0x87;
  EXPECT_EQ(client().Publish("kv/secret/k", "v"), not_authorized);
  EXPECT_EQ(client().Publish("$KV/secret/info", ""), not_authorized);
  EXPECT_EQ(ToAnswer(client().Request("$KV/buckets")).value.find("secret"), std::string::npos);
  EXPECT_EQ(RetainedMessages(broker().port(), "kv/#").size(), 1U);
  ASSERT_TRUE(broker().Restart());
  ASSERT_NO_FATAL_FAILURE(Reconnect());
  EXPECT_EQ(client().Get("open/k").value, "v");
  EXPECT_EQ(broker().process().Stop(), 0);
}

}  // namespace
}  // namespace kv::testing
