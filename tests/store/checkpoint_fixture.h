// Waiting for a checkpoint, which the committer's thread makes.
#pragma once

#include <future>
#include <memory>
#include <string>

#include "store/store.h"

namespace kv::store::testing {

inline std::future<Status> BeginCheckpoint(Store& store, const std::string& path) {
  auto promise = std::make_shared<std::promise<Status>>();
  auto result = promise->get_future();
  store.Checkpoint(path, [promise](const Status& status) { promise->set_value(status); });
  return result;
}

inline Status MakeCheckpoint(Store& store, const std::string& path) {
  return BeginCheckpoint(store, path).get();
}

}  // namespace kv::store::testing
