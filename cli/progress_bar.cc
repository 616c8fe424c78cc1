#include "cli/progress_bar.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "cli/terminal.h"

namespace kv::cli {
namespace {

constexpr std::chrono::milliseconds kPause{100};
constexpr std::size_t kWidth = 24;

}  // namespace

ProgressBar::ProgressBar(std::string what, std::uint64_t total, bool wanted)
    : what_(std::move(what)), total_(total), shown_(wanted && IsTerminal(STDERR_FILENO)) {}

ProgressBar::~ProgressBar() {
  if (shown_ && began_) {
    Draw();
    std::fputc('\n', stderr);
  }
}

void ProgressBar::Show(std::uint64_t done, std::uint64_t items) {
  if (!std::exchange(began_, true)) {
    first_items_ = items;
  }
  done_ = done;
  items_ = items;
  if (const auto now = Clock::now(); shown_ && now >= next_) {
    next_ = now + kPause;
    Draw();
  }
}

void ProgressBar::Draw() const {
  std::string bar;
  if (total_ > 0) {
    const double share = std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
    const auto filled = static_cast<std::size_t>(share * static_cast<double>(kWidth));
    bar = std::to_string(static_cast<int>(share * 100)) + " % [" + std::string(filled, '=') +
          std::string(kWidth - filled, ' ') + "] ";
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  const auto rate = static_cast<std::uint64_t>(static_cast<double>(items_ - first_items_) /
                                               std::max(seconds, 0.001));
  std::fprintf(stderr,
               "\r\x1b[K%s: %s%s entries, %s/s",
               what_.c_str(),
               bar.c_str(),
               std::to_string(items_).c_str(),
               std::to_string(rate).c_str());
}

}  // namespace kv::cli
