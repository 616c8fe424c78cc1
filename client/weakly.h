// A handler that keeps nobody alive.
#pragma once

#include <memory>
#include <utility>

namespace kv::client {

// Calls `then(*owner, arguments…)` as long as there is an owner.
template <typename Owner, typename Then>
auto Weakly(std::weak_ptr<Owner> owner, Then then) {
  return [owner = std::move(owner), then = std::move(then)](const auto&... arguments) {
    if (const auto self = owner.lock()) {
      then(*self, arguments...);
    }
  };
}

}  // namespace kv::client
