// What the one who runs a test may choose.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>

namespace kv::testing {

inline std::uint32_t NumberFromEnvironment(const char* name, std::uint32_t otherwise) {
  const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody changes it
  return text == nullptr ? otherwise : static_cast<std::uint32_t>(std::stoul(text));
}

}  // namespace kv::testing
