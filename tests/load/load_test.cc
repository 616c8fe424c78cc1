// A thousand clients that do everything at once, for long: no reply is lost, nobody waits for ever,
// the broker's memory is bounded, and in the end what is stored is what was acknowledged.
//   KV_LOAD_OPERATIONS  how many (default 20,000 by 50 clients); scripts/load
//   KV_LOAD_CLIENTS     how many of them
//   KV_LOAD_OUTPUT      a directory for memory.csv and memory.svg
//   KV_SEED             to repeat a run's choices
#include "tests/load/load.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "tests/e2e/kv_broker.h"
#include "tests/support/environment.h"

namespace kv::testing {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

// After the warm-up, half of the operations but at most two millions, the broker's memory may grow
// by a tenth, and by what RocksDB's memtables and the pages of the journal go up and down. It takes
// a million and a half until the queues of the slow watchers, which begin with the same messages,
// hold as many different ones as they can.
constexpr std::uint64_t kLongestWarmUp = 2'000'000;
constexpr double kShareOfGrowth = 0.10;
constexpr double kSwingKiB = 32 * 1024;

LoadPlan Plan(std::uint32_t seed) {
  LoadPlan plan;
  plan.operations = NumberFromEnvironment("KV_LOAD_OPERATIONS", 20'000);
  const unsigned clients = NumberFromEnvironment("KV_LOAD_CLIENTS", 50);
  plan.watchers = std::min(12U, clients / 4);
  plan.workers = clients - plan.watchers;
  plan.keys = std::min<std::uint64_t>(10'000, plan.operations / 10);
  if (clients < 100) {  // a few seconds of everything
    plan.storm_interval = milliseconds(500);
    plan.sample_interval = milliseconds(50);
  }
  if (kSanitized) {
    plan.patience = std::chrono::seconds(120);
  }
  plan.seed = seed;
  return plan;
}

// Each connection takes a file of this process and one of the broker's, which inherits the limit.
void AllowFiles(unsigned connections) {
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit.rlim_max;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  ASSERT_GT(limit.rlim_max, connections + 100) << "ulimit -Hn";
}

class LoadTest : public KvBrokerTest {
 protected:
  void SetUp() override {
    std::cout << "KV_SEED=" << plan_.seed << '\n';
    ASSERT_NO_FATAL_FAILURE(AllowFiles(plan_.workers + plan_.watchers));
    ASSERT_NO_FATAL_FAILURE(
        StartBroker({.plugin = {{std::string("bucket_") + kSharedBucket, "history=5"},
                                {std::string("bucket_") + kOwnBucket, "history=1"},
                                {std::string("bucket_") + kCounterBucket, "history=1"},
                                {std::string("bucket_") + kEphemeralBucket, "history=1"},
                                // What fills up by and by is full after the warm-up.
                                {"duplicate_window", "10s"},
                                {"cache_size", "16MiB"}},
                     // As many as there are keys: a watcher may want that much at once, and one
                     // that does not read costs no more.
                     .configuration = "max_queued_messages 20000",
                     .debug_log = false}));
  }

  void ExpectMemoryBounded(const Load& load) const {
    const auto growth = load.memory().GrowthAfter(std::min(kLongestWarmUp, plan_.operations / 2));
    std::cout << "memory: at most " << load.memory().highest() / 1024 << " MiB; "
              << growth.from / 1024 << " MiB after the warm-up, " << growth.by / 1024
              << " MiB more at the end\n";
    if (!kSanitized) {  // whose own memory grows
      EXPECT_LE(growth.by, growth.from * kShareOfGrowth + kSwingKiB) << "KiB";
    }
  }

  void ExpectCounters(const Account& account) {
    ASSERT_FALSE(account.counters.empty());
    for (const auto& [key, raises] : account.counters) {
      const Answer counter = client().Get(std::string(kCounterBucket) + "/" + key);
      const std::uint64_t count = counter.ok() ? std::stoull(counter.value) : 0;
      EXPECT_GE(count, raises.acknowledged) << key << ": an acknowledged increment is lost";
      EXPECT_LE(count, raises.acknowledged + raises.unknown) << key << " was raised twice by one";
      if (key.starts_with("steady")) {
        EXPECT_EQ(raises.unknown, 0U) << "whose connections live";
      }
    }
  }

  void ExpectOwnKeys(const std::map<std::string, std::uint64_t>& revisions) {
    ASSERT_FALSE(revisions.empty());
    for (const auto& [name, revision] : revisions) {
      EXPECT_EQ(client().Get(std::string(kOwnBucket) + "/" + name).revision, revision)
          << name << ": its last acknowledged write is lost";
    }
  }

  static void Print(const Load& load) {
    const Account& account = load.account();
    const auto in_ms = [](std::chrono::nanoseconds time) {
      return std::chrono::duration<double, std::milli>(time).count();
    };
    std::cout << account.done << " operations in " << load.seconds() << " s, " << account.replies
              << " replies and " << account.entries << " entries before them, " << account.changes
              << " changes watched, " << load.storms() << " storms, " << account.drops
              << " connections dropped and " << account.abandoned
              << " operations with them, of which " << account.late_replies
              << " were answered to the next connection\n"
              << "latency: p50 " << in_ms(account.latency.Quantile(0.5)) << " ms, p99 "
              << in_ms(account.latency.Quantile(0.99)) << " ms, longest "
              << in_ms(account.latency.max()) << " ms; nothing at all was done for at most "
              << in_ms(account.longest_standstill) << " ms; to connect: p99 "
              << in_ms(account.connecting.Quantile(0.99)) << " ms, longest "
              << in_ms(account.connecting.max()) << " ms\n";
    for (const auto& counts : {account.done_by_name, account.statuses}) {
      for (const auto& [name, count] : counts) {
        std::cout << name << ": " << count << "; ";
      }
      std::cout << '\n';
    }
  }

  const LoadPlan plan_ = Plan(NumberFromEnvironment("KV_SEED", std::random_device()()));
};

void WriteMemory(const MemorySeries& memory) {
  const char* output = std::getenv("KV_LOAD_OUTPUT");  // NOLINT(concurrency-mt-unsafe)
  if (output != nullptr) {
    const std::filesystem::path directory = output;
    std::filesystem::create_directories(directory);
    memory.WriteCsv(directory / "memory.csv");
    memory.DrawSvg(directory / "memory.svg");
    std::cout << "written: " << (directory / "memory.csv").string() << ", memory.svg\n";
  }
}

TEST_F(LoadTest, LosesNothingAndStaysInBounds) {
  Load load(plan_, broker().port(), broker().process().pid());
  load.Run();
  Print(load);
  WriteMemory(load.memory());
  for (const std::string& failure : load.account().failures) {
    ADD_FAILURE() << failure;
  }
  ExpectMemoryBounded(load);
  ASSERT_EQ(load.account().failed, 0U);
  EXPECT_EQ(load.account().done + load.account().abandoned, plan_.operations);
  EXPECT_GT(load.storms(), 0U);
  EXPECT_GT(load.account().changes, 0U);
  EXPECT_LT(load.account().longest_standstill.count(),
            std::chrono::nanoseconds(plan_.patience).count() / 3)
      << "ns in which nothing was done";

  std::map<std::string, std::uint64_t> own;
  for (const auto& worker : load.workers()) {
    if (worker->own_revision()) {
      own.emplace(worker->client_id(), *worker->own_revision());
    }
  }
  load.DropAll();
  // The connection of before has said nothing for longer than its keep-alive.
  ASSERT_NO_FATAL_FAILURE(Reconnect());
  ExpectCounters(load.account());
  ExpectOwnKeys(own);
  EXPECT_TRUE(Eventually([&] { return client().Keys(kEphemeralBucket).empty(); }))
      << "an ephemeral key outlives its connection";
  for (const char* bucket : {kSharedBucket, kOwnBucket, kCounterBucket, kEphemeralBucket}) {
    ExpectRetainedEqualsEntries(broker().port(), bucket);
  }
}

}  // namespace
}  // namespace kv::testing
