#include "tests/e2e/slow_disk.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>
#include <system_error>

namespace kv::testing {

SlowDisk::SlowDisk() {
  std::ofstream(ControlPath(), std::ios::binary) << std::string(sizeof(SlowSyncControl), '\0');
  const int file = open(ControlPath().c_str(), O_RDWR | O_CLOEXEC);
  void* memory =
      mmap(nullptr, sizeof(SlowSyncControl), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) {
    throw std::system_error(errno, std::generic_category(), ControlPath());
  }
  close(file);
  control_ = static_cast<SlowSyncControl*>(memory);
}

SlowDisk::~SlowDisk() {
  Release();  // or the broker would not stop
  munmap(control_, sizeof(SlowSyncControl));
}

NamesAndValues SlowDisk::Environment() const {
  // A sanitizer's runtime has to come first.
  const char* others = std::getenv("MOSQUITTO_PRELOAD");  // NOLINT(concurrency-mt-unsafe)
  const std::string preload = others == nullptr ? "" : std::string(others) + ":";
  return {{"LD_PRELOAD", preload + KV_SLOW_SYNC}, {kSlowSyncFile, ControlPath().string()}};
}

void SlowDisk::SetDelay(milliseconds delay) {
  control_->delay_us = static_cast<std::uint64_t>(std::chrono::microseconds(delay).count());
}

}  // namespace kv::testing
