// The boundary to C: nothing that throws in here reaches the broker.
#pragma once

#include <exception>

namespace kv::plugin {

// Calls `fn`; when it throws, calls `on_throw(what)` and returns its answer. This is the only
// try/catch of the plugin.
template <typename OnThrow, typename Fn>
int Guarded(const OnThrow& on_throw, const Fn& fn) noexcept {
  try {
    return fn();
  } catch (const std::exception& error) {
    return on_throw(error.what());
  } catch (...) {
    return on_throw("an unknown exception");
  }
}

}  // namespace kv::plugin
