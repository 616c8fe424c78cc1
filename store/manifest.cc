#include "store/manifest.h"

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace kv::store {
namespace {

// The format of RocksDB's logs: blocks, in them records that do not cross a block's end.
//   record := check:u32le length:u16le type:u8 bytes; what is too short for that ends a block
constexpr std::size_t kBlock = 32768;
constexpr std::size_t kLengthAt = 4;
constexpr std::size_t kHeader = 7;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::size_t LengthAt(const std::string& bytes, std::size_t at) {
  const auto low = static_cast<unsigned char>(bytes[at]);
  const auto high = static_cast<unsigned char>(bytes[at + 1]);
  return low | std::size_t{high} << 8;
}

}  // namespace

bool HasTornManifest(const std::string& directory) {
  std::ifstream current(directory + "/CURRENT");
  std::string name;
  std::getline(current, name);
  std::error_code error;
  if (name.empty() || !std::filesystem::is_regular_file(directory + "/" + name, error)) {
    return false;
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
      return true;
    }
    at += kHeader + LengthAt(bytes, at + kLengthAt);
  }
  return at > bytes.size();
}

}  // namespace kv::store
