// The signal that ends the loop's sleep. This thread is the broker's.
#include "plugin/loop_waker.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <thread>

#include <gtest/gtest.h>

namespace kv::plugin::testing {
namespace {

using std::chrono::microseconds;
using std::chrono::steady_clock;

class LoopWakerTest : public ::testing::Test {
 protected:
  LoopWakerTest() { waker_.TickSeen(); }
  ~LoopWakerTest() override { ::close(epoll_); }

  // As the broker sleeps. False if nothing woke it for a minute.
  bool Sleep() const {
    constexpr int minute = 60'000;
    epoll_event event{};
    return ::epoll_wait(epoll_, &event, 1, minute) < 0 && errno == EINTR;
  }

  LoopWaker waker_{[] {
  }};
  const int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
};

TEST_F(LoopWakerTest, EndsTheLoopsSleep) {
  std::thread other([this] { waker_.Notify(); });
  EXPECT_TRUE(Sleep());
  waker_.Acknowledge();
  other.join();
}

TEST_F(LoopWakerTest, RepeatsUntilTheTick) {
  std::thread other([this] { waker_.Notify(); });
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(Sleep());
  }
  waker_.Acknowledge();
  other.join();
}

// The repetition of one signal must not hold up the next.
TEST_F(LoopWakerTest, EachNotificationIsSignalledAtOnce) {
  constexpr int rounds = 200;
  constexpr microseconds at_once{500};  // half of what lies between two repetitions
  std::atomic<int> asleep{0};
  std::atomic<int> notified{0};
  std::atomic<steady_clock::time_point> when{};
  std::thread other([&] {
    for (int round = 1; round <= rounds; ++round) {
      while (asleep.load() < round) {
        std::this_thread::yield();
      }
      when = steady_clock::now();
      notified = round;
      waker_.Notify();
    }
  });
  int quick = 0;
  for (int round = 1; round <= rounds; ++round) {
    asleep = round;
    do {
      ASSERT_TRUE(Sleep());
    } while (notified.load() < round);  // that was a signal of the round before
    quick += steady_clock::now() - when.load() < at_once ? 1 : 0;
    waker_.Acknowledge();
  }
  other.join();
  // Some come before the loop has fallen asleep, and the machine may be busy.
  EXPECT_GT(quick, rounds / 10);
}

}  // namespace
}  // namespace kv::plugin::testing
