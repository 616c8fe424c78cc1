#include "kv/names.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace kv {
namespace {

// What a byte means, in a table: every write looks at each byte of its topic.
using Meaning = std::uint8_t;
constexpr Meaning kInBucketName = 1;
constexpr Meaning kIsWildcard = 2;
constexpr Meaning kIsNotPlain = 4;  // no printable ASCII: to be decoded before it is judged

constexpr std::array<Meaning, 256> MakeMeanings() {
  std::array<Meaning, 256> meanings{};
  for (unsigned c = 0; c < meanings.size(); ++c) {
    const bool in_bucket_name = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                                (c >= '0' && c <= '9') || c == '_' || c == '-';
    const unsigned meaning = (in_bucket_name ? kInBucketName : 0U) |
                             (c == '+' || c == '#' ? kIsWildcard : 0U) |
                             (c < 0x20 || c >= 0x7F ? kIsNotPlain : 0U);
    meanings[c] = static_cast<Meaning>(meaning);
  }
  return meanings;
}
constexpr std::array<Meaning, 256> kMeanings = MakeMeanings();

Meaning MeaningOf(char c) {
  return kMeanings[static_cast<std::uint8_t>(c)];
}

// Decodes one UTF-8 sequence and advances; returns false if it is not one.
bool DecodeOne(std::string_view& rest, std::uint32_t& code_point) {
  const auto byte = [&rest](std::size_t i) {
    return static_cast<std::uint8_t>(rest[i]);
  };
  const std::uint8_t lead = byte(0);
  std::size_t length = 1;
  std::uint32_t minimum = 0;
  if (lead < 0x80) {
    code_point = lead;
  } else if ((lead & 0xE0) == 0xC0) {
    length = 2, minimum = 0x80, code_point = lead & 0x1F;
  } else if ((lead & 0xF0) == 0xE0) {
    length = 3, minimum = 0x800, code_point = lead & 0x0F;
  } else if ((lead & 0xF8) == 0xF0) {
    length = 4, minimum = 0x10000, code_point = lead & 0x07;
  } else {
    return false;
  }
  if (rest.size() < length) {
    return false;
  }
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) {
      return false;
    }
    code_point = (code_point << 6) | (byte(i) & 0x3F);
  }
  rest.remove_prefix(length);
  const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
  return code_point >= minimum && code_point <= 0x10FFFF && !surrogate;
}

bool IsControl(std::uint32_t code_point) {
  return code_point < 0x20 || (code_point >= 0x7F && code_point <= 0x9F);
}

// Permanently no character, says Unicode.
bool IsNoCharacter(std::uint32_t code_point) {
  return (code_point >= 0xFDD0 && code_point <= 0xFDEF) || (code_point & 0xFFFE) == 0xFFFE;
}

bool IsClean(std::uint32_t code_point) {
  return !IsControl(code_point) && !IsNoCharacter(code_point);
}

// Nearly all text is, and needs no decoding.
bool IsPlain(std::string_view text) {
  return std::none_of(
      text.begin(), text.end(), [](char c) { return (MeaningOf(c) & kIsNotPlain) != 0; });
}

bool CheckUtf8(std::string_view text, bool only_clean) {
  if (IsPlain(text)) {
    return true;
  }
  while (!text.empty()) {
    std::uint32_t code_point = 0;
    if (!DecodeOne(text, code_point) || (only_clean && !IsClean(code_point))) {
      return false;
    }
  }
  return true;
}

// Cuts the first level off `rest`; false when there is none left.
bool NextLevel(std::string_view& rest, bool& more, std::string_view& level) {
  if (!more) {
    return false;
  }
  const std::size_t slash = rest.find('/');
  level = rest.substr(0, slash);
  more = slash != std::string_view::npos;
  if (more) {
    rest.remove_prefix(slash + 1);
  }
  return true;
}

// What one look at each byte tells of a key or filter.
struct Looks {
  bool levels_are_good = false;  // none is empty, and not too many
  Meaning meanings = 0;          // of all bytes
};

Looks LookAt(std::string_view text) {
  std::size_t levels = 1;
  bool has_empty_level = false;
  Meaning meanings = 0;
  char former = '/';
  for (const char c : text) {
    if (c == '/') {
      has_empty_level = has_empty_level || former == '/';
      ++levels;
    }
    meanings |= MeaningOf(c);
    former = c;
  }
  return {!has_empty_level && former != '/' && levels <= kMaxKeyLevels, meanings};
}

// A key, but for wildcards.
bool IsGood(std::string_view text, const Looks& looks) {
  return text.size() <= kMaxKeyBytes && looks.levels_are_good &&
         ((looks.meanings & kIsNotPlain) == 0 || IsCleanUtf8(text));
}

}  // namespace

bool IsCleanUtf8(std::string_view text) {
  return CheckUtf8(text, /*only_clean=*/true);
}

bool IsUtf8(std::string_view text) {
  return CheckUtf8(text, /*only_clean=*/false);
}

std::string CleanedUtf8(std::string_view text) {
  std::string cleaned;
  while (!text.empty()) {
    std::string_view rest = text;
    std::uint32_t code_point = 0;
    const bool decoded = DecodeOne(rest, code_point);
    const std::size_t length = decoded ? text.size() - rest.size() : 1;
    cleaned += decoded && IsClean(code_point) ? text.substr(0, length) : std::string_view("?");
    text.remove_prefix(length);
  }
  return cleaned;
}

Result<BucketName> BucketName::Parse(std::string_view text) {
  if (text.empty() || text.size() > kMaxBucketNameBytes ||
      !std::all_of(
          text.begin(), text.end(), [](char c) { return (MeaningOf(c) & kInBucketName) != 0; })) {
    return Error(ErrorCode::kInvalidBucket);
  }
  return BucketName(text);
}

Result<Key> Key::Parse(std::string_view text) {
  const Looks looks = LookAt(text);
  if (!IsGood(text, looks) || (looks.meanings & kIsWildcard) != 0) {
    return Error(ErrorCode::kInvalidKey);
  }
  return Key(text);
}

Result<KeyFilter> KeyFilter::Parse(std::string_view text) {
  const Error bad(ErrorCode::kBadRequest,
                  "a filter is a key in which levels may be + and the last may be #");
  if (!IsGood(text, LookAt(text))) {
    return bad;
  }
  std::string_view rest = text;
  std::string_view level;
  bool more = true;
  while (NextLevel(rest, more, level)) {
    const bool wild = level.find_first_of("+#") != std::string_view::npos;
    if (wild && (level.size() != 1 || (level == "#" && more))) {
      return bad;
    }
  }
  return KeyFilter(text);
}

bool KeyFilter::Matches(std::string_view key) const {
  std::string_view filter_rest = text_;
  std::string_view key_rest = key;
  std::string_view filter_level;
  std::string_view key_level;
  bool more_filter = true;
  bool more_key = true;
  while (NextLevel(filter_rest, more_filter, filter_level)) {
    if (filter_level == "#") {
      return true;  // also when the key ended one level above: a/# covers a
    }
    if (!NextLevel(key_rest, more_key, key_level) ||
        (filter_level != "+" && filter_level != key_level)) {
      return false;
    }
  }
  return !more_key;
}

bool IsUnderPrefix(std::string_view key, std::string_view prefix) {
  if (prefix.empty()) {
    return true;
  }
  return key.substr(0, prefix.size()) == prefix &&
         (key.size() == prefix.size() || key[prefix.size()] == '/');
}

}  // namespace kv
