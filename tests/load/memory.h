// How much memory a process has while it works: once a second, as a table, as a picture, and as a
// verdict.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <vector>

namespace kv::testing {

class MemorySeries {
 public:
  explicit MemorySeries(pid_t process) : process_(process) {}

  // `done`: operations until now.
  void Sample(double seconds, std::uint64_t done);
  // Of the samples after the first `done` operations: how much larger the mean of their last third
  // is than that of the first, in KiB, and that mean.
  struct Growth {
    double from = 0;
    double by = 0;
  };
  Growth GrowthAfter(std::uint64_t done) const;
  double highest() const;  // KiB
  std::size_t size() const { return samples_.size(); }

  void WriteCsv(const std::filesystem::path& file) const;
  void DrawSvg(const std::filesystem::path& file) const;

 private:
  struct SampleOfMemory {
    double seconds = 0;
    std::uint64_t done = 0;
    double resident = 0;  // KiB
  };

  pid_t process_;
  std::vector<SampleOfMemory> samples_;
};

}  // namespace kv::testing
