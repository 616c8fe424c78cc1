#include "store/give_way.h"

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>

namespace kv::store {
namespace {

constexpr int kNiceness = 10;

// So often a yield costs a percent or two, and others wait for some tens of microseconds.
constexpr unsigned kPassesPerYield = 32;

}  // namespace

void GiveWay() {
  // Of this thread alone: Linux's, not POSIX's meaning.
  const int niceness = std::max(::getpriority(PRIO_PROCESS, 0), kNiceness);
  static_cast<void>(::setpriority(PRIO_PROCESS, 0, niceness));
}

void YieldNowAndThen() {
  thread_local unsigned passes = 0;
  if (++passes % kPassesPerYield == 0) {
    ::sched_yield();
  }
}

}  // namespace kv::store
