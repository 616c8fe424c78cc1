// A broker whose disk the test makes slow, holds up or breaks while it runs.
#pragma once

#include <cstdint>
#include <filesystem>

#include "tests/e2e/kv_broker.h"
#include "tests/support/slow_sync.h"

namespace kv::testing {

class SlowDisk {
 public:
  SlowDisk();
  ~SlowDisk();
  SlowDisk(const SlowDisk&) = delete;
  SlowDisk& operator=(const SlowDisk&) = delete;

  // For the broker's options: puts it between the broker and its disk.
  NamesAndValues Environment() const;

  std::uint64_t flushes() const { return control_->flushes; }
  void SetDelay(milliseconds delay);
  // Flushes that have not begun wait until Release().
  void Hold() { control_->held = 1; }
  void Release() { control_->held = 0; }
  bool IsAwaited() const { return control_->waiting > 0; }
  void Break(int error) { control_->error = error; }
  void Repair() { control_->error = 0; }

 private:
  std::filesystem::path ControlPath() const { return directory_.path() / "control"; }

  TemporaryDirectory directory_;
  SlowSyncControl* control_ = nullptr;
};

}  // namespace kv::testing
