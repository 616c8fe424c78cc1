#include "store/manifest.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>
#include <system_error>

namespace kv::store {
namespace {

// The format of RocksDB's logs: blocks, in them records that do not cross a block's end.
//   record := check:u32le length:u16le type:u8 bytes; what is too short for that ends a block
constexpr std::size_t kBlock = 32768;
constexpr std::size_t kLengthAt = 4;
constexpr std::size_t kTypeAt = 6;
constexpr std::size_t kHeader = 7;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// CRC-32C (Castagnoli), bit by bit: the list is short.
class Checksum {
 public:
  void Add(char byte) {
    constexpr std::uint32_t reflected_polynomial = 0x82F63B78;
    sum_ ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) {
      sum_ = (sum_ >> 1) ^ ((sum_ & 1U) != 0 ? reflected_polynomial : 0U);
    }
  }

  // As RocksDB stores it: a checksum of bytes that hold checksums is weak.
  std::uint32_t Masked() const {
    const std::uint32_t sum = ~sum_;
    return ((sum >> 15) | (sum << 17)) + 0xA282EAD8U;
  }

 private:
  std::uint32_t sum_ = ~0U;
};

std::uint32_t CheckAt(const std::string& bytes, std::size_t at) {
  std::uint32_t check = 0;
  for (std::size_t i = 4; i-- > 0;) {
    check = check << 8 | static_cast<unsigned char>(bytes[at + i]);
  }
  return check;
}

std::size_t LengthAt(const std::string& bytes, std::size_t at) {
  const auto low = static_cast<unsigned char>(bytes[at]);
  const auto high = static_cast<unsigned char>(bytes[at + 1]);
  return low | std::size_t{high} << 8;
}

// How many bytes behind the head of the record at `at` fit its check: the length that is told, or
// any other up to the end of the block. None fits a record of which a part was never written.
std::optional<std::size_t> LengthThatFits(const std::string& bytes, std::size_t at) {
  const std::size_t told = LengthAt(bytes, at + kLengthAt);
  const std::size_t most = std::min(bytes.size() - at, kBlock - at % kBlock) - kHeader;
  const std::uint32_t check = CheckAt(bytes, at);
  std::optional<std::size_t> other;
  Checksum sum;
  sum.Add(bytes[at + kTypeAt]);
  for (std::size_t length = 0; length <= most; ++length) {
    if (sum.Masked() == check) {
      if (length == told) {
        return told;
      }
      other = length;
    }
    if (length < most) {
      sum.Add(bytes[at + kHeader + length]);
    }
  }
  return other;
}

}  // namespace

ManifestState LookAtManifest(const std::string& directory) {
  std::ifstream current(directory + "/CURRENT");
  std::string name;
  std::getline(current, name);
  std::error_code error;
  if (name.empty() || !std::filesystem::is_regular_file(directory + "/" + name, error)) {
    return ManifestState::kWhole;
  }
  const std::string bytes = ReadFile(directory + "/" + name);
  std::size_t at = 0;
  while (at < bytes.size()) {
    const std::size_t left_in_block = kBlock - at % kBlock;
    if (left_in_block < kHeader) {
      at += left_in_block;
      continue;
    }
    if (bytes.size() - at < kHeader) {
      return ManifestState::kCut;
    }
    const std::size_t length = LengthAt(bytes, at + kLengthAt);
    const auto fits = LengthThatFits(bytes, at);
    if (fits && *fits != length) {
      return ManifestState::kWrongLength;
    }
    if (bytes.size() - at < kHeader + length) {
      return ManifestState::kCut;
    }
    if (!fits) {
      return ManifestState::kAltered;
    }
    at += kHeader + length;
  }
  return ManifestState::kWhole;
}

}  // namespace kv::store
