#include "tests/e2e/node_packages.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "tests/e2e/command.h"

namespace kv::testing {
namespace {

std::string ContentOf(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Held by one process at a time.
class FileLock {
 public:
  explicit FileLock(const std::filesystem::path& path)
      : file_(::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644)) {
    EXPECT_EQ(::flock(file_, LOCK_EX), 0) << path;
  }
  ~FileLock() { ::close(file_); }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int file_;
};

}  // namespace

std::filesystem::path NodePackages() {
  const std::filesystem::path source = KV_MQTTJS_SOURCE;
  std::filesystem::path directory = KV_MQTTJS_BINARY;
  const auto installed = directory / "installed.json";
  std::filesystem::create_directories(directory);
  const FileLock lock(directory / "lock");
  for (const char* name : {"package.json", "package-lock.json", "test.js"}) {
    std::filesystem::copy_file(
        source / name, directory / name, std::filesystem::copy_options::overwrite_existing);
  }
  if (ContentOf(installed) != ContentOf(source / "package-lock.json")) {
    OutputOf("cd '" + directory.string() +
             "' && npm ci --omit=optional --ignore-scripts --no-audit --no-fund 2>&1");
    if (!::testing::Test::HasFailure()) {
      std::filesystem::copy_file(source / "package-lock.json",
                                 installed,
                                 std::filesystem::copy_options::overwrite_existing);
    }
  }
  return directory;
}

}  // namespace kv::testing
