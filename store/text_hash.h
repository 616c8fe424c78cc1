// A hash of texts that clients choose: seeded anew by each process, so that nobody can choose texts
// that collide.
#pragma once

#include <absl/hash/hash.h>
#include <absl/strings/string_view.h>

#include <cstdint>
#include <string_view>

namespace kv::store {

inline std::uint64_t HashOf(std::string_view text) {
  // In absl's own view: of the standard's it takes std::hash, which has no seed, and for which
  // anyone can make as many texts of one hash as he likes.
  return absl::Hash<absl::string_view>()(absl::string_view(text.data(), text.size()));
}

}  // namespace kv::store
