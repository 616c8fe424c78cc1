// For what shows itself only when asked: asks again until it holds. The question goes to the broker
// and back, so asking takes the time that waiting needs.
#pragma once

#include <chrono>

namespace kv::testing {

// False if it does not come to hold within the time. Only a failing test waits so long.
template <typename Question>
bool Eventually(const Question& holds,
                std::chrono::milliseconds timeout = std::chrono::milliseconds(20'000)) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) {
      return false;
    }
  }
  return true;
}

}  // namespace kv::testing
