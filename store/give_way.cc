#include "store/give_way.h"

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace kv::store {
namespace {

using std::chrono::steady_clock;

constexpr int kNiceness = 10;

// So often the clock and a yield cost a percent or two, and others wait for some tens of
// microseconds.
constexpr unsigned kPassesPerLook = 32;

std::function<void()>& WorkOfThisThread() {
  thread_local std::function<void()> work;
  return work;
}

}  // namespace

void GiveWay() {
  // Of this thread alone: Linux's, not POSIX's meaning.
  const int niceness = std::max(::getpriority(PRIO_PROCESS, 0), kNiceness);
  static_cast<void>(::setpriority(PRIO_PROCESS, 0, niceness));
}

void YieldNowAndThen() {
  // One for both: in a shared library each takes a call to find.
  thread_local struct {
    unsigned passes = 0;
    steady_clock::time_point next;
  } mine;
  if (++mine.passes % kPassesPerLook != 0) {
    return;
  }
  if (const auto& work = WorkOfThisThread()) {
    work();
  }
  const auto begin = steady_clock::now();
  if (begin < mine.next) {
    return;
  }
  ::sched_yield();
  const auto end = steady_clock::now();
  mine.next = end + (end - begin);
}

void DoNowAndThen(std::function<void()> work) {
  WorkOfThisThread() = std::move(work);
}

}  // namespace kv::store
