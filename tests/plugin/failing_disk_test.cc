// A disk that takes no more bytes, and is well again later.
#include <string>

#include <gtest/gtest.h>

#include "tests/plugin/full_disk.h"
#include "tests/plugin/service_test.h"

namespace kv::plugin::testing {
namespace {

class FailingDiskTest : public ServiceTest {
 protected:
  void StartWith(store::Sync sync) {
    options_.sync = sync;
    ASSERT_NO_FATAL_FAILURE(Start());
    // The bucket is there, and all of it on disk: what fails later is what comes later.
    PutWithReply("before");
    ASSERT_TRUE(TickUntil([this] { return LastReply().has_value(); }));
    Settle();
  }
  void PutWithReply(std::string_view payload) {
    Handle({.topic = "kv/b/k", .payload = payload, .qos = 1, .response_topic = "r"});
  }
  bool TickUntilWell() {
    return TickUntil([this] { return !broker_.Lines(LogLevel::kNotice, "well again").empty(); });
  }
};

TEST_F(FailingDiskTest, TurnsTheWaitingReplyIntoAnErrorAndRefusesFurtherWrites) {
  ASSERT_NO_FATAL_FAILURE(StartWith(store::Sync::kBatch));
  {
    const FullDisk full;
    PutWithReply("during");
    ASSERT_TRUE(TickUntil([this] { return LastReply().has_value(); }));
    EXPECT_EQ(ValueOf(*LastReply(), "kv-status"), "storage-error");
    EXPECT_EQ(ValueOf(*LastReply(), "kv-error").value_or("").rfind("written, but not yet", 0), 0U);

    EXPECT_EQ(TextOf(Put("kv/b/k", "refused")), "denied");
    PutWithReply("refused");
    ASSERT_TRUE(LastReply().has_value());
    EXPECT_EQ(ValueOf(*LastReply(), "kv-status"), "storage-error");
    EXPECT_EQ(Ask("$KV/b/get/k").at(0).payload, "during") << "reading goes on";
    service_->OnTick();
    EXPECT_EQ(broker_.Lines(LogLevel::kError).size(), 1U) << "it is said once";
  }
  ASSERT_TRUE(TickUntilWell());
  broker_.Take();
  PutWithReply("after");
  ASSERT_TRUE(TickUntil([this] { return LastReply().has_value(); }));
  EXPECT_EQ(ValueOf(*LastReply(), "kv-status"), "ok");
  EXPECT_EQ(ValueOf(*LastReply(), "kv-revision"), "3");
}

TEST_F(FailingDiskTest, WithSyncAlwaysRefusesTheWriteThatItCouldNotFlushButPublishesIt) {
  ASSERT_NO_FATAL_FAILURE(StartWith(store::Sync::kAlways));
  {
    const FullDisk full;
    EXPECT_EQ(TextOf(Put("kv/b/k", "during")), "denied");
    // It is applied and will stay, so subscribers and the retained message must have it, too.
    EXPECT_EQ(broker_.TakeTexts(),
              Texts{"kv/b/k 'during' qos 1 retain [" + Change("PUT", 2) + "]"});
    EXPECT_EQ(TextOf(Put("kv/b/k", "refused")), "denied");
    EXPECT_EQ(broker_.TakeTexts(), Texts{});
  }
  ASSERT_TRUE(TickUntilWell());
  EXPECT_EQ(Ask("$KV/b/get/k").at(0).payload, "during");
  EXPECT_NE(TextOf(Put("kv/b/k", "after")), "denied");
}

TEST_F(FailingDiskTest, KeepsWhatWasAcknowledgedForTheNextStart) {
  ASSERT_NO_FATAL_FAILURE(StartWith(store::Sync::kInterval));
  {
    const FullDisk full;
    PutWithReply("acknowledged");
    ASSERT_EQ(ValueOf(LastReply().value(), "kv-status"), "ok");
    Stop();
    EXPECT_EQ(broker_.Lines(LogLevel::kError, "could not be flushed at the end").size(), 1U);
  }
  ASSERT_NO_FATAL_FAILURE(Restart());
  EXPECT_EQ(Ask("$KV/b/get/k").at(0).payload, "acknowledged");
}

}  // namespace
}  // namespace kv::plugin::testing
