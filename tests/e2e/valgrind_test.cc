// Everything that the plugin does with the broker's memory, under valgrind: who frees what differs
// between the ways a message can take, and nothing else would notice.
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/kv_broker.h"

namespace kv::testing {
namespace {

namespace fs = std::filesystem;

// What valgrind says about one thing each, with the stack.
std::vector<std::string> Reports(const std::string& log) {
  const std::regex separator(R"(==\d+== \n)");
  std::vector<std::string> reports(
      std::sregex_token_iterator(log.begin(), log.end(), separator, -1),
      std::sregex_token_iterator());
  std::erase_if(reports, [](const std::string& report) {
    return report.find(" at 0x") == std::string::npos;
  });
  return reports;
}

class ValgrindTest : public KvBrokerTest {
 protected:
  void SetUp() override {
    if (!fs::exists("/usr/bin/valgrind")) {
      GTEST_SKIP() << "valgrind is not installed";
    }
    if (std::getenv("MOSQUITTO_PRELOAD") != nullptr) {  // NOLINT(concurrency-mt-unsafe)
      GTEST_SKIP() << "a sanitizer's runtime cannot run under valgrind";
    }
    ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"bucket_h", "history=3"},
                                                    {"bucket_q", "history=3"},
                                                    {"bucket_live", "retained=false"}},
                                         .persistence = true,
                                         .command_prefix = {"valgrind",
                                                            "--leak-check=full",
                                                            "--show-leak-kinds=definite",
                                                            "--num-callers=30",
                                                            "--log-file=" + LogPath().string()}}));
  }

  void Write();
  void Request();
  void Restore();

  // What leaks is known only when the broker ends.
  void ExpectNoneOfOurs() {
    ASSERT_EQ(broker().process().Stop(), 0);
    int runs = 0;
    for (const auto& item : fs::directory_iterator(directory_.path())) {
      std::ifstream file(item.path());
      const std::string log(std::istreambuf_iterator<char>(file), {});
      ASSERT_NE(log.find("ERROR SUMMARY"), std::string::npos) << "valgrind did not run: " << log;
      for (const std::string& report : Reports(log)) {
        EXPECT_EQ(report.find("kv::"), std::string::npos) << report;
        EXPECT_EQ(report.find("mosquitto_kv"), std::string::npos) << report;
      }
      ++runs;
    }
    EXPECT_EQ(runs, 2);
  }

 private:
  fs::path LogPath() const { return directory_.path() / "%p.log"; }  // one for each process

  TemporaryDirectory directory_;
};

void ValgrindTest::Write() {
  ASSERT_EQ(client().Subscribe("kv/#", 2), 2);
  const Properties own = Properties().ContentType("text/plain").PayloadFormat(1).User("a", "b");
  for (std::uint8_t qos = 0; qos <= 2; ++qos) {
    for (const char* bucket : {"b", "h", "live"}) {
      const std::string topic = "kv/" + std::string(bucket) + "/" + std::to_string(qos);
      Properties with_options = own;
      with_options.User("kv-op", "put").User("kv-msg-id", topic).User("kv-nonsense", "x");
      Properties refused = own;
      refused.User("kv-op", "create").User("kv-revision", "7");
      Properties answered = refused;
      answered.ResponseTopic("replies").CorrelationData(std::string("\0\1", 2));
      for (const Properties& properties : {own, with_options, with_options, refused, answered}) {
        ASSERT_TRUE(client().Publish(topic, "value", {.qos = qos, .properties = properties}));
      }
      ASSERT_TRUE(client().Publish(topic, "retained", {.qos = qos, .retain = true}));
      ASSERT_TRUE(client().Publish(topic, "", {.qos = qos}));
      ASSERT_TRUE(client().Publish("kv/b", "no key", {.qos = qos, .properties = own}));
      ASSERT_TRUE(client().Publish("elsewhere", "not ours", {.qos = qos, .properties = own}));
    }
  }
  ASSERT_TRUE(client().Put("b/k", "", own).ok());
  ASSERT_TRUE(client().Put("b/k", std::string(100'000, 'x'), own).ok());
  ASSERT_TRUE(client().Purge("b/k").ok());
  ASSERT_TRUE(client().Put("b/short", "v", Properties().User("kv-ttl", "1ms")).ok());
  ASSERT_TRUE(
      client().WaitMessage([](const Message& m) { return m.Property("kv-reason") == "expired"; }));
  client().TakeMessages();
}

void ValgrindTest::Request() {
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(client().Put("q/" + std::to_string(i), "v", Properties().User("a", "b")).ok());
  }
  EXPECT_EQ(client().Keys("q", Properties().User("kv-limit", "2")).size(), 5U);
  EXPECT_EQ(client().Entries("q").size(), 5U);
  EXPECT_EQ(client().History("q").size(), 5U);
  EXPECT_EQ(client().Get("q/absent").status, "key-not-found");
  EXPECT_EQ(client().Info("q").at("keys"), 5);
  for (const char* topic :
       {"$KV/q/nonsense", "$KV/q/get", "$KV/no bucket/info", "$KV", "$KV/buckets"}) {
    EXPECT_TRUE(client().Publish(topic, "", {.properties = Properties().ResponseTopic("r")}));
    EXPECT_TRUE(client().Publish(topic, "x", {.qos = 2}));  // nobody asks for an answer
  }
  MqttClient old(broker().port());
  ASSERT_TRUE(old.Connect({.version = ProtocolVersion::kMqtt311})) << old.error();
  for (const char* request : {"q/history", "q/keys", "q/get/1", "q/get/absent", "buckets"}) {
    ASSERT_TRUE(old.Publish("$KV/" + std::string(request), R"({"limit": 2})", {.qos = 1}));
    EXPECT_TRUE(old.WaitMessage()) << request;
  }
}

// From a file of the broker that is older than the store.
void ValgrindTest::Restore() {
  for (const char* key : {"same", "changed", "deleted"}) {
    ASSERT_TRUE(client().Put("r/" + std::string(key), "old", Properties().User("a", "b")).ok());
  }
  ASSERT_TRUE(broker().Save());
  const fs::path older = broker().process().directory() / "older.db";
  fs::copy_file(broker().snapshot_path(), older);
  ASSERT_TRUE(client().Put("r/changed", "new").ok());
  ASSERT_TRUE(client().Delete("r/deleted").ok());
  ASSERT_EQ(broker().process().Stop(), 0);
  fs::rename(older, broker().snapshot_path());
  const auto started = broker().Start();
  ASSERT_TRUE(started) << started.log;
  ASSERT_NO_FATAL_FAILURE(ExpectRetainedEqualsStore(broker().port(), "r"));
}

TEST_F(ValgrindTest, FindsNoMistakeOfThePlugin) {
  ASSERT_NO_FATAL_FAILURE(Write());
  ASSERT_NO_FATAL_FAILURE(Request());
  ASSERT_NO_FATAL_FAILURE(Restore());
  ExpectNoneOfOurs();
}

}  // namespace
}  // namespace kv::testing
