// A disk that is slow, held up or broken, or only counts: preloaded into a broker, it stands in for
// fsync and fdatasync. See slow_sync.h for who controls it.
#include "tests/support/slow_sync.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <thread>

namespace kv::testing {
namespace {

// The standard library's waiting does not reach across processes.
constexpr std::chrono::milliseconds kLook{1};

SlowSyncControl* MapControl() {
  const char* path = std::getenv(kSlowSyncFile);  // NOLINT(concurrency-mt-unsafe)
  const int file = path == nullptr ? -1 : open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) {
    return nullptr;
  }
  void* memory =
      mmap(nullptr, sizeof(SlowSyncControl), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  return memory == MAP_FAILED ? nullptr : static_cast<SlowSyncControl*>(memory);
}

using SyncFunction = int (*)(int);

int Flush(const char* name, int file) {
  static SlowSyncControl* const kControl = MapControl();
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): as dlsym is used
  const auto real = reinterpret_cast<SyncFunction>(dlsym(RTLD_NEXT, name));
  if (kControl == nullptr) {
    return real(file);
  }
  std::this_thread::sleep_for(std::chrono::microseconds(kControl->delay_us.load()));
  ++kControl->waiting;
  while (kControl->held.load() != 0) {
    std::this_thread::sleep_for(kLook);
  }
  --kControl->waiting;
  const int error = kControl->error.load();
  const int result = error == 0 ? real(file) : -1;
  ++kControl->flushes;
  if (error != 0) {
    errno = error;
  }
  return result;
}

}  // namespace
}  // namespace kv::testing

extern "C" {

// NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): reserved names there
__attribute__((visibility("default"))) int fsync(int file) {
  return kv::testing::Flush("fsync", file);
}

// NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): reserved names there
__attribute__((visibility("default"))) int fdatasync(int file) {
  return kv::testing::Flush("fdatasync", file);
}

}  // extern "C"
