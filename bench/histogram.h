// How long what was measured took, without keeping each duration.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace kv::bench {

// Counts of durations, in buckets no wider than 1/64 of their value.
class Histogram {
 public:
  void Add(std::chrono::nanoseconds duration, std::uint64_t count) {
    buckets_[IndexOf(static_cast<std::uint64_t>(duration.count()))] += count;
    total_ += count;
    max_ = std::max(max_, duration);
  }
  std::chrono::nanoseconds Quantile(double quantile) const {
    const auto rank = static_cast<std::uint64_t>(quantile * static_cast<double>(total_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen > rank) {
        return ValueOf(i);
      }
    }
    return max_;
  }
  std::chrono::nanoseconds max() const { return max_; }

 private:
  static constexpr int kBits = 6;

  // Values below 2^(kBits + 1) have a bucket each; above, 2^kBits for each power of two.
  static std::size_t IndexOf(std::uint64_t value) {
    const int shift = std::max(static_cast<int>(std::bit_width(value)) - kBits - 1, 0);
    return (static_cast<std::size_t>(shift) << kBits) + static_cast<std::size_t>(value >> shift);
  }
  static std::chrono::nanoseconds ValueOf(std::size_t index) {
    const std::size_t shift = std::max<std::size_t>(index >> kBits, 1) - 1;
    return std::chrono::nanoseconds((index - (shift << kBits)) << shift);
  }

  std::array<std::uint64_t, 64U << kBits> buckets_{};
  std::uint64_t total_ = 0;
  std::chrono::nanoseconds max_{0};
};

}  // namespace kv::bench
