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
  static SlowSyncControl* const control = MapControl();
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): as dlsym is used
  const auto real = reinterpret_cast<SyncFunction>(dlsym(RTLD_NEXT, name));
  if (control == nullptr) {
    return real(file);
  }
  std::this_thread::sleep_for(std::chrono::microseconds(control->delay_us.load()));
  ++control->waiting;
  while (control->held.load() != 0) {
    std::this_thread::sleep_for(kLook);
  }
  --control->waiting;
  const int error = control->error.load();
  const int result = error == 0 ? real(file) : -1;
  ++control->flushes;
  if (error != 0) {
    errno = error;
  }
  return result;
}

}  // namespace
}  // namespace kv::testing

extern "C" {

__attribute__((visibility("default"))) int fsync(int file) {
  return kv::testing::Flush("fsync", file);
}

__attribute__((visibility("default"))) int fdatasync(int file) {
  return kv::testing::Flush("fdatasync", file);
}

}  // extern "C"
