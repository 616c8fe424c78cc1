#include "plugin/loop_waker.h"

#include <ucontext.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "kv/own_files.h"

namespace kv::plugin {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kRepeat{1};
// How often a broker that calls no TICK gets its stand-in.
constexpr milliseconds kStandIn{50};
constexpr std::array<int, 5> kLoopMask{SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGHUP};

bool HasAll(const sigset_t& mask) {
  for (const int number : kLoopMask) {
    if (sigismember(&mask, number) != 1) {
      return false;
    }
  }
  return true;
}

bool HasAny(const sigset_t& mask) {
  for (const int number : kLoopMask) {
    if (sigismember(&mask, number) == 1) {
      return true;
    }
  }
  return false;
}

}  // namespace

LoopWaker::LoopWaker(std::function<void()> on_missing_tick)
    : on_missing_tick_(std::move(on_missing_tick)), broker_thread_(pthread_self()) {
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  // Where one of them is blocked from the start, their being blocked tells nothing.
  may_stand_in_ = !HasAny(mask);
  struct sigaction action {};
  action.sa_sigaction = &LoopWaker::OnSignal;
  // Whatever else the thread may be waiting in goes on undisturbed; epoll_wait is never restarted.
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGURG, &action, &former_);
  thread_ = std::thread([this] { Run(); });
}

LoopWaker::~LoopWaker() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    changed_.notify_one();
  }
  thread_.join();
  // Ignoring it discards one that is still on its way, with its pointer to us.
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGURG, &ignore, nullptr);
  sigaction(SIGURG, &former_, nullptr);
}

void LoopWaker::Notify() {
  if (wanted_.exchange(true, std::memory_order_acq_rel)) {
    return;  // it is being repeated already
  }
  const std::lock_guard lock(mutex_);
  is_new_ = true;
  changed_.notify_one();
}

void LoopWaker::Signal() {
  sigval value{};
  value.sival_ptr = this;
  pthread_sigqueue(broker_thread_, SIGURG, value);
}

void LoopWaker::Run() {
  TakeOwnFiles();
  std::unique_lock lock(mutex_);
  while (!stop_) {
    const bool wanted = wanted_.load(std::memory_order_acquire);
    if (wanted) {
      is_new_ = false;
      Signal();
      changed_.wait_for(lock, kRepeat, [this] { return stop_ || is_new_; });
    } else if (ticks_.load(std::memory_order_relaxed)) {
      changed_.wait(lock, [this] { return stop_ || wanted_.load(); });
    } else {
      changed_.wait_for(lock, kStandIn, [this] { return stop_ || wanted_.load(); });
      if (!stop_ && !ticks_.load(std::memory_order_relaxed)) {
        Signal();
      }
    }
  }
}

void LoopWaker::OnSignal(int /*number*/, siginfo_t* info, void* context) {
  if (info->si_code != SI_QUEUE || info->si_value.sival_ptr == nullptr) {
    return;  // not ours
  }
  auto& waker = *static_cast<LoopWaker*>(info->si_value.sival_ptr);
  if (waker.ticks_.load(std::memory_order_relaxed) || !waker.may_stand_in_ || waker.in_handler_) {
    return;
  }
  const auto& interrupted = *static_cast<const ucontext_t*>(context);
  sigset_t mask;
  std::memcpy(&mask, &interrupted.uc_sigmask, sizeof(mask));
  if (HasAll(mask)) {
    const int kept_errno = errno;
    waker.in_handler_ = true;
    waker.on_missing_tick_();
    waker.in_handler_ = false;
    errno = kept_errno;
  }
}

}  // namespace kv::plugin
