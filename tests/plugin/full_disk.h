// A disk without room, for a process that has its files open already.
#pragma once

#include <sys/resource.h>

#include <csignal>

namespace kv::plugin::testing {

// While it lives no file of this process can grow: every write to one fails, as on a full disk.
// The journal goes on, which is a mapped file that has its full length from the beginning.
class FullDisk {
 public:
  FullDisk() : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit none = before_;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_FSIZE, &none);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  void (*handler_)(int);
  rlimit before_{};
};

}  // namespace kv::plugin::testing
