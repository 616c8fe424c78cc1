// `per_listener_settings true`: every listener loads the plugin anew, all in one process, and
// brokers before 2.0.15 never call TICK then. Everything that waits for time must work all the
// same.
#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/kv_broker.h"

namespace kv::testing {
namespace {

class ListenersTest : public ::testing::Test {
 protected:
  // `others`: lines of the second listener alone.
  BrokerProcess::StartResult Start(const NamesAndValues& options = {},
                                   const std::string& others = {}) {
    broker_.options().plugin = {{"store_path", "store"}};
    broker_.options().plugin.insert(broker_.options().plugin.end(), options.begin(), options.end());
    std::string second = "listener " + std::to_string(second_port_.number()) +
                         " 127.0.0.1\nallow_anonymous true\nplugin " + PluginPath() + "\n";
    for (const auto& [name, value] : broker_.options().plugin) {
      second += "plugin_opt_" + name + " " + value + "\n";
    }
    broker_.options().more_configuration = second + others;
    broker_.process().options().global_configuration = "per_listener_settings true";
    return broker_.Start();
  }

  void StartAndConnect(const NamesAndValues& options = {}) {
    const auto started = Start(options);
    ASSERT_TRUE(started) << started.log;
    ASSERT_TRUE(first_.Connect()) << first_.error();
    ASSERT_TRUE(second_.Connect()) << second_.error();
  }

  KvBroker broker_;
  ReservedPort second_port_;
  KvClient first_{broker_.port()};
  KvClient second_{second_port_.number()};
};

TEST_F(ListenersTest, ShareOneStore) {
  ASSERT_NO_FATAL_FAILURE(StartAndConnect());
  ASSERT_EQ(second_.Subscribe("kv/#", 1), 1);
  const Answer one = first_.Put("b/k", "by the first");
  const Answer two = second_.Put("b/k", "by the second");
  EXPECT_EQ(one.revision, 1U) << one;
  EXPECT_EQ(two.revision, 2U) << two;
  EXPECT_EQ(first_.Get("b/k").value, "by the second");
  const auto messages = second_.WaitMessages(2);
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_EQ(messages[0].payload, "by the first");
  EXPECT_EQ(RevisionOf(messages[1]), 2U);
  EXPECT_EQ(broker_.process().Stop(), 0);
  const auto again = broker_.Start();
  ASSERT_TRUE(again) << again.log;
  ASSERT_TRUE(second_.Connect());
  EXPECT_EQ(second_.Get("b/k").value, "by the second");
  ASSERT_NO_FATAL_FAILURE(ExpectRetainedEqualsStore(second_port_.number(), "b"));
}

TEST_F(ListenersTest, ReplyInEveryMode) {
  for (const char* mode : {"always", "batch", "interval"}) {
    ASSERT_NO_FATAL_FAILURE(StartAndConnect({{"sync", mode}}));
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(first_.Put("b/1", "v").ok()) << mode;
      ASSERT_TRUE(second_.Put("b/2", "v").ok()) << mode;
    }
    ASSERT_EQ(broker_.process().Stop(), 0) << broker_.process().Log();
  }
}

TEST_F(ListenersTest, ExpireKeys) {
  ASSERT_NO_FATAL_FAILURE(StartAndConnect());
  ASSERT_EQ(second_.Subscribe("kv/#", 1), 1);
  ASSERT_TRUE(first_.Put("b/k", "v", Properties().User("kv-ttl", "100ms")).ok());
  const auto messages = second_.WaitMessages(2);
  ASSERT_EQ(messages.size(), 2U) << second_.error();
  EXPECT_EQ(messages[1].Property("kv-op"), "PURGE");
  EXPECT_EQ(messages[1].Property("kv-reason"), "expired");
  EXPECT_TRUE(RetainedMessages(broker_.port(), "kv/#").empty());
}

TEST_F(ListenersTest, ShowMetrics) {
  ASSERT_NO_FATAL_FAILURE(StartAndConnect());
  ASSERT_EQ(second_.Subscribe("$SYS/broker/kv/writes", 1), 1);
  ASSERT_TRUE(first_.Put("b/k", "v").ok());
  const auto shown = second_.WaitMessage([](const Message& m) { return m.payload == "1"; });
  EXPECT_TRUE(shown) << second_.error();
}

TEST_F(ListenersTest, RestoreAStoreThatTakesLongerThanTheStart) {
  broker_.options().debug_log = false;
  broker_.options().configuration = "max_queued_messages 100000";
  ASSERT_NO_FATAL_FAILURE(StartAndConnect());
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_TRUE(
        first_.PublishAsync("kv/b/" + std::to_string(i), std::string(1000, 'v'), {.qos = 0}));
  }
  ASSERT_TRUE(first_.Ping());
  const auto started = broker_.KillAndStart();
  ASSERT_TRUE(started) << started.log;
  ASSERT_TRUE(broker_.process().WaitForLog("retained messages restored: 20000 published"));
  ASSERT_NO_FATAL_FAILURE(ExpectRetainedEqualsEntries(second_port_.number(), "b"));
}

// What goes on in place and what is published anew must not overtake each other, wherever the
// signal that stands in for TICK arrives.
TEST_F(ListenersTest, DeliverRevisionsInOrder) {
  ASSERT_NO_FATAL_FAILURE(StartAndConnect());
  ASSERT_EQ(second_.Subscribe("kv/b/#", 0), 0);
  constexpr int rounds = 100;
  constexpr int keys = 5;
  for (int round = 0; round < rounds; ++round) {
    std::vector<std::uint16_t> pending;
    for (int i = 0; i < 15; ++i) {
      const std::string topic = "kv/b/" + std::to_string(i % keys);
      const bool anew = (i + round) % 3 == 0;  // a write with properties of the protocol
      const auto id = first_.PublishAsync(
          topic,
          "v",
          {.qos = 1,
           .properties =
               anew ? Properties().User("kv-op", "put").ResponseTopic("replies") : Properties()});
      ASSERT_TRUE(id) << first_.error();
      pending.push_back(*id);
    }
    for (const std::uint16_t id : pending) {
      ASSERT_TRUE(first_.WaitPublished(id)) << first_.error();
    }
  }
  std::map<std::string, Revision> seen;
  std::size_t count = 0;
  for (const Message& message : second_.TakeMessages()) {
    EXPECT_GT(RevisionOf(message), seen[message.topic]) << message.topic;
    seen[message.topic] = RevisionOf(message);
    ++count;
  }
  EXPECT_EQ(count, std::size_t{rounds} * 15);
  ASSERT_NO_FATAL_FAILURE(ExpectRetainedEqualsStore(broker_.port(), "b"));
}

TEST_F(ListenersTest, WithDifferentOptionsAreRefused) {
  const auto started = Start({}, "plugin_opt_sync always\n");
  ASSERT_FALSE(started);
  const int status = broker_.process().WaitExit();
  EXPECT_GT(status, 0);
  EXPECT_LT(status, 128) << "ended by a signal";
  EXPECT_NE(started.log.find("kv: plugin_opt_store_path: another listener"), std::string::npos)
      << started.log;
}

TEST_F(ListenersTest, MayHaveAStoreEach) {
  const auto started = Start();
  ASSERT_TRUE(started) << started.log;
  ASSERT_EQ(broker_.process().Stop(), 0);
  std::string& second = broker_.options().more_configuration;
  second.replace(second.rfind("store_path store"), 16, "store_path other");
  const auto apart = broker_.Start();
  ASSERT_TRUE(apart) << apart.log;
  ASSERT_TRUE(first_.Connect());
  ASSERT_TRUE(second_.Connect());
  // Both publish under kv/, where a subscriber cannot tell them apart; requests can.
  ASSERT_TRUE(first_.Put("b/k", "in the first").ok());
  EXPECT_EQ(second_.Get("b/k").status, "bucket-not-found");
  ASSERT_TRUE(second_.Put("b/k", "in the second").ok());
  EXPECT_EQ(first_.Get("b/k").value, "in the first");
  EXPECT_EQ(broker_.process().Stop(), 0);
}

}  // namespace
}  // namespace kv::testing
