#include "tests/store/overwritten_file.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

namespace kv::store::testing {
namespace {

constexpr std::uint64_t kSector = 512;

}  // namespace

OverwrittenFile::OverwrittenFile(std::string path) : path_(std::move(path)) {
  std::ifstream file(path_, std::ios::binary);
  flushed_.assign(std::istreambuf_iterator<char>(file), {});
}

void OverwrittenFile::Wrote(std::uint64_t offset, std::string_view bytes) {
  unflushed_.push_back({offset, std::string(bytes)});
}

void OverwrittenFile::Flushed(std::size_t writes) {
  const auto end = unflushed_.begin() + static_cast<std::ptrdiff_t>(writes);
  std::for_each(unflushed_.begin(), end, [this](const Bytes& written) {
    Apply(written.offset, written.bytes);
  });
  unflushed_.erase(unflushed_.begin(), end);
}

void OverwrittenFile::Lost(std::size_t writes) {
  unflushed_.erase(unflushed_.begin(), unflushed_.begin() + static_cast<std::ptrdiff_t>(writes));
}

void OverwrittenFile::Drop() {
  unflushed_.clear();
  Store();
}

void OverwrittenFile::LosePower(std::mt19937_64& random) {
  const std::uint64_t how = random() % 3;
  for (const Bytes& written : unflushed_) {
    const std::uint64_t end = written.offset + written.bytes.size();
    for (std::uint64_t at = written.offset; at < end;) {
      const std::uint64_t next = std::min(end, (at / kSector + 1) * kSector);
      if (how == 0 || (how == 1 && random() % 2 == 0)) {
        Apply(at, std::string_view(written.bytes).substr(at - written.offset, next - at));
      }
      at = next;
    }
  }
  unflushed_.clear();
  Store();
}

void OverwrittenFile::Apply(std::uint64_t offset, std::string_view bytes) {
  flushed_.resize(std::max(flushed_.size(), static_cast<std::size_t>(offset) + bytes.size()));
  std::copy(bytes.begin(), bytes.end(), flushed_.begin() + static_cast<std::ptrdiff_t>(offset));
}

// One that is not there any more stays away.
void OverwrittenFile::Store() const {
  std::error_code error;
  if (std::filesystem::exists(path_, error)) {
    std::ofstream(path_, std::ios::binary) << flushed_;
  }
}

}  // namespace kv::store::testing
