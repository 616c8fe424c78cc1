// Keys of one length, so that one can be written over another, and random bytes for values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

namespace kv::bench {

inline constexpr std::size_t kKeyDigits = 8;

inline std::string Digits(std::uint64_t number, std::size_t size) {
  const std::string digits = std::to_string(number);
  return std::string(size - std::min(size, digits.size()), '0') + digits;
}

// SplitMix64: any seed will do, and it costs next to nothing.
inline std::uint64_t NextRandom(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9E3779B97F4A7C15U);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31);
}

// Values are cut out of this, at random: a store that compresses would make light of repeated
// bytes.
inline constexpr std::size_t kValuePool = 65'536;
inline std::string RandomBytes(std::size_t size, std::uint64_t& state) {
  std::string bytes;
  while (bytes.size() < size) {
    bytes.push_back(static_cast<char>(NextRandom(state) & 0xFF));
  }
  return bytes;
}

}  // namespace kv::bench
