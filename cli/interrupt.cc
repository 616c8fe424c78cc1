#include "cli/interrupt.h"

#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <utility>

namespace kv::cli {
namespace {

sigset_t Signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    sigaddset(&signals, signal);
  }
  return signals;
}

}  // namespace

Interrupt::Interrupt() {
  const sigset_t signals = Signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  thread_ = std::thread([this, signals] {
    int signal = 0;
    sigwait(&signals, &signal);
    Raise();
    sigwait(&signals, &signal);
    if (!ending_) {
      _exit(128 + signal);  // asked twice: it takes too long
    }
  });
}

Interrupt::~Interrupt() {
  ending_ = true;
  // One for each time that it may wait.
  // NOLINTNEXTLINE(bugprone-bad-signal-to-kill-thread): it is blocked, and waited for
  pthread_kill(thread_.native_handle(), SIGTERM);
  pthread_kill(thread_.native_handle(), SIGINT);
  thread_.join();
  const sigset_t signals = Signals();
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

void Interrupt::Wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return came_.load(); });
}

void Interrupt::Raise() {
  const std::lock_guard lock(mutex_);
  came_ = true;
  changed_.notify_all();
  if (const auto act = std::exchange(act_, nullptr)) {
    act();
  }
}

void Interrupt::Then(std::function<void()> act) {
  const std::lock_guard lock(mutex_);
  if (came_ && act) {
    act();
  } else {
    act_ = std::move(act);
  }
}

}  // namespace kv::cli
