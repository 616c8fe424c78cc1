// Lock: one holder at a time, across machines. An ephemeral key that is created only if nobody has
// it: whatever happens to the holder, the broker deletes it when the holder's connection ends.
//
// A holder whose connection is gone may not know yet that it no longer holds the lock, while
// another one already does. What the lock protects must therefore check the token: each holder's
// is higher than that of every holder before, so who has seen a higher one refuses a lower one.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "kv/api.h"
#include "kv/entry.h"
#include "kv/result.h"
#include "mosquitto_kv/bucket.h"

namespace kv {

struct LockSettings {
  std::string owner = {};  // the key's value, for people who look; empty: the client id
  // Runs on the callback thread when the lock is gone before it was released: the connection was
  // lost, or somebody deleted the key.
  std::function<void()> on_lost = {};
};

// Safe to use from any thread; for one holder, not recursive.
class KV_API Lock {
 public:
  Lock(const Bucket& bucket, std::string_view key, LockSettings settings = {});
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock();  // lets it go; on_lost does not run any more

  // Waits until the lock is free, at most so long; holding it already is success. The fencing
  // token: the key's revision. Errors: timeout (somebody else has it), and those of a write.
  Result<Revision> Acquire(std::chrono::milliseconds timeout);
  // Does not wait for others. Errors: key-exists (somebody else has it), and those of a write.
  Result<Revision> TryAcquire();
  // Errors: wrong-last-revision (it was lost before), key-not-found (it is not held), and those of
  // a write. Whatever comes, it is not held afterwards.
  Status Release();

  // False as soon as this client knows that it is lost.
  bool held() const;
  // The fencing token; 0: it is not held.
  Revision token() const;

  class State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace kv
