// The table of open files that the store's threads share: RocksDB's own, the committer, and one
// that does for others what must be done there. Everybody else's, the broker's above all, is
// another one (kv/own_files.h), and a file that is open in one is not open in the other.
//
// One for all stores of a process, as RocksDB's threads work for all of them. Lasts as long as the
// process; of no use in the child of a fork, like those threads. Any thread.
#pragma once

#include <functional>
#include <optional>
#include <utility>

namespace kv::store {

// Whether the calling thread shares that table. Where the kernel does not separate them, everyone
// does.
bool HasStoreFiles();

// Calls `work` on a thread that has the store's files, and waits for it. What it throws is thrown
// here.
void RunOnStoreThread(const std::function<void()>& work);

// The same on this thread, if that has them. Returns what `work` returns.
template <typename Work>
auto WithStoreFiles(const Work& work) {
  std::optional<decltype(work())> result;
  if (HasStoreFiles()) {
    result.emplace(work());
  } else {
    RunOnStoreThread([&] { result.emplace(work()); });
  }
  return std::move(*result);
}

}  // namespace kv::store
