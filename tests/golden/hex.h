// Bytes as hex, and back: how golden tests write what must never change.
#pragma once

#include <string>
#include <string_view>

namespace kv::testing {

inline std::string ToHex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    hex += digits[byte >> 4];
    hex += digits[byte & 15];
  }
  return hex;
}

// Blanks are skipped: they set off the fields of a record.
inline std::string FromHex(std::string_view hex) {
  std::string bytes;
  unsigned half = 0;
  bool high = true;
  for (const char c : hex) {
    if (c == ' ') {
      continue;
    }
    const auto digit = static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
    if (!high) {
      bytes.push_back(static_cast<char>(half << 4 | digit));
    }
    half = digit;
    high = !high;
  }
  return bytes;
}

}  // namespace kv::testing
