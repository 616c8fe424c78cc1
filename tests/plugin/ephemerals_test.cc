// Keys that go with the connection of their writer.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/plugin/full_disk.h"
#include "tests/plugin/service_test.h"

namespace kv::plugin::testing {
namespace {

class EphemeralsTest : public ServiceTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(Start());
    Settle();
  }
  // A write of the client behind this connection.
  void PutBy(const int& connection,
             std::string_view topic,
             std::string_view payload,
             std::vector<UserProperty> options = {{"kv-ephemeral", "true"}}) {
    service_->OnMessage(
        {.id = "ann", .is_v5 = true, .connection = &connection},
        {.topic = topic, .payload = payload, .qos = 1, .options = std::move(options)});
  }
  Texts Ended(const int& connection) {
    broker_.Take();
    service_->OnDisconnect(&connection);
    return Published();
  }
  std::string Gone(const std::string& topic, Revision revision) const {
    return topic + " '' qos 1 retain [" + Change("DEL", revision) + " kv-reason=disconnected]";
  }

  const int ann_ = 0;
  const int bob_ = 0;
};

TEST_F(EphemeralsTest, GoWithTheirConnectionAlone) {
  PutBy(ann_, "kv/b/a", "1");
  PutBy(bob_, "kv/b/b", "2");
  PutBy(ann_, "kv/c/a", "3");
  PutBy(ann_, "kv/b/plain", "4", {});
  EXPECT_EQ(Ended(ann_), (Texts{Gone("kv/b/a", 4), Gone("kv/c/a", 2)}));
  EXPECT_EQ(Ended(ann_), Texts{}) << "once";
  EXPECT_EQ(Ask("$KV/b/keys").at(0).payload, R"(["b","plain"])");
  EXPECT_EQ(Ended(bob_), Texts{Gone("kv/b/b", 5)});
}

TEST_F(EphemeralsTest, GoOnlyWhileTheirNewestEntryIsThatOfTheConnection) {
  PutBy(ann_, "kv/b/taken", "1");
  PutBy(bob_, "kv/b/taken", "2");
  PutBy(ann_, "kv/b/plain", "3");
  PutBy(ann_, "kv/b/plain", "4", {});
  PutBy(ann_, "kv/b/deleted", "5");
  Put("kv/b/deleted", "");
  PutBy(ann_, "kv/b/again", "7");
  PutBy(ann_, "kv/b/again", "8");
  EXPECT_EQ(Ended(ann_), Texts{Gone("kv/b/again", 9)});
  EXPECT_EQ(Ended(bob_), Texts{Gone("kv/b/taken", 10)});
  EXPECT_EQ(Ask("$KV/b/keys").at(0).payload, R"(["plain"])");
}

TEST_F(EphemeralsTest, AWriteThatComesAgainDoesNotTakeTheKeyOver) {
  const std::vector<UserProperty> options{{"kv-ephemeral", "true"}, {"kv-msg-id", "id"}};
  PutBy(ann_, "kv/b/a", "1", options);
  PutBy(bob_, "kv/b/a", "1", options);
  EXPECT_EQ(Ended(bob_), Texts{});
  EXPECT_EQ(Ended(ann_), Texts{Gone("kv/b/a", 2)});
}

TEST_F(EphemeralsTest, AWriteThatComesAgainAfterItsConnectionIsDoneAgain) {
  const std::vector<UserProperty> options{{"kv-ephemeral", "true"}, {"kv-msg-id", "id"}};
  PutBy(ann_, "kv/b/a", "1", options);
  EXPECT_EQ(Ended(ann_), Texts{Gone("kv/b/a", 2)});
  PutBy(bob_, "kv/b/a", "1", options);
  EXPECT_EQ(ValueOf(Ask("$KV/b/get/a").at(0), "kv-revision"), "3");
  Stop();
  ASSERT_NO_FATAL_FAILURE(Start());  // ends it, too
  PutBy(ann_, "kv/b/a", "1", options);
  EXPECT_EQ(ValueOf(Ask("$KV/b/get/a").at(0), "kv-revision"), "5");
}

TEST_F(EphemeralsTest, TheIdOfAWriteThatWasOvertakenStays) {
  const std::vector<UserProperty> options{{"kv-ephemeral", "true"}, {"kv-msg-id", "id"}};
  PutBy(ann_, "kv/b/a", "1", options);
  Put("kv/b/a", "mine");
  EXPECT_EQ(Ended(ann_), Texts{});
  PutBy(bob_, "kv/b/a", "1", options);
  EXPECT_EQ(Ask("$KV/b/get/a").at(0).payload, "mine");
}

TEST_F(EphemeralsTest, ARefusedWriteBindsNothing) {
  PutBy(ann_, "kv/b/a", "1", {});
  PutBy(ann_, "kv/b/a", "2", {{"kv-ephemeral", "true"}, {"kv-op", "create"}});
  EXPECT_EQ(Ended(ann_), Texts{});
}

TEST_F(EphemeralsTest, OfADeletedBucketAreNothingToTheNewOne) {
  PutBy(ann_, "kv/b/a", "1");
  AskLater("$KV/b/admin/delete");
  Put("kv/b/a", "new");
  EXPECT_EQ(Ended(ann_), Texts{});
  EXPECT_EQ(Ask("$KV/b/get/a").at(0).payload, "new");
}

TEST_F(EphemeralsTest, GoAtTheNextStartBeforeAnythingIsRestored) {
  PutBy(ann_, "kv/b/a", "1");
  Put("kv/b/plain", "2");
  const std::string plain = Change("PUT", 2);
  Stop();
  broker_.Take();
  Advance(kSecond);
  ASSERT_NO_FATAL_FAILURE(Start());
  const Texts published = Published();
  ASSERT_FALSE(published.empty());
  EXPECT_EQ(published.front(), Gone("kv/b/a", 3));
  for (const auto& text : published) {
    EXPECT_EQ(text.find("kv/b/a '1'"), std::string::npos) << text;
  }
  EXPECT_EQ(Ask("$KV/b/keys").at(0).payload, R"(["plain"])");
}

TEST_F(EphemeralsTest, ManyGoInSlicesAndEachOnce) {
  for (int i = 0; i < 1000; ++i) {
    PutBy(ann_, "kv/b/k" + std::to_string(i), "v");
    PutBy(ann_, "kv/b/same", "v");
  }
  const std::size_t first = Ended(ann_).size();
  EXPECT_GT(first, 0U);
  ASSERT_TRUE(TickUntil([this] { return Published().size() >= 1001; }));
  service_->OnTick();
  EXPECT_EQ(Published().size(), 1001U);
  EXPECT_EQ(Ask("$KV/b/keys").at(0).payload, "[]");
}

TEST_F(EphemeralsTest, WaitForAStoreThatCannotWriteAndGoWhenItIsWell) {
  PutBy(ann_, "kv/b/a", "1");
  PutBy(ann_, "kv/b/b", "2");
  {
    const FullDisk full;
    Handle({.topic = "kv/b/x", .payload = "1", .qos = 1, .response_topic = "r"});
    ASSERT_TRUE(TickUntil([this] { return LastReply().has_value(); }));
    EXPECT_EQ(Ended(ann_), Texts{});
    service_->OnTick();
    EXPECT_EQ(Published(), Texts{});
  }
  ASSERT_TRUE(TickUntil([this] { return Published().size() == 2; }));
  EXPECT_EQ(Published(), (Texts{Gone("kv/b/a", 4), Gone("kv/b/b", 5)}));
}

TEST_F(EphemeralsTest, OfATransactionGoWithItsConnection) {
  service_->OnMessage({.id = "ann", .is_v5 = true, .connection = &ann_},
                      {.topic = "$KV/b/txn",
                       .payload = R"({"then":[{"op":"put","key":"a","value":"1","ephemeral":true},
                              {"op":"put","key":"b","value":"2"}]})",
                       .qos = 1});
  EXPECT_EQ(Ended(ann_), Texts{Gone("kv/b/a", 3)});
}

}  // namespace
}  // namespace kv::plugin::testing
