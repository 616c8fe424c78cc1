// What a start publishes, so that the broker's retained messages equal the store.
#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/plugin/persistence_bytes.h"
#include "tests/plugin/service_test.h"

namespace kv::plugin::testing {
namespace {

class RestoreTest : public ServiceTest {
 protected:
  // What a start published, in the order of the topics: the store's order is nobody's business.
  Texts Restored() {
    Texts texts = broker_.TakeTexts();
    std::sort(texts.begin(), texts.end());
    return texts;
  }
  void SnapshotIs(const std::vector<FakeMessage>& messages, const std::string& tail = {}) {
    options_.broker_snapshot = (directory_.path() / "mosquitto.db").string();
    std::string contents = FileStart();
    std::uint64_t id = 0;
    for (FakeMessage message : messages) {
      message.store_id = ++id;
      contents += MessageOf(message);
    }
    for (std::uint64_t i = 1; i <= id; ++i) {
      contents += RetainOf(i);
    }
    std::ofstream(*options_.broker_snapshot, std::ios::binary) << contents << tail;
  }
  static FakeMessage Retained(const std::string& topic,
                              const std::string& revision,
                              const std::string& payload = "whatever") {
    return {.topic = topic, .payload = payload, .properties = RevisionProperty(revision)};
  }
  std::string Summary() const {
    const auto lines = broker_.Lines(LogLevel::kNotice, "retained messages restored: ");
    return lines.size() == 1 ? lines[0].substr(28) : "not one line";
  }
};

TEST_F(RestoreTest, OfAnEmptyStorePublishesNothing) {
  ASSERT_NO_FATAL_FAILURE(Start());
  EXPECT_EQ(Restored(), Texts{});
  EXPECT_EQ(Summary(), "0 published, 0 were there, 0 cleared");
}

TEST_F(RestoreTest, WithoutASnapshotPublishesEveryValueWithAllThatItsWriterSaid) {
  ASSERT_NO_FATAL_FAILURE(Start());
  Put("kv/b/old", "1");
  Handle({.topic = "kv/b/k",
          .payload = std::string_view("\0\xFF", 2),
          .qos = 2,
          .own = {.payload_format = 0,
                  .content_type = "image/png",
                  .user = {{"b", "1"}, {"a", "2"}, {"b", "3"}}}});
  Put("kv/c/zero", "0");
  Handle({.topic = "kv/c/zero", .payload = "none", .qos = 0});
  const std::string first = Change("PUT", 1);
  const std::string second = Change("PUT", 2);
  Advance(60 * kSecond);  // what is restored has the time of its write, not this one
  ASSERT_NO_FATAL_FAILURE(Restart());
  EXPECT_EQ(Restored(),
            (Texts{std::string("kv/b/k '\0\xFF", 10) +
                       "' qos 2 retain format 0 type image/png [b=1 a=2 b=3 " + second + "]",
                   "kv/b/old '1' qos 1 retain [" + first + "]",
                   "kv/c/zero 'none' qos 0 retain [" + second + "]"}));
  EXPECT_EQ(Summary(), "3 published, 0 were there, 0 cleared");
}

TEST_F(RestoreTest, WithoutASnapshotMarkersClearWhatTheBrokerMayHold) {
  ASSERT_NO_FATAL_FAILURE(Start());
  Put("kv/b/k", "1");
  Put("kv/b/k", "");
  Handle({.topic = "kv/b/p", .payload = "1"});
  Handle({.topic = "kv/b/p", .options = {{"kv-op", "purge"}}});
  const std::string deleted = Change("DEL", 2);
  const std::string purged = Change("PURGE", 4);
  ASSERT_NO_FATAL_FAILURE(Restart());
  EXPECT_EQ(Restored(),
            (Texts{"kv/b/k '' qos 1 retain [" + deleted + "]",
                   "kv/b/p '' qos 0 retain [" + purged + "]"}));
  EXPECT_EQ(Summary(), "0 published, 0 were there, 2 cleared");
}

TEST_F(RestoreTest, PublishesTheNewestOfAHistoryOnly) {
  Declare("b", "history=5");
  ASSERT_NO_FATAL_FAILURE(Start());
  for (const auto* const value : {"1", "2", "3"}) {
    Put("kv/b/k", value);
  }
  const std::string newest = Change("PUT", 3);
  ASSERT_NO_FATAL_FAILURE(Restart());
  EXPECT_EQ(Restored(), Texts{"kv/b/k '3' qos 1 retain [" + newest + "]"});
}

TEST_F(RestoreTest, SkipsBucketsWithoutRetainedMessagesAndThoseInMemory) {
  Declare("live", "retained=false");
  Declare("memory", "storage=memory");
  ASSERT_NO_FATAL_FAILURE(Start());
  Put("kv/live/k", "1");
  Put("kv/memory/k", "1");
  ASSERT_NO_FATAL_FAILURE(Restart());
  EXPECT_EQ(Restored(), Texts{});
}

TEST_F(RestoreTest, WithASnapshotPublishesOnlyWhatTheBrokerLacks) {
  ASSERT_NO_FATAL_FAILURE(Start());
  Put("kv/b/same", "1");     // revision 1
  Put("kv/b/stale", "2");    // 2
  Put("kv/b/absent", "3");   // 3
  Put("kv/b/foreign", "4");  // 4
  Put("kv/b/forged", "5");   // 5
  const auto put = [this](const std::string& key, const std::string& value, Revision revision) {
    return "kv/b/" + key + " '" + value + "' qos 1 retain [" + Change("PUT", revision) + "]";
  };
  SnapshotIs({Retained("kv/b/same", "1", "1"),
              Retained("kv/b/stale", "1", "2"),
              {.topic = "kv/b/foreign", .payload = "4"},
              Retained("kv/b/forged", "5", "another value under the same revision")});
  ASSERT_NO_FATAL_FAILURE(Restart());
  EXPECT_EQ(Restored(),
            (Texts{put("absent", "3", 3),
                   put("foreign", "4", 4),
                   put("forged", "5", 5),
                   put("stale", "2", 2)}));
  EXPECT_EQ(Summary(), "4 published, 1 were there, 0 cleared");
}

TEST_F(RestoreTest, WithASnapshotClearsWhatTheStoreDoesNotHave) {
  Declare("live", "retained=false");
  ASSERT_NO_FATAL_FAILURE(Start());
  Put("kv/b/deleted", "1");
  Put("kv/b/deleted", "");
  Put("kv/live/k", "1");
  SnapshotIs({Retained("kv/b/deleted", "1"),
              Retained("kv/b/never", "1"),
              Retained("kv/gone/k", "1"),
              Retained("kv/live/k", "1"),
              Retained("kv/b", "1"),
              Retained("kv/no bucket/k", "1"),
              Retained("kvx/b/k", "1"),
              Retained("sensors/1", "1")});
  ASSERT_NO_FATAL_FAILURE(Restart());
  EXPECT_EQ(Restored(),
            (Texts{"kv/b '' qos 1 retain [kv-op=PURGE]",
                   "kv/b/deleted '' qos 1 retain [" + Change("DEL", 2) + "]",
                   "kv/b/never '' qos 1 retain [kv-op=PURGE]",
                   "kv/gone/k '' qos 1 retain [kv-op=PURGE]",
                   "kv/live/k '' qos 1 retain [kv-op=PURGE]",
                   "kv/no bucket/k '' qos 1 retain [kv-op=PURGE]"}));
  EXPECT_EQ(Summary(), "0 published, 0 were there, 6 cleared");
}

TEST_F(RestoreTest, WithASnapshotAnEmptyValueClearsWhatTheBrokerHeldAndIsElseLeftAlone) {
  ASSERT_NO_FATAL_FAILURE(Start());
  Handle({.topic = "kv/b/empty", .qos = 1, .options = {{"kv-op", "put"}}});
  Handle({.topic = "kv/b/stale", .qos = 1, .options = {{"kv-op", "put"}}});
  SnapshotIs({Retained("kv/b/stale", "1")});
  ASSERT_NO_FATAL_FAILURE(Restart());
  EXPECT_EQ(Restored(), Texts{"kv/b/stale '' qos 1 retain [" + Change("PUT", 2) + "]"});
}

TEST_F(RestoreTest, WithASnapshotPublishesNoMarkerThatItDoesNotContradict) {
  ASSERT_NO_FATAL_FAILURE(Start());
  Put("kv/b/k", "1");
  Put("kv/b/k", "");
  SnapshotIs({});
  ASSERT_NO_FATAL_FAILURE(Restart());
  EXPECT_EQ(Restored(), Texts{});
}

TEST_F(RestoreTest, FollowsTheConfiguredPrefix) {
  options_.topic_prefix = "site/kv";
  ASSERT_NO_FATAL_FAILURE(Start());
  Put("site/kv/b/k", "1");
  SnapshotIs({Retained("site/kv/b/ghost", "1"), Retained("kv/b/k", "1")});
  ASSERT_NO_FATAL_FAILURE(Restart());
  EXPECT_EQ(Restored(),
            (Texts{"site/kv/b/ghost '' qos 1 retain [kv-op=PURGE]",
                   "site/kv/b/k '1' qos 1 retain [" + Change("PUT", 1) + "]"}));
}

TEST_F(RestoreTest, WithoutTheSnapshotsFilePublishesEverything) {
  options_.broker_snapshot = (directory_.path() / "mosquitto.db").string();
  ASSERT_NO_FATAL_FAILURE(Start());
  Put("kv/b/k", "1");
  Put("kv/b/l", "1");
  Put("kv/b/l", "");
  ASSERT_NO_FATAL_FAILURE(Restart());
  EXPECT_EQ(Restored().size(), 2U);
  EXPECT_EQ(broker_.Lines(LogLevel::kWarning), Texts{});
}

TEST_F(RestoreTest, WithAnUnreadableSnapshotWarnsAndPublishesEverything) {
  ASSERT_NO_FATAL_FAILURE(Start());
  Put("kv/b/k", "1");
  SnapshotIs({});
  std::ofstream(*options_.broker_snapshot) << "no such file format";
  ASSERT_NO_FATAL_FAILURE(Restart());
  EXPECT_EQ(Restored().size(), 1U);
  EXPECT_EQ(broker_.Lines(LogLevel::kWarning, "plugin_opt_broker_snapshot: ").size(), 1U);
}

TEST_F(RestoreTest, WithADamagedSnapshotWarnsAndClearsWhatItMayHaveLost) {
  ASSERT_NO_FATAL_FAILURE(Start());
  Put("kv/b/k", "1");
  Put("kv/b/l", "2");
  Put("kv/b/gone", "3");
  Put("kv/b/gone", "");
  SnapshotIs({Retained("kv/b/k", "1", "1")}, "cut chunk");
  ASSERT_NO_FATAL_FAILURE(Restart());
  EXPECT_EQ(Restored(),
            (Texts{"kv/b/gone '' qos 1 retain [" + Change("DEL", 4) + "]",
                   "kv/b/l '2' qos 1 retain [" + Change("PUT", 2) + "]"}));
  EXPECT_EQ(broker_.Lines(LogLevel::kWarning, "damaged").size(), 1U);
}

TEST_F(RestoreTest, AdvisesToSetTheSnapshotWhenThereIsSomethingToPublish) {
  ASSERT_NO_FATAL_FAILURE(Start());
  EXPECT_EQ(broker_.Lines(LogLevel::kInfo, "broker_snapshot is not set"), Texts{});
  Put("kv/b/k", "1");
  ASSERT_NO_FATAL_FAILURE(Restart());
  EXPECT_EQ(broker_.Lines(LogLevel::kInfo, "broker_snapshot is not set").size(), 1U);
}

TEST_F(RestoreTest, WhatAStartPublishedIsUnflushedUntilTheFirstTick) {
  ASSERT_NO_FATAL_FAILURE(Start());
  Put("kv/b/k", "1");
  ASSERT_NO_FATAL_FAILURE(Restart());
  EXPECT_EQ(Put("kv/b/k", "2").verdict, Verdict::kSwallowed);
  const auto sent = broker_.Take();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[0].payload, "1");
  EXPECT_EQ(sent[1].payload, "2");
}

}  // namespace
}  // namespace kv::plugin::testing
