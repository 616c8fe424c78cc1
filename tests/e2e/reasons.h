// What the acknowledgement of a PUBLISH says.
#pragma once

#include <cstdint>
#include <optional>

namespace kv::testing {

// The only refusal that a plugin can cause ("not authorized").
inline constexpr std::uint8_t kRefused = 0x87;

// Also of 0x10, "no matching subscribers".
inline bool IsSuccess(std::optional<std::uint8_t> reason) {
  return reason && *reason < 0x80;
}

}  // namespace kv::testing
