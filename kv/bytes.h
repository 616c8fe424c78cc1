// Integers and length-prefixed strings as bytes: the alphabet of every binary record. Big-endian on
// the wire and where bytes must sort like their numbers (the store's keys), little-endian
// elsewhere.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace kv {

static_assert(std::endian::native == std::endian::little, "the codec is written for little-endian");

template <typename Int>
Int ByteSwap(Int number) {
  if constexpr (sizeof(Int) == 8) {
    return __builtin_bswap64(number);
  } else if constexpr (sizeof(Int) == 4) {
    return __builtin_bswap32(number);
  } else if constexpr (sizeof(Int) == 2) {
    return __builtin_bswap16(number);
  }
}

template <typename Int>
void PutLittleEndian(std::string& out, Int number) {
  char bytes[sizeof(Int)];  // NOLINT(modernize-avoid-c-arrays): raw bytes for memcpy
  std::memcpy(bytes, &number, sizeof(Int));
  out.append(bytes, sizeof(Int));
}

template <typename Int>
void PutBigEndian(std::string& out, Int number) {
  PutLittleEndian(out, ByteSwap(number));
}

inline constexpr std::size_t kMostVarintBytes = 10;

// Writes bytes one after another to where there is room for them: what is appended to a string one
// by one costs a call each. The room is its caller's affair.
class ByteWriter {
 public:
  explicit ByteWriter(char* at) : at_(at) {}

  char* at() const { return at_; }

  void Byte(std::uint8_t byte) { *at_++ = static_cast<char>(byte); }
  template <typename Int>
  void LittleEndian(Int number) {
    std::memcpy(at_, &number, sizeof(Int));
    at_ += sizeof(Int);
  }
  template <typename Int>
  void BigEndian(Int number) {
    LittleEndian(ByteSwap(number));
  }
  // Unsigned LEB128.
  void Varint(std::uint64_t number) {
    while (number >= 0x80) {
      Byte(static_cast<std::uint8_t>(number | 0x80));
      number >>= 7;
    }
    Byte(static_cast<std::uint8_t>(number));
  }
  void Text(std::string_view text) {
    std::char_traits<char>::copy(at_, text.data(), text.size());  // of nothing, too
    at_ += text.size();
  }
  void Prefixed(std::string_view text) {
    Varint(text.size());
    Text(text);
  }

 private:
  char* at_;
};

inline void PutVarint(std::string& out, std::uint64_t number) {
  std::array<char, kMostVarintBytes> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  ByteWriter writer(bytes.data());
  writer.Varint(number);
  out.append(bytes.data(), writer.at());
}

inline void PutPrefixed(std::string& out, std::string_view text) {
  PutVarint(out, text.size());
  out.append(text);
}

// Reads off the front of a view; after the first failure every read fails. Never reads outside.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  std::string_view rest() const { return rest_; }

  template <typename Int>
  Int LittleEndian() {
    Int number = 0;
    const std::string_view bytes = Take(sizeof(Int));
    if (ok_) {
      std::memcpy(&number, bytes.data(), sizeof(Int));
    }
    return number;
  }

  template <typename Int>
  Int BigEndian() {
    return ByteSwap(LittleEndian<Int>());
  }

  std::uint8_t Byte() { return LittleEndian<std::uint8_t>(); }

  std::uint64_t Varint() {
    std::uint64_t number = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t byte = Byte();
      if (!ok_ || (shift == 63 && byte > 1)) {
        break;
      }
      number |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if ((byte & 0x80) == 0) {
        return number;
      }
    }
    ok_ = false;
    return 0;
  }

  std::string_view Prefixed() { return Take(Varint()); }

  std::string_view Take(std::uint64_t length) {
    if (!ok_ || length > rest_.size()) {
      ok_ = false;
      return {};
    }
    const std::string_view taken = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return taken;
  }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace kv
