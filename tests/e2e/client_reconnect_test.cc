// The typed client when the connection breaks and when the broker is killed.
#include <atomic>
#include <filesystem>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "tests/e2e/client_fixture.h"
#include "tests/support/proxy.h"

namespace kv::testing {
namespace {

using std::chrono::milliseconds;
using Names = std::vector<std::string>;

class ClientReconnect : public ClientTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(
        StartBroker({.plugin = {{"bucket_deep", "history=64"}}, .debug_log = false}));
    proxy_.emplace(broker().port());
  }

  // By the network that can fail; with what it tells of it.
  Client Proxied() {
    ClientOptions options = Options();
    options.port = proxy_->port();
    options.on_connection = [this](const ConnectionEvent& event) {
      connected_ = event.connected;
    };
    return Connected(options);
  }
  void Cut() {
    proxy_->Cut();
    ASSERT_TRUE(Within([this] { return !connected_; }));
  }
  void Restore() {
    proxy_->Restore();
    ASSERT_TRUE(Within([this] { return connected_.load(); }));
  }
  static bool Within(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (!condition() && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    return condition();
  }

  // Of the broker's store, which is stopped for it.
  void Copy() {
    ASSERT_EQ(broker().process().Stop(), 0);
    std::filesystem::copy(broker().store_path(), copy_.path() / "store", kWhole);
    ASSERT_TRUE(broker().Start());
    Reconnect();
  }
  void PutBack() {
    ASSERT_EQ(broker().process().Stop(), 0);
    std::filesystem::remove_all(broker().store_path());
    std::filesystem::copy(copy_.path() / "store", broker().store_path(), kWhole);
    ASSERT_TRUE(broker().Start());
    Reconnect();
  }

  static constexpr auto kWhole = std::filesystem::copy_options::recursive;

  TemporaryDirectory copy_;
  std::optional<Proxy> proxy_;
  std::atomic<bool> connected_{true};
};

TEST_F(ClientReconnect, WatchGoesOnWithoutAGapAndWithoutADuplicate) {
  Client typed = Proxied();
  ASSERT_TRUE(client().Put("deep/k", "1").ok());
  auto whole = typed.bucket("deep").Watch();
  auto filtered = typed.bucket("deep").Watch({.filter = "k/#"});
  ASSERT_TRUE(whole.ok() && filtered.ok());
  const Names begin{"PUT k=1 @1", "end of initial"};
  EXPECT_EQ(NextOf(*whole, 2), begin);
  EXPECT_EQ(NextOf(*filtered, 2), begin);
  ASSERT_NO_FATAL_FAILURE(Cut());
  ASSERT_TRUE(client().Put("deep/k", "2").ok());
  ASSERT_TRUE(client().Put("deep/other", "1").ok());
  ASSERT_TRUE(client().Delete("deep/k").ok());
  ASSERT_NO_FATAL_FAILURE(Restore());
  ASSERT_TRUE(client().Put("deep/k", "3").ok());
  EXPECT_EQ(NextOf(*whole, 4), (Names{"PUT k=2 @2", "PUT other=1 @3", "DEL k @4", "PUT k=3 @5"}));
  EXPECT_EQ(NextOf(*filtered, 3), (Names{"PUT k=2 @2", "DEL k @4", "PUT k=3 @5"}));
}

TEST_F(ClientReconnect, WatchSaysThatThereIsAGapWhereTheHistoryIsGone) {
  Client typed = Proxied();
  ASSERT_TRUE(client().Put("flat/k", "1").ok());
  auto watcher = typed.bucket("flat").Watch();
  ASSERT_TRUE(watcher.ok()) << WhyOf(watcher);
  EXPECT_EQ(NextOf(*watcher, 2), (Names{"PUT k=1 @1", "end of initial"}));
  ASSERT_NO_FATAL_FAILURE(Cut());
  ASSERT_TRUE(client().Put("flat/k", "2").ok());
  ASSERT_TRUE(client().Put("flat/k", "3").ok());
  ASSERT_NO_FATAL_FAILURE(Restore());
  EXPECT_EQ(NextOf(*watcher, 2), (Names{"gap after 1", "PUT k=3 @3"}));
  ASSERT_NO_FATAL_FAILURE(Cut());
  ASSERT_TRUE(client().Put("flat/new", "1").ok());
  ASSERT_NO_FATAL_FAILURE(Restore());
  EXPECT_EQ(NextOf(*watcher), "PUT new=1 @4");
}

TEST_F(ClientReconnect, WatchSaysThatThereIsAGapWhenTheBucketWasDeleted) {
  Client typed = Proxied();
  ASSERT_TRUE(client().Put("b/k", "1").ok());
  auto watcher = typed.bucket("b").Watch();
  ASSERT_TRUE(watcher.ok()) << WhyOf(watcher);
  EXPECT_EQ(NextOf(*watcher, 2), (Names{"PUT k=1 @1", "end of initial"}));
  ASSERT_NO_FATAL_FAILURE(Cut());
  ASSERT_TRUE(ToAnswer(client().Request("$KV/b/admin/delete")).ok());
  ASSERT_NO_FATAL_FAILURE(Restore());
  EXPECT_EQ(NextOf(*watcher), "gap after 1");
}

TEST_F(ClientReconnect, WatchOfAStoreThatWasPutBackTellsTheGapAndReadsWhatIsThere) {
  ASSERT_TRUE(client().Put("deep/a/1", "old").ok());
  ASSERT_TRUE(client().Put("deep/b/1", "old").ok());
  ASSERT_NO_FATAL_FAILURE(Copy());
  Client typed = Connected();
  auto whole = typed.bucket("deep").Watch();
  auto filtered = typed.bucket("deep").Watch({.filter = "a/#", .resync_interval = milliseconds(0)});
  ASSERT_TRUE(whole.ok() && filtered.ok());
  for (const char* value : {"1", "2", "3"}) {
    ASSERT_TRUE(client().Put("deep/a/1", value).ok());
  }
  EXPECT_EQ(NextOf(*whole, 6),
            (Names{"PUT a/1=old @1",
                   "PUT b/1=old @2",
                   "end of initial",
                   "PUT a/1=1 @3",
                   "PUT a/1=2 @4",
                   "PUT a/1=3 @5"}));
  EXPECT_EQ(
      NextOf(*filtered, 5),
      (Names{"PUT a/1=old @1", "end of initial", "PUT a/1=1 @3", "PUT a/1=2 @4", "PUT a/1=3 @5"}));
  ASSERT_NO_FATAL_FAILURE(PutBack());
  EXPECT_EQ(NextOf(*whole, 3), (Names{"gap after 5", "PUT a/1=old @1", "PUT b/1=old @2"}));
  EXPECT_EQ(NextOf(*filtered, 2), (Names{"gap after 2", "PUT a/1=old @1"}));
  ASSERT_TRUE(client().Put("deep/a/1", "new").ok());
  EXPECT_EQ(NextOf(*whole), "PUT a/1=new @3");
  EXPECT_EQ(NextOf(*filtered), "PUT a/1=new @3");
}

// Every acknowledged write is seen once and in order, through deaths of the broker.
TEST_F(ClientReconnect, WatchThroughKilledBrokersSeesEveryAcknowledgedWriteOnce) {
  Client typed = Connected();
  auto watcher = typed.bucket("deep").Watch();
  ASSERT_TRUE(watcher.ok()) << WhyOf(watcher);
  EXPECT_EQ(NextOf(*watcher), "end of initial");
  std::atomic<bool> stop{false};
  auto writer = std::async(std::launch::async, [&] {
    std::vector<Revision> revisions;
    for (int i = 0; !stop; ++i) {
      const auto written = typed.bucket("deep").Put("k" + std::to_string(i), "v");
      if (written) {
        revisions.push_back(written->revision);
      } else {
        ADD_FAILURE() << WhyOf(written);
      }
    }
    return revisions;
  });
  std::vector<Revision> seen;
  const auto see = [&] {
    const auto event = watcher->Next(kPatience);
    ASSERT_TRUE(event.ok()) << WhyOf(event);
    ASSERT_EQ(event->kind, WatchEvent::Kind::kEntry) << TextOf(*event);
    ASSERT_TRUE(seen.empty() || event->entry.revision > seen.back()) << TextOf(*event);
    seen.push_back(event->entry.revision);
  };
  for (int life = 0; life < 3; ++life) {
    for (int i = 0; i < 50; ++i) {
      ASSERT_NO_FATAL_FAILURE(see());
    }
    ASSERT_TRUE(broker().KillAndStart());
  }
  stop = true;
  const auto written = writer.get();
  ASSERT_FALSE(written.empty());
  while (seen.empty() || seen.back() < written.back()) {
    ASSERT_NO_FATAL_FAILURE(see());
  }
  EXPECT_EQ(seen, written);
}

TEST_F(ClientReconnect, WritesAreDoneOnceHoweverOftenTheyAreSent) {
  Client typed = Proxied();
  const kv::Bucket bucket = typed.bucket("b");
  constexpr int count = 300;
  std::vector<std::future<Result<Counted>>> increments;
  for (int i = 0; i < count; ++i) {
    increments.push_back(bucket.async().Increment("n").Future());
    if (i == count / 3 || i == 2 * count / 3) {
      ASSERT_NO_FATAL_FAILURE(Cut());
      ASSERT_NO_FATAL_FAILURE(Restore());
    }
  }
  for (auto& increment : increments) {
    const auto counted = increment.get();
    ASSERT_TRUE(counted.ok()) << WhyOf(counted);
  }
  EXPECT_EQ(client().Get("b/n").value, std::to_string(count));
}

TEST_F(ClientReconnect, RequestWaitsForTheConnectionAndNoLongerThanItsTimeout) {
  Client typed = Proxied();
  ASSERT_NO_FATAL_FAILURE(Cut());
  auto patient = typed.bucket("b").async().Put("k", "v").Future();
  const auto hasty = typed.bucket("b").WithTimeout(milliseconds(50)).Put("k", "w");
  EXPECT_EQ(TokenOf(hasty), "disconnected");
  ASSERT_NO_FATAL_FAILURE(Restore());
  const auto written = patient.get();
  ASSERT_TRUE(written.ok()) << WhyOf(written);
  EXPECT_EQ(client().History("b").size(), 1U);
}

TEST_F(ClientReconnect, WithoutReconnectEverythingEnds) {
  ClientOptions options = Options();
  options.port = proxy_->port();
  options.reconnect = false;
  Client typed = Connected(options);
  auto watcher = typed.bucket("b").Watch();
  ASSERT_TRUE(watcher.ok()) << WhyOf(watcher);
  EXPECT_EQ(NextOf(*watcher), "end of initial");
  proxy_->Cut();
  EXPECT_EQ(NextOf(*watcher), "ended: disconnected");
  EXPECT_EQ(TokenOf(typed.bucket("b").Put("k", "v")), "disconnected");
}

}  // namespace
}  // namespace kv::testing
