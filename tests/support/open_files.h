// The files that a thread has open: what its table of open files leads to.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

namespace kv::testing {

// As /proc names them: a path, with " (deleted)" behind one that is gone, or "socket:[4711]".
inline std::vector<std::string> OpenFilesOf(::pid_t process, ::pid_t thread) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  const fs::path table =
      fs::path("/proc") / std::to_string(process) / "task" / std::to_string(thread) / "fd";
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(table, error)) {
    const auto target = fs::read_symlink(entry.path(), error);
    if (!error) {  // otherwise closed meanwhile
      files.push_back(target.string());
    }
  }
  return files;
}

inline std::vector<std::string> OpenFilesOfThisThread() {
  return OpenFilesOf(::getpid(), ::gettid());
}

inline std::vector<::pid_t> ThreadsOf(::pid_t process) {
  namespace fs = std::filesystem;
  std::vector<::pid_t> threads;
  for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(process) + "/task")) {
    threads.push_back(static_cast<::pid_t>(std::stol(entry.path().filename().string())));
  }
  return threads;
}

}  // namespace kv::testing
