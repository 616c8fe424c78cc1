#include "tests/store/written_back.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <vector>

namespace kv::store::testing {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPage = 4096;

void CopySomePages(const std::string& from, std::string& to, std::mt19937_64& random) {
  for (std::size_t at = 0; at < from.size(); at += kPage) {
    if (random() % 2 == 0) {
      const std::size_t bytes = std::min(kPage, from.size() - at);
      std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(at),
                  bytes,
                  to.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }
}

// The synced log is flushed, and no file of those that are mapped.
bool IsMapped(const fs::path& path) {
  return path.extension() == ".journal";
}

}  // namespace

void WrittenBack::WriteSome(const std::string& directory, std::mt19937_64& random) {
  std::erase_if(files_, [&](const auto& file) {
    std::error_code error;
    return !fs::exists(fs::path(directory) / file.first, error) && random() % 2 == 0;
  });
  std::error_code error;
  for (const auto& item : fs::directory_iterator(directory, error)) {
    if (!IsMapped(item.path())) {
      continue;
    }
    std::ifstream stream(item.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
    auto held = Hold(item.path());
    if (!stream || !held) {
      continue;  // gone just now
    }
    const std::string name = item.path().filename().string();
    const auto known = files_.find(name);
    const bool is_known = known != files_.end() && IsUnder(item.path(), known->second);
    if (!is_known && random() % 2 == 0) {
      continue;  // neither its name, nor that it took another's place
    }
    File& file = files_[name];
    if (!is_known || file.bytes.size() != bytes.size()) {
      file = {std::move(held), std::string(bytes.size(), '\0')};
    }
    CopySomePages(bytes, file.bytes, random);
  }
}

void WrittenBack::Restore(const std::string& directory) {
  fs::create_directory(directory);
  std::vector<fs::path> mapped;
  std::copy_if(fs::directory_iterator(directory), {}, std::back_inserter(mapped), IsMapped);
  for (const fs::path& path : mapped) {
    fs::remove(path);
  }
  for (auto& [name, file] : files_) {
    const fs::path path = fs::path(directory) / name;
    std::ofstream(path, std::ios::binary) << file.bytes;
    file.held = Hold(path);
  }
}

bool WrittenBack::Holds(const std::string& directory) const {
  return std::any_of(files_.begin(), files_.end(), [&](const auto& file) {
    return IsUnder(fs::path(directory) / file.first, file.second);
  });
}

std::shared_ptr<const int> WrittenBack::Hold(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    return nullptr;
  }
  return {new int(descriptor), [](const int* held) {
            ::close(*held);
            delete held;
          }};
}

bool WrittenBack::IsUnder(const std::string& path, const File& file) {
  struct stat there {};
  struct stat known {};
  return file.held && ::stat(path.c_str(), &there) == 0 && ::fstat(*file.held, &known) == 0 &&
         there.st_ino == known.st_ino;
}

}  // namespace kv::store::testing
