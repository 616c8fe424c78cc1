// Names, parsed and not merely validated: who holds a BucketName, Key or KeyFilter holds a good
// one. All three are views: the text they were parsed from must outlive them.
// Source: protocol.md, "Names".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "kv/result.h"

namespace kv {

inline constexpr std::size_t kMaxBucketNameBytes = 64;
inline constexpr std::size_t kMaxKeyBytes = 1024;
// The broker ends the connection of whoever names a topic of more than 201 levels; what stands
// before a key in a topic takes up to ten of them.
inline constexpr std::size_t kMaxKeyLevels = 190;

class BucketName {
 public:
  // Errors: invalid-bucket.
  static Result<BucketName> Parse(std::string_view text);

  std::string_view text() const { return text_; }

 private:
  explicit BucketName(std::string_view text) : text_(text) {}
  std::string_view text_;
};

class Key {
 public:
  // Errors: invalid-key.
  static Result<Key> Parse(std::string_view text);
  // One that was parsed before, and kept: by this version or another.
  static Key Kept(std::string_view text) { return Key(text); }

  std::string_view text() const { return text_; }

 private:
  explicit Key(std::string_view text) : text_(text) {}
  std::string_view text_;
};

// A key in which levels may be `+` and the last may be `#`; `#` alone is everything, `a/#` covers
// `a` too.
class KeyFilter {
 public:
  // Errors: bad-request.
  static Result<KeyFilter> Parse(std::string_view text);

  bool Matches(std::string_view key) const;
  std::string_view text() const { return text_; }

 private:
  explicit KeyFilter(std::string_view text) : text_(text) {}
  std::string_view text_;
};

// True for `prefix` itself and for every key below it; the empty prefix covers all.
bool IsUnderPrefix(std::string_view key, std::string_view prefix);

// Valid UTF-8 (RFC 3629: no surrogates, no overlong forms) without control characters
// (U+0000..U+001F, U+007F..U+009F) and without what is no character (U+FDD0..U+FDEF, U+FFFE and
// U+FFFF of each plane): libmosquitto ends its connection when it receives one of these in a topic
// or property.
bool IsCleanUtf8(std::string_view text);
// The same text with a question mark for each byte or character that is not clean.
std::string CleanedUtf8(std::string_view text);
// Valid UTF-8, control characters allowed.
bool IsUtf8(std::string_view text);

}  // namespace kv
