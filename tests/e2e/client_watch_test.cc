// The typed client's watches: what is there, its end, then every change in order.
#include <future>
#include <set>
#include <string>
#include <vector>

#include "tests/e2e/client_fixture.h"

namespace kv::testing {
namespace {

using std::chrono::milliseconds;
using Names = std::vector<std::string>;

class ClientWatch : public ClientTest {
 protected:
  void Start(KvBrokerOptions options = {}) {
    options.plugin.emplace_back("bucket_deep", "history=64");
    ASSERT_NO_FATAL_FAILURE(StartBroker(std::move(options)));
    client_.emplace(Connected());
  }

  kv::Bucket bucket(std::string_view name) { return client_->bucket(name); }
  Watcher Watching(std::string_view name, const WatchSettings& settings = {}) {
    auto watcher = bucket(name).Watch(settings);
    if (!watcher) {
      throw std::runtime_error("cannot watch: " + WhyOf(watcher));
    }
    return std::move(*watcher);
  }

  std::optional<Client> client_;
};

TEST_F(ClientWatch, GivesWhatIsThereInRevisionOrderThenTheEndThenChanges) {
  ASSERT_NO_FATAL_FAILURE(Start());
  for (const char* key : {"z", "a", "m"}) {
    ASSERT_TRUE(bucket("b").Put(key, "1").ok());
  }
  ASSERT_TRUE(bucket("b").Delete("a").ok());
  Watcher watcher = Watching("b");
  ASSERT_TRUE(bucket("b").Put("z", "2").ok());
  ASSERT_TRUE(bucket("b").Purge("m").ok());
  EXPECT_EQ(
      NextOf(watcher, 6),
      (Names{
          "PUT z=1 @1", "PUT m=1 @3", "DEL a @4", "end of initial", "PUT z=2 @5", "PURGE m @6"}));
}

TEST_F(ClientWatch, OfABucketThatIsNotThereYetWaitsForIt) {
  ASSERT_NO_FATAL_FAILURE(Start());
  Watcher watcher = Watching("new");
  EXPECT_EQ(NextOf(watcher), "end of initial");
  ASSERT_TRUE(bucket("new").Put("k", "v").ok());
  EXPECT_EQ(NextOf(watcher), "PUT k=v @1");
  ASSERT_TRUE(client_->DeleteBucket("new").ok());
  EXPECT_EQ(NextOf(watcher), "PURGE k @2 bucket-deleted");
  ASSERT_TRUE(bucket("new").Put("k", "w").ok());
  EXPECT_EQ(NextOf(watcher), "PUT k=w @3");
}

TEST_F(ClientWatch, FilterLetsPassWhatMatches) {
  ASSERT_NO_FATAL_FAILURE(Start());
  ASSERT_TRUE(bucket("b").Put("a/1", "1").ok());
  ASSERT_TRUE(bucket("b").Put("a", "1").ok());
  ASSERT_TRUE(bucket("b").Put("b/1", "1").ok());
  Watcher levels = Watching("b", {.filter = "+/1"});
  Watcher below = Watching("b", {.filter = "a/#"});
  ASSERT_TRUE(bucket("b").Put("b/2", "2").ok());
  ASSERT_TRUE(bucket("b").Put("b/1", "2").ok());
  ASSERT_TRUE(bucket("b").Put("a/1", "2").ok());
  EXPECT_EQ(
      NextOf(levels, 5),
      (Names{"PUT a/1=1 @1", "PUT b/1=1 @3", "end of initial", "PUT b/1=2 @5", "PUT a/1=2 @6"}));
  EXPECT_EQ(NextOf(below, 4),
            (Names{"PUT a/1=1 @1", "PUT a=1 @2", "end of initial", "PUT a/1=2 @6"}));
}

TEST_F(ClientWatch, SettingsLeaveOutWhatIsNotWanted) {
  ASSERT_NO_FATAL_FAILURE(Start());
  ASSERT_TRUE(bucket("deep").Put("k", "1").ok());
  ASSERT_TRUE(bucket("deep").Put("k", "2").ok());
  ASSERT_TRUE(bucket("deep").Put("d", "1").ok());
  ASSERT_TRUE(bucket("deep").Delete("d").ok());
  Watcher updates = Watching("deep", {.updates_only = true});
  Watcher values = Watching("deep", {.ignore_deletes = true});
  Watcher metas = Watching("deep", {.meta_only = true});
  Watcher from = Watching("deep", {.from_revision = 2});
  ASSERT_TRUE(bucket("deep").Delete("k").ok());
  ASSERT_TRUE(bucket("deep").Put("k", "3").ok());
  EXPECT_EQ(NextOf(updates, 3), (Names{"end of initial", "DEL k @5", "PUT k=3 @6"}));
  EXPECT_EQ(NextOf(values, 3), (Names{"PUT k=2 @2", "end of initial", "PUT k=3 @6"}));
  EXPECT_EQ(NextOf(metas, 5),
            (Names{"PUT k= @2", "DEL d @4", "end of initial", "DEL k @5", "PUT k= @6"}));
  EXPECT_EQ(
      NextOf(from, 6),
      (Names{"PUT k=2 @2", "PUT d=1 @3", "DEL d @4", "end of initial", "DEL k @5", "PUT k=3 @6"}));
}

TEST_F(ClientWatch, FromARevisionThatIsNoLongerKeptBeginsWithTheGap) {
  ASSERT_NO_FATAL_FAILURE(Start());
  for (int i = 1; i <= 3; ++i) {
    ASSERT_TRUE(bucket("b").Put("k", std::to_string(i)).ok());
  }
  Watcher watcher = Watching("b", {.from_revision = 2});
  EXPECT_EQ(NextOf(watcher, 3), (Names{"gap after 1", "PUT k=3 @3", "end of initial"}));
}

TEST_F(ClientWatch, FromARevisionThatTheStoreDoesNotHaveGivesWhatIsThereAfterTheGap) {
  ASSERT_NO_FATAL_FAILURE(Start());
  for (int i = 1; i <= 3; ++i) {
    ASSERT_TRUE(bucket("b").Put("k", std::to_string(i)).ok());
  }
  Watcher next = Watching("b", {.from_revision = 4});
  Watcher later = Watching("b", {.from_revision = 5});
  EXPECT_EQ(NextOf(next), "end of initial");
  EXPECT_EQ(NextOf(later, 3), (Names{"gap after 0", "PUT k=3 @3", "end of initial"}));
  ASSERT_TRUE(bucket("b").Put("k", "4").ok());
  EXPECT_EQ(NextOf(next), "PUT k=4 @4");
  EXPECT_EQ(NextOf(later), "PUT k=4 @4");
}

TEST_F(ClientWatch, HandlerGetsTheSameOnTheCallbackThread) {
  ASSERT_NO_FATAL_FAILURE(Start());
  ASSERT_TRUE(bucket("b").Put("k", "1").ok());
  std::promise<Names> all;
  Names events;
  auto watcher = bucket("b").Watch({}, [&](const WatchEvent& event) {
    events.push_back(TextOf(event));
    if (event.kind == WatchEvent::Kind::kEndOfInitial) {
      EXPECT_TRUE(bucket("b").Put("k", "2").ok());  // a call that waits
    }
    if (events.size() == 3) {
      all.set_value(events);
    }
  });
  ASSERT_TRUE(watcher.ok()) << WhyOf(watcher);
  EXPECT_EQ(all.get_future().get(), (Names{"PUT k=1 @1", "end of initial", "PUT k=2 @2"}));
}

TEST_F(ClientWatch, HandlerMayStopItsOwnWatchAndIsNotCalledAgain) {
  ASSERT_NO_FATAL_FAILURE(Start());
  std::promise<void> stopped;
  std::promise<void> made;
  auto made_future = made.get_future();
  std::optional<Watcher> watcher;
  auto created = bucket("b").Watch({}, [&](const WatchEvent&) {
    made_future.wait();
    watcher->Stop();
    stopped.set_value();  // twice would throw
  });
  ASSERT_TRUE(created.ok()) << WhyOf(created);
  watcher.emplace(std::move(*created));
  made.set_value();
  stopped.get_future().wait();
  ASSERT_TRUE(bucket("b").Put("k", "v").ok());
  Watcher other = Watching("b");
  EXPECT_EQ(NextOf(other, 2), (Names{"PUT k=v @1", "end of initial"}));
}

TEST_F(ClientWatch, WatchesOfOneFilterDoNotEndEachOther) {
  ASSERT_NO_FATAL_FAILURE(Start());
  Watcher stays = Watching("b");
  { Watcher goes = Watching("b"); }
  ASSERT_TRUE(bucket("b").Put("k", "v").ok());
  EXPECT_EQ(NextOf(stays, 2), (Names{"end of initial", "PUT k=v @1"}));
  stays.Stop();
  EXPECT_EQ(NextOf(stays), "error: cancelled");
  Watcher again = Watching("b");
  EXPECT_EQ(NextOf(again), "PUT k=v @1");
}

TEST_F(ClientWatch, NextWaitsNoLongerThanItIsTold) {
  ASSERT_NO_FATAL_FAILURE(Start());
  Watcher watcher = Watching("b");
  EXPECT_EQ(NextOf(watcher), "end of initial");
  EXPECT_EQ(TokenOf(watcher.Next(milliseconds(10))), "timeout");
}

// The broker's queue for a session holds 1,000 messages by default.
TEST_F(ClientWatch, BucketAboveTheBrokersQueueComesWhole) {
  ASSERT_NO_FATAL_FAILURE(Start({.debug_log = false}));
  constexpr int count = 3'500;
  for (int begin = 0; begin < count; begin += 100) {
    std::vector<std::future<Result<Written>>> puts;
    for (int i = begin; i < begin + 100; ++i) {
      puts.push_back(bucket("b").async().Put("k/" + std::to_string(i), "v").Future());
    }
    for (auto& put : puts) {
      const auto written = put.get();
      ASSERT_TRUE(written.ok()) << WhyOf(written);
    }
  }
  Watcher watcher = Watching("b");
  Revision last = 0;
  for (int i = 0; i < count; ++i) {
    const auto event = watcher.Next(kPatience);
    ASSERT_TRUE(event.ok()) << WhyOf(event);
    ASSERT_EQ(event->entry.revision, last + 1) << TextOf(*event);
    last = event->entry.revision;
  }
  EXPECT_EQ(NextOf(watcher), "end of initial");
  EXPECT_EQ(bucket("b").Entries()->entries.size(), static_cast<std::size_t>(count));
}

// Of a burst the broker drops what its queue does not hold.
TEST_F(ClientWatch, ChangesThatTheBrokerDroppedAreRead) {
  ASSERT_NO_FATAL_FAILURE(
      Start({.configuration = "max_queued_messages 30\nmax_inflight_messages 5\n"}));
  Watcher whole = Watching("b", {.resync_interval = milliseconds(200)});
  Watcher filtered = Watching("b", {.filter = "k/#", .resync_interval = milliseconds(200)});
  EXPECT_EQ(NextOf(whole), "end of initial");
  EXPECT_EQ(NextOf(filtered), "end of initial");
  Txn burst;
  std::set<std::string> expected;
  constexpr int count = 300;
  for (int i = 0; i < count; ++i) {
    const std::string key = "k/" + std::to_string(i);
    burst.Put(key, "v");
    expected.insert("PUT " + key + "=v @" + std::to_string(i + 1));
  }
  Client writer = Connected();
  ASSERT_TRUE(writer.bucket("b").Commit(burst).ok());
  const Names in_order = NextOf(whole, count);
  Names unexpected;
  std::copy_if(in_order.begin(),
               in_order.end(),
               std::back_inserter(unexpected),
               [&expected](const auto& event) { return expected.count(event) == 0; });
  EXPECT_EQ(unexpected, Names());
  EXPECT_EQ(in_order.front(), "PUT k/0=v @1");
  EXPECT_EQ(in_order.back(), "PUT k/299=v @300");
  EXPECT_EQ(std::set<std::string>(in_order.begin(), in_order.end()), expected);
  const Names found = NextOf(filtered, count);
  EXPECT_EQ(std::set<std::string>(found.begin(), found.end()), expected);
}

// The broker lets QoS 0 overtake a queue of QoS 1.
TEST_F(ClientWatch, WritersOfDifferentQosAreSeenInRevisionOrder) {
  ASSERT_NO_FATAL_FAILURE(Start({.debug_log = false}));
  Watcher watcher = Watching("deep");
  EXPECT_EQ(NextOf(watcher), "end of initial");
  constexpr Revision rounds = 100;
  for (Revision i = 0; i < rounds; ++i) {
    for (const std::uint8_t qos : std::vector<std::uint8_t>{1, 0, 2}) {
      ASSERT_TRUE(client().Publish("kv/deep/k", "v", {.qos = qos}).has_value());
    }
  }
  for (Revision revision = 1; revision <= 3 * rounds; ++revision) {
    ASSERT_EQ(NextOf(watcher), "PUT k=v @" + std::to_string(revision));
  }
}

TEST_F(ClientWatch, WritersPropertiesAndAuthorArePassedOn) {
  ASSERT_NO_FATAL_FAILURE(Start({.plugin = {{"bucket_watched", "audit=true"}}}));
  Watcher watcher = Watching("watched");
  EXPECT_EQ(NextOf(watcher), "end of initial");
  const kv::Properties properties{1, "text/plain", {{"room", "hall"}}};
  ASSERT_TRUE(bucket("watched").Put("k", "v", {.properties = properties}).ok());
  const auto event = watcher.Next(kPatience);
  ASSERT_TRUE(event.ok()) << WhyOf(event);
  EXPECT_EQ(event->entry.properties, properties);
  ASSERT_TRUE(event->entry.author.has_value());
  EXPECT_EQ(event->entry.author->client, client_->client_id());
}

TEST_F(ClientWatch, ForeignTopicPrefixIsWatchedToo) {
  ASSERT_NO_FATAL_FAILURE(Start({.plugin = {{"topic_prefix", "data/kv"}}}));
  ClientOptions options = Options();
  options.topic_prefix = "data/kv";
  Client other = Connected(options);
  auto watcher = other.bucket("b").Watch();
  ASSERT_TRUE(watcher.ok()) << WhyOf(watcher);
  ASSERT_TRUE(other.bucket("b").Put("k", "v").ok());
  EXPECT_EQ(NextOf(*watcher, 2), (Names{"end of initial", "PUT k=v @1"}));
}

}  // namespace
}  // namespace kv::testing
