// A directory of a test's own, removed with everything in it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include <gtest/gtest.h>

namespace kv::store::testing {

class TempDirectory {
 public:
  TempDirectory() : path_(::testing::TempDir() + "kv-store-XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) {
      ADD_FAILURE() << "cannot make a directory " << path_;
      std::abort();
    }
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  ~TempDirectory() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
    EXPECT_FALSE(error) << error.message();
  }

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace kv::store::testing
