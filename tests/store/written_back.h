// What has come to the disk of files that a process has mapped and never flushes: each page as it
// was at some moment, or never.
#pragma once

#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>

namespace kv::store::testing {

class WrittenBack {
 public:
  // The kernel writes some pages of the directory's files as they are now.
  void WriteSome(const std::string& directory, std::mt19937_64& random);
  // What a power cut leaves of the directory, instead of what is in it.
  void Restore(const std::string& directory);
  // Whether files that are known are there, under their names.
  bool Holds(const std::string& directory) const;
  // The directory was flushed: none of the files that were there before can come back.
  void Forget() { files_.clear(); }

 private:
  struct File {
    // Held open, or its inode would be given to another file.
    std::shared_ptr<const int> held;
    std::string bytes;
  };

  static std::shared_ptr<const int> Hold(const std::string& path);
  static bool IsUnder(const std::string& path, const File& file);

  std::map<std::string, File> files_;
};

}  // namespace kv::store::testing
