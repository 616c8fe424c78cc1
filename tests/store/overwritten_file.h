// What a disk has of a file whose bytes are overwritten in place: those that were flushed, and of
// what was written since each sector, or not.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace kv::store::testing {

class OverwrittenFile {
 public:
  // As it is in the directory now; all of that was flushed.
  explicit OverwrittenFile(std::string path);

  void Wrote(std::uint64_t offset, std::string_view bytes);
  std::size_t writes() const { return unflushed_.size(); }
  // The first so many writes are on the disk.
  void Flushed(std::size_t writes);
  // They never will be, though whoever reads the file sees them for a while.
  void Lost(std::size_t writes);
  // Nor what else is not flushed, and nobody sees it any more.
  void Drop();
  // Puts what a power cut leaves of it into the directory.
  void LosePower(std::mt19937_64& random);

 private:
  struct Bytes {
    std::uint64_t offset;
    std::string bytes;
  };
  void Apply(std::uint64_t offset, std::string_view bytes);
  void Store() const;

  const std::string path_;
  std::string flushed_;
  std::vector<Bytes> unflushed_;
};

}  // namespace kv::store::testing
