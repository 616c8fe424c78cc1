// The order of replies that wait for the disk.
#include "plugin/replier.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/plugin/fake_broker.h"
#include "tests/plugin/full_disk.h"
#include "tests/plugin/service_test.h"

namespace kv::plugin::testing {
namespace {

class ReplierTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = store::Store::Open({.path = (directory_.path() / "store").string(),
                                      .sync_interval = 3600 * kSecond,
                                      .on_progress =
                                          [this] {
                                            wakes_.Notify();
                                          }},
                                     1);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    store_ = std::move(*opened);
    auto bucket = store_->CreateBucket(*BucketName::Parse("b"), {}, 1);
    ASSERT_TRUE(bucket.ok());
    bucket_ = *bucket;
    replier_.emplace(broker_, *store_);
  }
  // A write that is not on disk until somebody asks for it.
  store::Sequence Write() {
    auto written = bucket_->Apply(*Key::Parse("k"), {.value = "v"}, 1);
    EXPECT_TRUE(written.ok());
    return written ? written->sequence : 0;
  }
  void Send(store::Sequence sequence, const std::string& topic) {
    replier_->SendWhenDurable(sequence, {.client_id = "ann", .topic = topic}, wire::OkReply());
  }
  // Waits for all; topic and status of each.
  Texts Sent() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    for (replier_->Flush(); !replier_->empty() && wakes_.Wait(deadline); replier_->Flush()) {}
    Texts texts;
    for (const auto& one : broker_.Take()) {
      texts.push_back(one.topic + " " + ValueOf(one, "kv-status").value_or("none"));
    }
    return texts;
  }

  const kv::testing::TemporaryDirectory directory_;
  FakeBroker broker_;
  Wakes wakes_;
  std::unique_ptr<store::Store> store_;
  store::Bucket* bucket_ = nullptr;
  std::optional<Replier> replier_;
};

TEST_F(ReplierTest, TakesNoMoreWhenTooMuchWaitsForTheDisk) {
  const std::string large(65'000, 'x');
  const store::Sequence sequence = Write();
  std::size_t taken = 0;
  for (; replier_->CheckRoom().ok() && taken < 100'000; ++taken) {
    replier_->SendWhenDurable(
        sequence, {.client_id = "ann", .topic = "r", .correlation_data = large}, wire::OkReply());
  }
  EXPECT_GT(taken, Replier::kMaxWaitingBytes / large.size() * 9 / 10);
  EXPECT_LE(taken, Replier::kMaxWaitingBytes / large.size() + 1);
  EXPECT_EQ(replier_->CheckRoom().error().token(), "unavailable");
  EXPECT_EQ(Sent().size(), taken) << "those that were taken on all come";
  EXPECT_TRUE(replier_->CheckRoom().ok());
}

TEST_F(ReplierTest, SendsAtOnceWhatIsDurableWhenNothingWaits) {
  Send(0, "durable");
  EXPECT_EQ(broker_.Take().size(), 1U);
}

TEST_F(ReplierTest, LetsNoReplyOvertakeThoseThatWait) {
  Send(Write(), "first");
  Send(0, "second");
  Send(Write(), "third");
  EXPECT_TRUE(broker_.Take().empty());
  EXPECT_EQ(Sent(), (Texts{"first ok", "second ok", "third ok"}));
}

TEST_F(ReplierTest, OfAFailedStoreSendsErrorsForWhatIsNotDurableOnly) {
  const FullDisk full;
  Send(Write(), "first");
  Send(0, "second");
  EXPECT_EQ(Sent(), (Texts{"first storage-error", "second ok"}));
}

}  // namespace
}  // namespace kv::plugin::testing
