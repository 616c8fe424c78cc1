#define XXH_INLINE_ALL
#include "wire/cursor.h"

#include <absl/strings/escaping.h>
#include <xxhash.h>

#include <cstdint>
#include <cstring>

namespace kv::wire {
namespace {

constexpr std::size_t kCheckBytes = 8;

// The check covers the position too: a damaged cursor is told from a good one.
std::string CheckOf(const std::vector<std::string_view>& scope, std::string_view position) {
  std::string text;
  for (const auto part : scope) {
    text += std::to_string(part.size());
    text += ':';
    text += part;
  }
  text += position;
  const std::uint64_t hash = XXH3_64bits(text.data(), text.size());
  std::string bytes(kCheckBytes, '\0');
  std::memcpy(bytes.data(), &hash, kCheckBytes);
  return bytes;
}

}  // namespace

std::string EncodeCursor(const std::vector<std::string_view>& scope, std::string_view position) {
  const std::string bytes = CheckOf(scope, position) + std::string(position);
  return absl::WebSafeBase64Escape(absl::string_view(bytes.data(), bytes.size()));
}

std::optional<std::string> DecodeCursor(const std::vector<std::string_view>& scope,
                                        std::string_view cursor) {
  std::string bytes;
  if (!absl::WebSafeBase64Unescape(absl::string_view(cursor.data(), cursor.size()), &bytes) ||
      bytes.size() < kCheckBytes) {
    return std::nullopt;
  }
  const std::string position = bytes.substr(kCheckBytes);
  return CheckOf(scope, position) == bytes.substr(0, kCheckBytes) ? std::optional(position)
                                                                  : std::nullopt;
}

}  // namespace kv::wire
