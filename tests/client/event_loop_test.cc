// The thread that runs what it is given.
#include "client/event_loop.h"

#include <chrono>
#include <future>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace kv::client::testing {
namespace {

using std::chrono::milliseconds;

TEST(EventLoopTest, RunsTasksInOrderOnItsThread) {
  std::vector<int> ran;
  {
    EventLoop loop;
    EXPECT_FALSE(loop.IsThisThread());
    for (int i = 0; i < 100; ++i) {
      EXPECT_TRUE(loop.Post([&ran, &loop, i] {
        EXPECT_TRUE(loop.IsThisThread());
        ran.push_back(i);
      }));
    }
  }
  ASSERT_EQ(ran.size(), 100U);
  EXPECT_EQ(ran.front(), 0);
  EXPECT_EQ(ran.back(), 99);
}

TEST(EventLoopTest, TimersRunInTheOrderOfTheirTimes) {
  EventLoop loop;
  std::promise<std::vector<int>> done;
  std::vector<int> ran;
  loop.Post([&] {
    loop.After(milliseconds(20), [&] {
      ran.push_back(2);
      done.set_value(ran);
    });
    loop.After(milliseconds(1), [&ran] { ran.push_back(1); });
  });
  EXPECT_EQ(done.get_future().get(), (std::vector<int>{1, 2}));
}

TEST(EventLoopTest, CancelledTimerDoesNotRun) {
  EventLoop loop;
  std::promise<bool> done;
  bool ran = false;
  loop.Post([&] {
    const auto timer = loop.After(milliseconds(0), [&ran] { ran = true; });
    loop.Cancel(timer);
    loop.After(milliseconds(5), [&] { done.set_value(ran); });
  });
  EXPECT_FALSE(done.get_future().get());
}

TEST(EventLoopTest, TasksOfTasksRunBeforeTheEndAndNoneAfterIt) {
  EventLoop loop;
  std::promise<void> begun;
  bool inner = false;
  loop.Post([&] {
    loop.After(std::chrono::hours(1), [] { FAIL() << "nobody waits so long"; });
    loop.Post([&inner] { inner = true; });
    begun.set_value();
  });
  begun.get_future().wait();
  loop.Stop();
  EXPECT_FALSE(loop.Post([] { FAIL() << "the loop has stopped"; }));
  EXPECT_TRUE(inner);
  loop.Stop();
}

TEST(EventLoopTest, TwoMayStopItAtOnce) {
  for (int i = 0; i < 200; ++i) {
    EventLoop loop;
    auto other = std::async(std::launch::async, [&loop] { loop.Stop(); });
    loop.Stop();
    EXPECT_NO_THROW(other.get());
    EXPECT_FALSE(loop.Post([] {}));
  }
}

TEST(EventLoopTest, StopOnItsOwnThreadDoesNotWait) {
  EventLoop loop;
  std::promise<void> stopped;
  loop.Post([&] {
    loop.Stop();
    stopped.set_value();
  });
  stopped.get_future().wait();
}

}  // namespace
}  // namespace kv::client::testing
