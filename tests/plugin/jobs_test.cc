// What requests begin and ticks finish: purging a bucket, forgetting its markers, deleting it.
#include "plugin/jobs.h"

#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/plugin/full_disk.h"
#include "tests/plugin/service_test.h"

namespace kv::plugin::testing {
namespace {

class JobsTest : public ServiceTest {
 protected:
  void SetUp() override {
    Declare("b", "history=3");
    ASSERT_NO_FATAL_FAILURE(Start());
    Settle();
  }
  void PutMany(int count) {
    for (int i = 0; i < count; ++i) {
      Put("kv/b/k" + std::to_string(i), "v");
    }
  }
  // The properties of the reply.
  std::string Job(std::string_view verb, std::vector<UserProperty> options = {}) {
    return TextOf(AskLater("$KV/b/" + std::string(verb), "", std::move(options)).user);
  }
  // Without waiting for the reply.
  void Begin(std::string_view verb, std::vector<UserProperty> options, std::string_view id) {
    Handle({.topic = "$KV/b/" + std::string(verb),
            .qos = 1,
            .options = std::move(options),
            .response_topic = "replies",
            .correlation_data = std::string(id)});
  }
  std::vector<Sent> Replies() const {
    std::vector<Sent> replies;
    for (const auto& one : broker_.sent) {
      one.to.empty() ? void() : replies.push_back(one);
    }
    return replies;
  }
};

TEST_F(JobsTest, PurgeEndsEveryKeyOnceAndTellsHowManyHadAValue) {
  PutMany(200);
  Put("kv/b/k0", "second");
  Put("kv/b/k1", "");  // a delete
  EXPECT_EQ(Job("purge"), "kv-status=ok kv-count=199");
  std::set<std::string> topics;
  Revision last = 202;
  for (const auto& one : broker_.sent) {
    if (one.to.empty() && one.topic.rfind("kv/", 0) == 0) {
      EXPECT_TRUE(topics.insert(one.topic).second) << one.topic;
      EXPECT_TRUE(one.payload.empty() && one.retain);
      EXPECT_EQ(ValueOf(one, "kv-op"), "PURGE");
      EXPECT_EQ(ValueOf(one, "kv-revision"), std::to_string(++last));
      EXPECT_FALSE(ValueOf(one, "kv-reason"));
    }
  }
  EXPECT_EQ(topics.size(), 200U);
  EXPECT_EQ(Ask("$KV/b/keys").at(0).payload, "[]");
  EXPECT_EQ(Job("purge"), "kv-status=ok kv-count=0");
  EXPECT_TRUE(Published().empty()) << "what is purged already stays";
}

TEST_F(JobsTest, PurgeLeavesWhatIsWrittenAfterItBegan) {
  PutMany(300);
  Begin("purge", {}, "1");
  EXPECT_TRUE(Replies().empty());
  Put("kv/b/k299", "new");
  Put("kv/b/later", "new");
  ASSERT_TRUE(TickUntil([this] { return !Replies().empty(); }));
  EXPECT_EQ(ValueOf(Replies()[0], "kv-count"), "299");
  EXPECT_EQ(Ask("$KV/b/keys").at(0).payload, R"(["k299","later"])");
}

TEST_F(JobsTest, TwoPurgesWithOneMessageIdAreOneAlsoWhileTheFirstStillRuns) {
  PutMany(3);
  broker_.Take();
  Begin("purge", {{"kv-msg-id", "id"}}, "1");
  Put("kv/b/between", "stays");
  Begin("purge", {{"kv-msg-id", "id"}}, "2");
  ASSERT_TRUE(TickUntil([this] { return Replies().size() == 2; }));
  EXPECT_EQ(TextOf(Replies()[0]), "-> ann: replies '' qos 1 #1 [kv-status=ok kv-count=3]");
  EXPECT_EQ(TextOf(Replies()[1]),
            "-> ann: replies '' qos 1 #2 [kv-status=ok kv-duplicate=true kv-count=3]");
  EXPECT_EQ(Ask("$KV/b/keys").at(0).payload, R"(["between"])");
  for (int life = 0; life < 2; ++life) {
    EXPECT_EQ(Job("purge", {{"kv-msg-id", "id"}}), "kv-status=ok kv-duplicate=true kv-count=3");
    ASSERT_NO_FATAL_FAILURE(Restart());
  }
  EXPECT_EQ(Job("purge", {{"kv-msg-id", "other"}}), "kv-status=ok kv-count=1");
}

TEST_F(JobsTest, AMessageIdOfAWriteIsAnsweredAsThatWriteWas) {
  AskLater("$KV/b/put/a", "1", {{"kv-msg-id", "id"}});
  EXPECT_EQ(
      Job("purge", {{"kv-msg-id", "id"}}),
      "kv-status=ok kv-revision=1 kv-time=" + wire::FormatTime(clock_.now) + " kv-duplicate=true");
}

TEST_F(JobsTest, PurgeDeletesForgetsTheMarkersThatAreOldEnough) {
  PutMany(150);
  for (int i = 0; i < 100; ++i) {
    Put("kv/b/k" + std::to_string(i), "");
  }
  EXPECT_EQ(Job("admin/purge-deletes"), "kv-status=ok kv-count=0");
  Advance(30 * (60 * kSecond));
  Put("kv/b/k149", "");
  EXPECT_EQ(Job("admin/purge-deletes"), "kv-status=ok kv-count=100");
  EXPECT_TRUE(Published().empty()) << "nobody needs to hear of it";
  EXPECT_EQ(Job("admin/purge-deletes", {{"kv-older-than", "1s"}}), "kv-status=ok kv-count=0");
  EXPECT_EQ(Job("admin/purge-deletes", {{"kv-older-than", "0"}}), "kv-status=ok kv-count=1");
  EXPECT_EQ(Ask("$KV/b/history", {{"kv-limit", "500"}}).size(), 49U + 1U);
  Put("kv/b/new", "1");
  EXPECT_EQ(ValueOf(Ask("$KV/b/get/new").at(0), "kv-revision"), "252");
}

TEST_F(JobsTest, TwoPurgeDeletesWithOneMessageIdForgetNothingTwice) {
  PutMany(1);
  Put("kv/b/k0", "");
  broker_.Take();
  Begin("admin/purge-deletes", {{"kv-older-than", "0"}, {"kv-msg-id", "id"}}, "1");
  Begin("admin/purge-deletes", {{"kv-older-than", "0"}, {"kv-msg-id", "id"}}, "2");
  ASSERT_TRUE(TickUntil([this] { return Replies().size() == 2; }));
  EXPECT_EQ(ValueOf(Replies()[0], "kv-count"), "1");
  EXPECT_EQ(ValueOf(Replies()[1], "kv-status"), "ok");
}

TEST_F(JobsTest, OfABucketThatIsNotThereIsRefusedAtOnce) {
  for (const auto* const topic :
       {"$KV/absent/purge", "$KV/absent/admin/purge-deletes", "$KV/absent/admin/delete"}) {
    EXPECT_EQ(ValueOf(Ask(topic).at(0), "kv-status"), "bucket-not-found") << topic;
  }
  EXPECT_EQ(ValueOf(Ask("$KV/b/admin/purge-deletes", {{"kv-older-than", "x"}}).at(0), "kv-status"),
            "bad-request");
}

TEST_F(JobsTest, OfABucketThatIsDeletedMeanwhileSaysSo) {
  PutMany(2);
  Begin("purge", {}, "purge");
  Begin("admin/purge-deletes", {}, "forget");
  Begin("admin/delete", {}, "delete");
  Put("kv/b/k0", "new");
  ASSERT_TRUE(TickUntil([this] { return Replies().size() == 3; }));
  for (const auto& reply : Replies()) {
    EXPECT_EQ(ValueOf(reply, "kv-status"),
              reply.correlation_data == "delete" ? "ok" : "bucket-not-found");
  }
  EXPECT_EQ(Ask("$KV/b/get/k0").at(0).payload, "new") << "the new bucket is not purged";
}

TEST_F(JobsTest, NotMoreThanAHundredWait) {
  PutMany(1);
  broker_.Take();
  for (std::size_t i = 0; i <= Jobs::kMax; ++i) {
    Begin("purge", {}, std::to_string(i));
  }
  ASSERT_EQ(Replies().size(), 1U);
  EXPECT_EQ(ValueOf(Replies()[0], "kv-status"), "unavailable");
  EXPECT_EQ(Replies()[0].correlation_data, std::to_string(Jobs::kMax));
  ASSERT_TRUE(TickUntil([this] { return Replies().size() == Jobs::kMax + 1; }));
  EXPECT_EQ(Job("purge"), "kv-status=ok kv-count=0");
}

TEST_F(JobsTest, AFailedStoreEndsThemWithAnErrorAndLeavesTheMessageIdFree) {
  PutMany(3);
  broker_.Take();
  {
    const FullDisk full;
    Handle({.topic = "kv/b/x", .payload = "1", .qos = 1, .response_topic = "r"});
    ASSERT_TRUE(TickUntil([this] { return !Replies().empty(); }));
    EXPECT_EQ(ValueOf(AskLater("$KV/b/purge", "", {{"kv-msg-id", "id"}}), "kv-status"),
              "storage-error");
    EXPECT_TRUE(Published().empty());
  }
  ASSERT_TRUE(
      TickUntil([this] { return !broker_.Lines(LogLevel::kNotice, "well again").empty(); }));
  EXPECT_EQ(Job("purge", {{"kv-msg-id", "id"}}), "kv-status=ok kv-count=4");
}

TEST_F(JobsTest, DeletingABucketTakesItsRetainedMessagesBack) {
  PutMany(100);
  Put("kv/b/k0", "");
  EXPECT_EQ(Job("admin/delete"), "kv-status=ok");
  ASSERT_TRUE(TickUntil([this] { return Published().size() >= 99; }));
  const Texts published = Published();
  EXPECT_EQ(published.size(), 99U);
  EXPECT_EQ(published[0],
            "kv/b/k1 '' qos 1 retain [" + Change("PURGE", 102) + " kv-reason=bucket-deleted]");
  Put("kv/b/k1", "new");
  EXPECT_EQ(ValueOf(Ask("$KV/b/get/k1").at(0), "kv-revision"), "201");
}

TEST_F(JobsTest, AnUpdateOfALargeBucketAnswersWhenAllIsTrimmed) {
  for (int round = 0; round < 3; ++round) {
    PutMany(1500);
  }
  const Sent reply = AskLater("$KV/b/admin/update", R"({"history": 1})");
  const auto info = nlohmann::json::parse(reply.payload);
  EXPECT_EQ(info["history"], 1);
  EXPECT_EQ(info["entries"], 1500);
  EXPECT_EQ(info["last_revision"], 4500);
}

}  // namespace
}  // namespace kv::plugin::testing
