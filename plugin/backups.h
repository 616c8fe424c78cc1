// Backups: checkpoints of the store that requests have asked for. The broker's thread only, except
// where it says otherwise. Source: protocol.md, `$KV/checkpoint`.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "kv/clock.h"
#include "plugin/replier.h"
#include "store/store.h"

namespace kv::plugin {

class Backups {
 public:
  // `path`: the option backup_path. `wake`: called on any thread.
  Backups(store::Store& store,
          Replier& replier,
          BrokerPort& port,
          std::optional<std::string> path,
          std::function<void()> wake);

  // Errors: not-supported, when there is no backup_path; unavailable, while one is being written.
  Status Begin(TimePoint now, std::optional<ReplyAddress> address);
  // Replies when the copy is there; to be called at each tick.
  void Flush();

 private:
  // Shared with the committer's thread, which may outlive neither the store nor this.
  struct Shared {
    std::mutex mutex;
    std::optional<Status> result;
  };

  store::Store& store_;
  Replier& replier_;
  BrokerPort& port_;
  const std::optional<std::string> path_;
  const std::function<void()> wake_;
  const std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  bool running_ = false;
  std::string name_;
  std::optional<ReplyAddress> address_;
};

}  // namespace kv::plugin
