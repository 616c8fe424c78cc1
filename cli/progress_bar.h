// ProgressBar: how far something is, on standard error if that is a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace kv::cli {

class ProgressBar {
 public:
  // `total` 0: not known. Shows nothing if it is not wanted or standard error is no terminal.
  ProgressBar(std::string what, std::uint64_t total, bool wanted);
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  // Leaves the last state standing.
  ~ProgressBar();

  // `done` of the total, and how many items that were. Draws at most a few times a second.
  void Show(std::uint64_t done, std::uint64_t items);

 private:
  using Clock = std::chrono::steady_clock;
  void Draw() const;

  const std::string what_;
  const std::uint64_t total_;
  const bool shown_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point next_ = start_;
  std::uint64_t done_ = 0;
  std::uint64_t items_ = 0;
  std::uint64_t first_items_ = 0;  // that were done before
  bool began_ = false;
};

}  // namespace kv::cli
