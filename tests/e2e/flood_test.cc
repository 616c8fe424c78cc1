// Clients that ask for more than is good, as fast as they can: it costs them, not the others.
#include <chrono>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/request_clients.h"

namespace kv::testing {
namespace {

using std::chrono::steady_clock;

class Flood : public RequestTest {
 protected:
  // Resident memory of the broker, in KiB.
  long Memory() {
    std::ifstream status("/proc/" + std::to_string(broker().process().pid()) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmRSS:")) {
        return std::stol(line.substr(6));
      }
    }
    ADD_FAILURE() << "no VmRSS";
    return 0;
  }
};

TEST_F(Flood, RequestsThatNobodyHearsAreNotCarriedOut) {
  ASSERT_NO_FATAL_FAILURE(StartBroker({.debug_log = false}));
  ASSERT_NO_FATAL_FAILURE(Fill("b", 2000));
  MqttClient other(broker().port());
  ASSERT_TRUE(other.Connect());
  // A page of 500 costs a millisecond and more: carried out, these would take half a minute.
  const auto all = Properties().User("kv-limit", "500");
  const auto began = steady_clock::now();
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_TRUE(other.PublishAsync("$KV/b/history", "", {.qos = 0, .properties = all}));
  }
  ASSERT_TRUE(client().Ping());
  ASSERT_TRUE(other.Ping());
  EXPECT_LT(steady_clock::now() - began, std::chrono::seconds(15));
}

TEST_F(Flood, RepliesThatAreNeverFetchedAreBoundedByTheBrokersQueue) {
  ASSERT_NO_FATAL_FAILURE(StartBroker(
      {.configuration = "max_queued_messages 100\nmax_queued_bytes 1000000", .debug_log = false}));
  ASSERT_NO_FATAL_FAILURE(Fill("b", 100));
  ASSERT_TRUE(client().Put("b/large", std::string(100'000, 'v')).ok());
  const long before = Memory();
  for (const auto version : {ProtocolVersion::kMqtt5, ProtocolVersion::kMqtt311}) {
    for (std::uint8_t qos = 0; qos < 2; ++qos) {
      MqttClient deaf(broker().port());
      ASSERT_TRUE(deaf.Connect({.version = version, .automatic_acks = false})) << deaf.error();
      const auto with_reply =
          version == ProtocolVersion::kMqtt5 ? Properties().ResponseTopic("r") : Properties();
      for (int i = 0; i < 1000; ++i) {  // 100 MB of replies
        ASSERT_TRUE(
            deaf.PublishAsync("$KV/b/get/large", "", {.qos = qos, .properties = with_reply}));
      }
      ASSERT_TRUE(client().Put("b/k", "v").ok()) << "the others are served";
    }
  }
  EXPECT_LT(Memory() - before, 100'000) << "KiB";
}

TEST_F(Flood, MessageIdsTakeNoMoreThanTheirShareOfMemory) {
  ASSERT_NO_FATAL_FAILURE(StartBroker({.debug_log = false}));
  ASSERT_TRUE(client().Put("b/k", "v").ok());
  const std::string tail(240, 'x');
  for (int i = 0; i < 30'000; ++i) {
    ASSERT_TRUE(client().PublishAsync(
        "kv/b/k",
        "v",
        {.qos = 0, .properties = Properties().User("kv-msg-id", std::to_string(i) + tail)}));
  }
  ASSERT_TRUE(client().Ping());
  EXPECT_EQ(client().Info("b")["last_revision"], 30'001);
  // The newest is known, the oldest has left early.
  EXPECT_EQ(client().Put("b/k", "v", MessageId("29999" + tail)).Property("kv-duplicate"), "true");
  EXPECT_EQ(client().Put("b/k", "v", MessageId("0" + tail)).Property("kv-duplicate"), std::nullopt);
}

TEST_F(Flood, WritesToEverNewBucketsEndAtTheLimit) {
  ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"max_buckets", "20"}}, .debug_log = false}));
  for (int i = 0; i < 5000; ++i) {
    ASSERT_TRUE(client().PublishAsync("kv/b" + std::to_string(i) + "/k", "v", {.qos = 0}));
  }
  ASSERT_TRUE(client().Ping());
  EXPECT_EQ(Json::parse(Ask("buckets").value).size(), 20U);
  EXPECT_EQ(Ask("b4999/info").status, "bucket-not-found");
}

}  // namespace
}  // namespace kv::testing
