// The threads of the background give way, and the broker's does not.
#include "store/give_way.h"

#include <sched.h>
#include <sys/resource.h>
#include <time.h>  // NOLINT(modernize-deprecated-headers): POSIX, not C

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "store/change_set.h"
#include "store/database.h"
#include "store/store_files.h"
#include "tests/store/temp_directory.h"

namespace kv::store::testing {
namespace {

int Niceness() {
  return ::getpriority(PRIO_PROCESS, 0);  // of this thread: Linux's meaning
}

TEST(GiveWayTest, ConcernsTheThreadThatCallsIt) {
  const int before = Niceness();
  int inside = before;
  std::thread([&inside] {
    GiveWay();
    GiveWay();  // no further
    inside = Niceness();
  }).join();
  EXPECT_EQ(inside, std::max(before, 10));
  EXPECT_EQ(Niceness(), before);
}

TEST(GiveWayTest, OneThatGivesWayMoreAlreadyStaysAsItIs) {
  int inside = 0;
  std::thread([&inside] {
    ASSERT_EQ(::setpriority(PRIO_PROCESS, 0, 15), 0);
    GiveWay();
    inside = Niceness();
  }).join();
  EXPECT_EQ(inside, 15);
}

// The share of a core that a thread gets which yields all the time, beside one that never does.
double ShareBesideABusyThread() {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<unsigned>(::sched_getcpu()), &one);
  std::atomic<bool> done{false};
  std::thread busy([&] {
    ::sched_setaffinity(0, sizeof(one), &one);
    while (!done) {}
  });
  double share = 0;
  std::thread([&] {
    ::sched_setaffinity(0, sizeof(one), &one);
    GiveWay();
    const auto start = std::chrono::steady_clock::now();
    timespec used{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    const long until = used.tv_nsec + used.tv_sec * 1'000'000'000 + 20'000'000;
    while (used.tv_nsec + used.tv_sec * 1'000'000'000 < until) {
      YieldNowAndThen();
      ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    }
    share = 0.020 / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }).join();
  done = true;
  busy.join();
  return share;
}

TEST(GiveWayTest, IsNoGivingUpWhereOthersWantTheCoreAllTheTime) {
  EXPECT_GT(ShareBesideABusyThread(), 0.01);
}

TEST(GiveWayTest, TheThreadsOtherWorkIsDoneNowAndThen) {
  int done = 0;
  int elsewhere = 0;
  DoNowAndThen([&done] { ++done; });
  for (int i = 0; i < 320; ++i) {
    YieldNowAndThen();
  }
  std::thread([&elsewhere, &done] {
    const int before = done;
    for (int i = 0; i < 320; ++i) {
      YieldNowAndThen();
    }
    elsewhere = done - before;
  }).join();
  DoNowAndThen(nullptr);
  for (int i = 0; i < 320; ++i) {
    YieldNowAndThen();
  }
  EXPECT_EQ(done, 10);
  EXPECT_EQ(elsewhere, 0) << "it is this thread's alone";
}

TEST(GiveWayTest, AlsoWhileRocksDBWritesAGroup) {
  const TempDirectory directory;
  auto database = Database::Open({.path = directory.path() + "/db"});
  ASSERT_TRUE(database.ok());
  WriteGroup group;
  for (Revision revision = 1; revision <= 1000; ++revision) {
    ChangeSet changes;
    changes.Put(StreamKey(1, revision), "value");
    ASSERT_TRUE(group.AddCopy(changes.bytes()).ok());
  }
  const int done = WithStoreFiles([&] {
    int passes = 0;
    EXPECT_TRUE(group.Build().ok());  // has its passes, too
    DoNowAndThen([&passes] { ++passes; });
    EXPECT_TRUE((*database)->Write(group).ok());
    DoNowAndThen(nullptr);
    return passes;
  });
  EXPECT_GE(done, 2 * (1000 / 32)) << "Build's alone, and none of RocksDB's";
}

// RocksDB's threads of this process that have given way.
int GivingWay() {
  int count = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::getline(std::ifstream(task.path() / "comm"), name);
    const auto id = static_cast<::id_t>(std::stoul(task.path().filename()));
    count += name.starts_with("rocksdb") && ::getpriority(PRIO_PROCESS, id) >= 10 ? 1 : 0;
  }
  return count;
}

TEST(GiveWayTest, ThreadsThatMakeTablesDoAndTheOneThatWritesDoesNot) {
  const TempDirectory directory;
  const int before = Niceness();
  {
    auto database = Database::Open({.path = directory.path() + "/db", .memtable_bytes = 1});
    ASSERT_TRUE(database.ok());
    ChangeSet changes;
    changes.Put(StreamKey(1, 1), "value");
    WriteGroup group;
    ASSERT_TRUE(group.AddCopy(changes.bytes()).ok());
    ASSERT_TRUE((*database)->Write(group).ok());  // begins a table
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (GivingWay() == 0 && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    EXPECT_GT(GivingWay(), 0);
  }
  EXPECT_EQ(Niceness(), before);
}

}  // namespace
}  // namespace kv::store::testing
