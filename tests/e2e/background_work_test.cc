// What nobody waits for and has no bound (a purge, an expiry of many keys, the end of a connection
// with many ephemeral ones) never makes the broker wait for its disk.
#include <string>

#include <gtest/gtest.h>

#include "tests/e2e/slow_disk.h"

namespace kv::testing {
namespace {

class BackgroundWorkTest : public KvBrokerTest {
 protected:
  static constexpr int kKeys = 20'000;  // more than the revisions of the smallest block

  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(
        StartBroker({.plugin = {{"sync_interval", "1h"}, {"bucket_b", "history=1"}},
                     .environment = disk_.Environment(),
                     .debug_log = false}));
    ASSERT_GT(disk_.flushes(), 0U) << "the flushes do not go through the test's hands";
  }

  void PutMany(KvClient& writer, const Properties& properties = {}) {
    std::uint16_t last = 0;
    for (int i = 0; i < kKeys; ++i) {
      const auto id = writer.PublishAsync(
          "kv/b/" + std::to_string(i), "v", {.qos = 1, .properties = properties});
      ASSERT_TRUE(id) << writer.error();
      last = *id;
      if (i % 500 == 0) {  // as many as the broker takes at a time
        ASSERT_TRUE(writer.WaitPuback(last)) << writer.error();
        // A new bucket is flushed in the database, with all before it: what waits for that makes
        // larger blocks.
        ASSERT_TRUE(client().Put("new-" + std::to_string(i) + "/x", "v").ok()) << client().error();
      }
    }
    ASSERT_TRUE(writer.WaitPuback(last)) << writer.error();
  }

  // While the disk does nothing at all: the work goes as far as it can, and then waits; others do
  // not.
  void ExpectThatNobodyWaits() {
    ASSERT_TRUE(Eventually([&] { return client().Ping() && disk_.IsAwaited(); }));
    for (int i = 0; i < 200; ++i) {
      ASSERT_EQ(client().Publish("nothing/of/kv", "x"), 0x10) << client().error();
      ASSERT_TRUE(client().Publish("kv/b/written-meanwhile", "x")) << client().error();
    }
    EXPECT_GT(Keys(), 1) << "it went on without the disk";
    disk_.Release();
  }

  int Keys() { return client().Info("b")["keys"].get<int>(); }

  SlowDisk disk_;
};

TEST_F(BackgroundWorkTest, APurgeOfManyKeysWaitsByItself) {
  ASSERT_NO_FATAL_FAILURE(PutMany(client()));
  disk_.Hold();
  ASSERT_TRUE(client().PublishAsync(
      "$KV/b/purge", "", {.qos = 1, .properties = Properties().ResponseTopic("purged")}));
  ASSERT_NO_FATAL_FAILURE(ExpectThatNobodyWaits());
  const auto reply =
      client().WaitMessage([](const Message& message) { return message.topic == "purged"; });
  ASSERT_TRUE(reply) << client().error();
  EXPECT_EQ(reply->Property("kv-count"), std::to_string(kKeys));
  EXPECT_EQ(Keys(), 1);
}

TEST_F(BackgroundWorkTest, AnExpiryOfManyKeysWaitsByItself) {
  ASSERT_NO_FATAL_FAILURE(PutMany(client()));
  disk_.Hold();
  ASSERT_TRUE(client().PublishAsync("$KV/b/admin/update", R"({"ttl": "1ms"})", {.qos = 1}));
  ASSERT_NO_FATAL_FAILURE(ExpectThatNobodyWaits());
  EXPECT_TRUE(Eventually([&] { return Keys() == 0; })) << "what was written meanwhile, too";
}

TEST_F(BackgroundWorkTest, TheEndOfManyEphemeralKeysWaitsByItself) {
  KvClient owner(broker().port());
  ASSERT_TRUE(owner.Connect()) << owner.error();
  ASSERT_NO_FATAL_FAILURE(PutMany(owner, Properties().User("kv-ephemeral", "true")));
  disk_.Hold();
  owner.Disconnect();
  ASSERT_NO_FATAL_FAILURE(ExpectThatNobodyWaits());
  EXPECT_TRUE(Eventually([&] { return Keys() == 1; }));
}

}  // namespace
}  // namespace kv::testing
