// When a write is on disk, and who waits for that: the three modes of the option `sync`.
#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/e2e/slow_disk.h"

namespace kv::testing {
namespace {

class SyncTest : public KvBrokerTest {
 protected:
  // The bucket `b` is there when it returns: making one waits for the disk in every mode.
  void StartWith(const std::string& sync, const std::string& interval = "1h") {
    ASSERT_NO_FATAL_FAILURE(StartBroker(
        {.plugin = {{"sync", sync}, {"sync_interval", interval}, {"bucket_b", "history=1"}},
         .environment = disk_.Environment()}));
    ASSERT_GT(disk_.flushes(), 0U) << "the flushes do not go through the test's hands";
    ASSERT_TRUE(client().Put("b/k", "v").ok());
  }

  // Without waiting for anything; the packet's id.
  std::uint16_t Send(const std::string& key,
                     const Properties& properties = {},
                     std::uint8_t qos = 1) {
    const auto id =
        client().PublishAsync("kv/b/" + key, "v", {.qos = qos, .properties = properties});
    EXPECT_TRUE(id) << client().error();
    return id.value_or(0);
  }

  // Once it returns, one flush has begun and waits for Release().
  void AwaitFlush() {
    ASSERT_TRUE(Eventually([&] { return client().Ping() && disk_.IsAwaited(); }));
  }

  static Properties WithReply() { return Properties().ResponseTopic("replies"); }

  SlowDisk disk_;
};

bool IsReply(const Message& message) {
  return message.topic == "replies";
}

TEST_F(SyncTest, AlwaysFlushesBeforeItAcknowledges) {
  ASSERT_NO_FATAL_FAILURE(StartWith("always"));
  disk_.SetDelay(milliseconds(10));
  for (int i = 0; i < 10; ++i) {
    const auto before = disk_.flushes();
    ASSERT_TRUE(client().WaitPuback(Send("k")));
    EXPECT_GT(disk_.flushes(), before) << "a PUBACK without a flush";
    const auto between = disk_.flushes();
    const std::uint16_t second = Send("k", {}, 2);
    ASSERT_TRUE(client().WaitPubrec(second));
    EXPECT_GT(disk_.flushes(), between) << "a PUBREC without a flush";
    ASSERT_TRUE(client().SendPubrel(second));
    ASSERT_TRUE(client().WaitPubcomp(second));
  }
}

TEST_F(SyncTest, BatchAcknowledgesAtOnceAndRepliesAfterTheFlush) {
  ASSERT_NO_FATAL_FAILURE(StartWith("batch"));
  for (int i = 0; i < 3; ++i) {
    disk_.Hold();
    ASSERT_TRUE(client().WaitPuback(Send("k", WithReply()))) << "the PUBACK waited for the flush";
    ASSERT_NO_FATAL_FAILURE(AwaitFlush());
    EXPECT_TRUE(client().TakeMessages().empty()) << "a reply before the flush";
    disk_.Release();
    const auto reply = client().WaitMessage(IsReply);
    ASSERT_TRUE(reply) << client().error();
    EXPECT_EQ(reply->Property("kv-status"), "ok");
  }
}

TEST_F(SyncTest, BatchServesAllWhoWaitWithOneFlush) {
  ASSERT_NO_FATAL_FAILURE(StartWith("batch"));
  disk_.Hold();
  constexpr int count = 500;
  const auto before = disk_.flushes();
  std::uint16_t last = 0;
  for (int i = 0; i < count; ++i) {
    last = Send(std::to_string(i), WithReply());
  }
  ASSERT_TRUE(client().WaitPuback(last));
  disk_.Release();
  for (int i = 0; i < count; ++i) {
    const auto reply = client().WaitMessage(IsReply);
    ASSERT_TRUE(reply) << client().error();
    EXPECT_EQ(reply->Property("kv-status"), "ok");
  }
  EXPECT_LE(disk_.flushes() - before, count / 20);
}

TEST_F(SyncTest, BatchFlushesSometimesWithoutBeingAsked) {
  ASSERT_NO_FATAL_FAILURE(StartWith("batch", "50ms"));
  const auto before = disk_.flushes();
  ASSERT_TRUE(client().WaitPuback(Send("k")));
  EXPECT_TRUE(Eventually([&] { return client().Ping() && disk_.flushes() > before; }));
}

TEST_F(SyncTest, IntervalNeverWaits) {
  ASSERT_NO_FATAL_FAILURE(StartWith("interval"));
  const auto before = disk_.flushes();
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(client().Put("b/" + std::to_string(i), "v").ok());
  }
  EXPECT_EQ(disk_.flushes(), before);
}

TEST_F(SyncTest, IntervalFlushesOnceAnInterval) {
  ASSERT_NO_FATAL_FAILURE(StartWith("interval", "50ms"));
  for (int i = 0; i < 3; ++i) {
    const auto before = disk_.flushes();
    ASSERT_TRUE(client().WaitPuback(Send("k")));
    EXPECT_TRUE(Eventually([&] { return client().Ping() && disk_.flushes() > before; }));
  }
}

class SlowDiskTest : public SyncTest, public ::testing::WithParamInterface<const char*> {};
std::string NameOfMode(const ::testing::TestParamInfo<const char*>& info) {
  return info.param;
}
INSTANTIATE_TEST_SUITE_P(Sync, SlowDiskTest, ::testing::Values("batch", "interval"), NameOfMode);

TEST_P(SlowDiskTest, DelaysNobodyElse) {
  ASSERT_NO_FATAL_FAILURE(StartWith(GetParam(), "1ms"));
  KvClient other(broker().port());
  ASSERT_TRUE(other.Connect()) << other.error();
  disk_.Hold();
  for (int i = 0; i < 20; ++i) {
    Send("written", WithReply());  // keeps the disk busy
    ASSERT_NO_FATAL_FAILURE(AwaitFlush());
    ASSERT_TRUE(other.Publish("nothing/of/kv", "x")) << other.error();
    ASSERT_TRUE(other.Get("b/k").ok()) << other.error();
    EXPECT_TRUE(disk_.IsAwaited());
  }
}

TEST_F(SyncTest, AlwaysMakesEverybodyWait) {
  // What `always` costs; and that the test above would notice.
  constexpr milliseconds a_while{200};
  ASSERT_NO_FATAL_FAILURE(StartWith("always"));
  MqttClient other(broker().port());
  ASSERT_TRUE(other.Connect()) << other.error();
  disk_.Hold();
  const std::uint16_t written = Send("written");
  ASSERT_TRUE(Eventually([this] { return disk_.IsAwaited(); }));
  const auto plain = other.PublishAsync("nothing/of/kv", "x");
  ASSERT_TRUE(plain);
  EXPECT_FALSE(other.WaitPublished(*plain, a_while));
  disk_.Release();
  EXPECT_TRUE(other.WaitPublished(*plain));
  EXPECT_TRUE(client().WaitPuback(written));
}

TEST_F(SyncTest, ABrokenDiskRefusesWritesUntilItIsWell) {
  for (const char* mode : {"always", "batch", "interval"}) {
    SCOPED_TRACE(mode);
    disk_.Repair();
    ASSERT_NO_FATAL_FAILURE(StartWith(mode, "10ms"));
    ASSERT_EQ(client().Subscribe("kv/b/#", 1), 1);
    client().TakeMessages();
    disk_.Break(EIO);
    // The write that meets the failure is applied and stays, but nobody says that it is on disk. In
    // `interval` none has to meet it, and some are accepted before.
    bool stays = std::string_view(mode) != "interval";
    Answer answer;
    ASSERT_TRUE(Eventually([&] {
      answer = client().Put("b/met", "v");
      stays = stays || answer.ok();
      return !answer.ok();
    }));
    EXPECT_EQ(answer.status, "storage-error") << answer;
    EXPECT_EQ(client().Put("b/refused", "v").status, "storage-error");
    EXPECT_EQ(client().Publish("kv/b/refused", "v"), 0x87);
    EXPECT_TRUE(client().Ping());
    disk_.Repair();
    ASSERT_TRUE(Eventually([&] { return client().Put("b/after", "v").ok(); }));
    EXPECT_TRUE(!stays || client().Get("b/met").ok());
    EXPECT_EQ(client().Get("b/refused").status, "key-not-found");
    EXPECT_TRUE(broker().process().WaitForLog("the store is well again"));
    ASSERT_NO_FATAL_FAILURE(ExpectRetainedEqualsStore(broker().port(), "b"));
    ASSERT_TRUE(broker().KillAndStart());
    ASSERT_NO_FATAL_FAILURE(Reconnect());
    EXPECT_TRUE(client().Get("b/after").ok());
    EXPECT_EQ(client().Get("b/refused").status, "key-not-found");
    ASSERT_NO_FATAL_FAILURE(ExpectRetainedEqualsStore(broker().port(), "b"));
  }
}

TEST_F(SyncTest, ABrokenDiskIsReadAllTheSame) {
  ASSERT_NO_FATAL_FAILURE(StartWith("batch"));
  disk_.Break(EIO);
  ASSERT_EQ(client().Put("b/met", "v").status, "storage-error");
  // Also while it tries again and again whether the disk is well.
  const auto before = disk_.flushes();
  ASSERT_TRUE(Eventually([&] {
    const Answer read = client().Get("b/k");
    EXPECT_TRUE(read.ok()) << read;
    return disk_.flushes() >= before + 4 || !read.ok();
  }));
  EXPECT_EQ(RetainedMessages(broker().port(), "kv/b/k").size(), 1U);
}

TEST_F(SyncTest, ABrokenDiskIsComplainedOfOnce) {
  ASSERT_NO_FATAL_FAILURE(StartWith("batch"));
  disk_.Break(EIO);
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(client().Put("b/k", "v").status, "storage-error");
  }
  const auto before = disk_.flushes();
  ASSERT_TRUE(Eventually([&] { return client().Ping() && disk_.flushes() >= before + 4; }));
  const std::string log = broker().process().Log();
  const std::string complaint = "kv: the store refuses writes until its disk is well";
  const auto first = log.find(complaint);
  ASSERT_NE(first, std::string::npos) << log;
  EXPECT_EQ(log.find(complaint, first + 1), std::string::npos) << log;
}

}  // namespace
}  // namespace kv::testing
