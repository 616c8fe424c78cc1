// SnapshotReader: reads ahead in the broker's snapshot, on a thread of its own, while the store is
// being opened.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <thread>

#include "kv/result.h"
#include "plugin/broker_snapshot.h"

namespace kv::plugin {

class SnapshotReader {
 public:
  // Begins at once. Throws what std::thread does.
  explicit SnapshotReader(const std::string& path);
  SnapshotReader(const SnapshotReader&) = delete;
  SnapshotReader& operator=(const SnapshotReader&) = delete;
  ~SnapshotReader();

  // To be called once: the snapshot, as far as it has been read by now. Waits for no more than the
  // thread's end. Errors: as BrokerSnapshot::Open.
  Result<std::optional<BrokerSnapshot>> Take();

 private:
  void Read(const std::string& path);
  void Stop();

  std::atomic<bool> enough_{false};
  Result<std::optional<BrokerSnapshot>> snapshot_{std::optional<BrokerSnapshot>()};  // the thread's
  std::thread thread_;
};

}  // namespace kv::plugin
