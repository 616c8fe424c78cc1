// Prefetch: begins to fetch what stands at an address into the processor's caches.
#pragma once

namespace kv::store {

// Any address does, also one of nothing. Nothing but time depends on it.
inline void Prefetch(const void* address) {
  __builtin_prefetch(address);
  // Without it gcc 12 takes a function that does nothing else for one without effect, and drops its
  // calls.
  asm volatile("");
}

}  // namespace kv::store
