// Keys that end by themselves.
#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/kv_broker.h"
#include "tests/e2e/reasons.h"

namespace kv::testing {
namespace {

using std::chrono::steady_clock;

Properties Ttl(const std::string& length) {
  return Properties().User("kv-ttl", length);
}

class Expiry : public KvBrokerTest {
 protected:
  void Start(const NamesAndValues& plugin = {}) {
    ASSERT_NO_FATAL_FAILURE(StartBroker(
        {.plugin = plugin, .configuration = "max_queued_messages 100000", .debug_log = false}));
    watcher_.emplace(broker().port());
    ASSERT_TRUE(watcher_->Connect()) << watcher_->error();
    ASSERT_TRUE(watcher_->Subscribe("kv/#", 2));
  }

  Message Next() {
    const auto message = watcher_->WaitMessage();
    EXPECT_TRUE(message) << watcher_->error();
    return message.value_or(Message{});
  }

  void ExpectExpired(const Message& message, const std::string& topic, Revision revision) {
    EXPECT_EQ(message.topic, topic);
    EXPECT_EQ(message.payload, "");
    EXPECT_EQ(message.Property("kv-op"), "PURGE");
    EXPECT_EQ(message.Property("kv-reason"), "expired");
    EXPECT_EQ(RevisionOf(message), revision);
    EXPECT_TRUE(RetainedMessages(broker().port(), topic).empty());
  }

  MqttClient& watcher() { return *watcher_; }

 private:
  std::optional<MqttClient> watcher_;
};

TEST_F(Expiry, AKeysOwnTtlEndsItWithAPurgeMarker) {
  ASSERT_NO_FATAL_FAILURE(Start({{"bucket_b", "history=5"}}));
  ASSERT_TRUE(client().Put("b/k", "first").ok());
  const auto before = steady_clock::now();
  ASSERT_TRUE(client().Put("b/k", "second", Ttl("300ms")).ok());
  EXPECT_EQ(Next().payload, "first");
  EXPECT_EQ(Next().payload, "second");
  ExpectExpired(Next(), "kv/b/k", 3);
  EXPECT_GE(steady_clock::now() - before, std::chrono::milliseconds(300)) << "not too early";

  const Answer gone = client().Get("b/k");
  EXPECT_EQ(gone.status, "key-not-found");
  EXPECT_EQ(gone.revision, 3U);
  const auto history = client().History("b");
  ASSERT_EQ(history.size(), 1U) << "an old value never comes back";
  EXPECT_EQ(history[0].Property("kv-op"), "PURGE");
  EXPECT_EQ(history[0].Property("kv-reason"), "expired");
  EXPECT_EQ(client().Write("b/k", "again", Properties().User("kv-op", "create")).revision, 4U);
}

TEST_F(Expiry, TheBucketsTtlEndsEveryKeyAndCountsFromItsLastWrite) {
  ASSERT_NO_FATAL_FAILURE(Start({{"bucket_b", "ttl=2s"}}));
  ASSERT_TRUE(IsSuccess(client().Publish("kv/b/a", "v")));
  ASSERT_TRUE(IsSuccess(client().Publish("kv/b/c", "v")));
  const auto written_last = steady_clock::now();
  ASSERT_TRUE(IsSuccess(client().Publish("kv/b/a", "again")));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Next().Property("kv-op"), "PUT");
  }
  ExpectExpired(Next(), "kv/b/c", 4);
  ExpectExpired(Next(), "kv/b/a", 5);
  EXPECT_GE(steady_clock::now() - written_last, std::chrono::seconds(2));
  EXPECT_TRUE(client().Keys("b").empty());
}

TEST_F(Expiry, AKeysOwnTtlInABucketWithOneEndsItAtTheSoonerTime) {
  ASSERT_NO_FATAL_FAILURE(Start({{"bucket_b", "ttl=1h"}, {"bucket_c", "ttl=300ms"}}));
  ASSERT_TRUE(IsSuccess(client().Publish("kv/b/k", "v", {.properties = Ttl("300ms")})));
  ASSERT_TRUE(IsSuccess(client().Publish("kv/c/k", "v", {.properties = Ttl("1h")})));
  std::set<std::string> expired;
  while (expired.size() < 2) {
    const auto message = watcher().WaitMessage();
    ASSERT_TRUE(message) << watcher().error() << ": only " << expired.size() << " expired";
    if (message->Property("kv-reason") == "expired") {
      expired.insert(message->topic);
    }
  }
}

TEST_F(Expiry, WritingAgainEndsTheTtlOfTheWriteBefore) {
  ASSERT_NO_FATAL_FAILURE(Start({{"bucket_b", "history=1"}}));
  const std::vector<std::string> ops = {"put", "delete", "purge"};
  for (const std::string& op : ops) {
    ASSERT_TRUE(IsSuccess(client().Publish("kv/b/" + op, "v", {.properties = Ttl("2s")})));
    ASSERT_TRUE(IsSuccess(client().Publish(
        "kv/b/" + op, op == "put" ? "stays" : "", {.properties = Properties().User("kv-op", op)})));
  }
  // Due after all of them, so what is to be seen of them has been.
  ASSERT_TRUE(IsSuccess(client().Publish("kv/b/last", "v", {.properties = Ttl("2s")})));
  for (int i = 0; i < 7; ++i) {
    EXPECT_EQ(Next().Property("kv-reason"), std::nullopt);
  }
  ExpectExpired(Next(), "kv/b/last", 8);
  EXPECT_EQ(client().Get("b/put").value, "stays");
}

TEST_F(Expiry, AnExpiryWhileTheBrokerWasAwayHappensAtItsStart) {
  ASSERT_NO_FATAL_FAILURE(Start());
  ASSERT_TRUE(client().Put("b/stays", "v", Ttl("1h")).ok());
  ASSERT_TRUE(client().Put("b/k", "v", Ttl("200ms")).ok());
  const auto written = steady_clock::now();
  broker().process().Kill();
  while (steady_clock::now() - written < std::chrono::milliseconds(200)) {
    std::this_thread::yield();
  }
  const auto started = broker().Start();
  ASSERT_TRUE(started) << started.log;
  ASSERT_NO_FATAL_FAILURE(Reconnect());
  EXPECT_TRUE(Eventually([&] { return client().Get("b/k").status == "key-not-found"; }));
  EXPECT_EQ(client().Get("b/k").revision, 3U);
  EXPECT_TRUE(Eventually([&] { return RetainedMessages(broker().port(), "kv/b/#").size() == 1; }));
  EXPECT_EQ(client().Get("b/stays").value, "v");
}

TEST_F(Expiry, ThousandsOfKeysThatAreDueTogetherEndTogether) {
  ASSERT_NO_FATAL_FAILURE(Start({{"bucket_b", "ttl=1s"}}));
  constexpr std::size_t count = 15'000;
  ASSERT_EQ(watcher().Subscribe("kv/#", 0), 0);  // nothing to acknowledge: that takes its time
  const auto begin = steady_clock::now();
  for (std::size_t i = 0; i < count; ++i) {
    ASSERT_TRUE(client().PublishAsync("kv/b/" + std::to_string(i), "v", {.qos = 0}));
  }
  ASSERT_TRUE(client().Ping());
  const auto written = steady_clock::now();
  std::set<std::string> expired;
  while (expired.size() < count) {
    const auto message = watcher().WaitMessage();
    ASSERT_TRUE(message) << watcher().error() << " after " << expired.size();
    if (message->Property("kv-reason") == "expired") {
      EXPECT_TRUE(expired.insert(message->topic).second) << message->topic << " twice";
    }
  }
  // So many each time that an idle broker wakes by itself would take 8 s more than it has to do,
  // which on a slow machine is as slow as the writing was.
  EXPECT_LT(steady_clock::now() - written, std::chrono::seconds(6) + 2 * (written - begin));
  EXPECT_TRUE(RetainedMessages(broker().port(), "kv/b/#").empty());
  const auto info = client().Info("b");
  EXPECT_EQ(info["keys"], 0);
  EXPECT_EQ(info["last_revision"], 2 * count);
}

}  // namespace
}  // namespace kv::testing
