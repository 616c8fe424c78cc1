// When a write is answered: at once, or when the disk has it.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/plugin/service_test.h"

namespace kv::plugin::testing {
namespace {

class ReplyTimingTest : public ServiceTest {
 protected:
  void StartWith(store::Sync sync) {
    options_.sync = sync;
    ASSERT_NO_FATAL_FAILURE(Start());
    Settle();
  }
  void PutWithReply(std::string_view topic,
                    const std::string& correlation,
                    std::uint8_t qos = 1,
                    std::vector<UserProperty> options = {}) {
    Handle({.topic = topic,
            .payload = "v",
            .qos = qos,
            .options = std::move(options),
            .response_topic = "replies",
            .correlation_data = correlation});
  }
  // What went to the client, and not to subscribers.
  Texts Replies() const {
    Texts texts;
    for (const auto& one : broker_.sent) {
      if (!one.to.empty()) {
        texts.push_back(TextOf(one));
      }
    }
    return texts;
  }
  std::string Ok(const std::string& correlation, Revision revision, int qos = 1) const {
    return "-> ann: replies '' qos " + std::to_string(qos) + " #" + correlation +
           " [kv-status=ok kv-revision=" + std::to_string(revision) +
           " kv-time=" + wire::FormatTime(clock_.now) + "]";
  }
};

TEST_F(ReplyTimingTest, BatchAnswersWhenTheDiskHasTheWrite) {
  ASSERT_NO_FATAL_FAILURE(StartWith(store::Sync::kBatch));
  PutWithReply("kv/b/k", "c1");
  EXPECT_EQ(Replies(), Texts{});
  ASSERT_TRUE(TickUntil([this] { return !Replies().empty(); }));
  EXPECT_EQ(Replies(), Texts{Ok("c1", 1)});
}

TEST_F(ReplyTimingTest, BatchAnswersAllThatWaitInTheirOrder) {
  ASSERT_NO_FATAL_FAILURE(StartWith(store::Sync::kBatch));
  Texts expected;
  for (Revision revision = 1; revision <= 50; ++revision) {
    PutWithReply("kv/b/k", std::to_string(revision));
    expected.push_back(Ok(std::to_string(revision), revision));
  }
  EXPECT_EQ(Replies(), Texts{});
  ASSERT_TRUE(TickUntil([&] { return Replies().size() >= expected.size(); }));
  EXPECT_EQ(Replies(), expected);
}

TEST_F(ReplyTimingTest, BatchPublishesTheChangeWithoutWaiting) {
  ASSERT_NO_FATAL_FAILURE(StartWith(store::Sync::kBatch));
  PutWithReply("kv/b/k", "c1");
  EXPECT_EQ(broker_.TakeTexts(), Texts{"kv/b/k 'v' qos 1 retain [" + Change("PUT", 1) + "]"});
}

TEST_F(ReplyTimingTest, BatchLetsADuplicateWaitForTheFirst) {
  ASSERT_NO_FATAL_FAILURE(StartWith(store::Sync::kBatch));
  PutWithReply("kv/b/k", "c1", 1, {{"kv-msg-id", "m"}});
  PutWithReply("kv/b/k", "c2", 1, {{"kv-msg-id", "m"}});
  EXPECT_EQ(Replies(), Texts{});
  ASSERT_TRUE(TickUntil([this] { return Replies().size() == 2; }));
  std::string second = Ok("c2", 1);
  second.insert(second.size() - 1, " kv-duplicate=true");
  EXPECT_EQ(Replies(), (Texts{Ok("c1", 1), second}));
}

TEST_F(ReplyTimingTest, OtherModesAnswerAtOnce) {
  for (const auto sync : {store::Sync::kInterval, store::Sync::kAlways}) {
    Stop();
    options_.store_path += "-next";
    ASSERT_NO_FATAL_FAILURE(StartWith(sync));
    PutWithReply("kv/b/k", "c1");
    EXPECT_EQ(Replies(), Texts{Ok("c1", 1)});
  }
}

TEST_F(ReplyTimingTest, WhatIsOnNoDiskIsAnsweredAtOnce) {
  Declare("m", "storage=memory");
  ASSERT_NO_FATAL_FAILURE(StartWith(store::Sync::kBatch));
  PutWithReply("kv/m/k", "c1");
  EXPECT_EQ(Replies(), Texts{Ok("c1", 1)});
}

TEST_F(ReplyTimingTest, WriteThatHadNothingToDoIsAnsweredAtOnceWithoutRevision) {
  ASSERT_NO_FATAL_FAILURE(StartWith(store::Sync::kBatch));
  PutWithReply("kv/b/k", "c1", 1, {{"kv-op", "delete"}});
  EXPECT_EQ(Replies(), Texts{"-> ann: replies '' qos 1 #c1 [kv-status=ok]"});
}

TEST_F(ReplyTimingTest, ReplyHasTheWritesQosButAtMost1) {
  ASSERT_NO_FATAL_FAILURE(StartWith(store::Sync::kInterval));
  PutWithReply("kv/b/k", "c0", 0);
  PutWithReply("kv/b/k", "c1", 1);
  PutWithReply("kv/b/k", "c2", 2);
  EXPECT_EQ(Replies(), (Texts{Ok("c0", 1, 0), Ok("c1", 2, 1), Ok("c2", 3, 1)}));
}

TEST_F(ReplyTimingTest, NobodyIsAnsweredWithoutAResponseTopic) {
  ASSERT_NO_FATAL_FAILURE(StartWith(store::Sync::kInterval));
  Put("kv/b/k", "v");
  HandleV3({.topic = "kv/b/k", .payload = "v", .qos = 1});
  Handle({.topic = "kv/b/k", .payload = "v", .qos = 1, .correlation_data = "c"});
  EXPECT_EQ(Replies(), Texts{});
}

TEST_F(ReplyTimingTest, DuplicateIsKnownAfterARestartAndFreeAfterItsWindow) {
  ASSERT_NO_FATAL_FAILURE(StartWith(store::Sync::kInterval));
  PutWithReply("kv/b/k", "c1", 1, {{"kv-msg-id", "m"}});
  const std::string first = Ok("c1", 1);
  ASSERT_NO_FATAL_FAILURE(Restart());
  Settle();
  Advance(options_.duplicate_window / 2);
  PutWithReply("kv/b/k", "c1", 1, {{"kv-msg-id", "m"}});
  std::string again = first;
  again.insert(again.size() - 1, " kv-duplicate=true");
  EXPECT_EQ(broker_.TakeTexts(), Texts{again});

  Advance(options_.duplicate_window);
  service_->OnTick();
  broker_.Take();
  PutWithReply("kv/b/k", "c2", 1, {{"kv-msg-id", "m"}});
  EXPECT_EQ(Replies(), Texts{Ok("c2", 2)});
}

TEST_F(ReplyTimingTest, ReplyThatTheBrokerHasNoMemoryForIsLogged) {
  ASSERT_NO_FATAL_FAILURE(StartWith(store::Sync::kInterval));
  broker_.out_of_memory = true;
  PutWithReply("kv/b/k", "c1");
  EXPECT_EQ(broker_.Lines(LogLevel::kError, "a reply to ann is lost").size(), 1U);
}

}  // namespace
}  // namespace kv::plugin::testing
