// Prefetch: begins to fetch what stands at an address into the processor's caches.
#pragma once

#include <cstddef>

namespace kv::store {

// Any address does, also one of nothing. Nothing but time depends on it.
inline void Prefetch(const void* address) {
  __builtin_prefetch(address);
  // Without it gcc 12 takes a function that does nothing else for one without effect, and drops its
  // calls.
  asm volatile("");
}

inline constexpr std::size_t kCacheLineBytes = 64;

// The same of several bytes that are to be written.
inline void PrefetchForWriting(const char* begin, std::size_t bytes) {
  for (std::size_t at = 0; at < bytes; at += kCacheLineBytes) {
    __builtin_prefetch(begin + at, 1);
  }
  asm volatile("");
}

}  // namespace kv::store
