#include "store/directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "kv/units.h"

namespace kv::store {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMark = "mosquitto-kv store, format ";
constexpr const char* kMarkFile = "FORMAT";
constexpr const char* kStartingFile = "STARTING";
constexpr const char* kUnfinishedMark = "FORMAT.new";

Error Unusable(const std::string& path, const std::string& why) {
  return Error(ErrorCode::kStorageError, "store directory " + path + ": " + why);
}

std::string Reason(int error_number) {
  return std::generic_category().message(error_number);
}

// What a fresh file system or a start that was cut short leaves behind is no content.
bool HasContent(const fs::path& directory) {
  std::error_code error;
  for (const auto& item : fs::directory_iterator(directory, error)) {
    const auto name = item.path().filename();
    if (name != "lost+found" && name != kUnfinishedMark) {
      return true;
    }
  }
  return false;
}

// Whole or not at all: written beside, flushed, renamed.
bool WriteMark(const fs::path& directory) {
  const std::string text = std::string(kMark) + std::to_string(kFormat) + "\n";
  const fs::path beside = directory / kUnfinishedMark;
  const int file = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) {
    return false;
  }
  const bool written =
      ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      ::fsync(file) == 0;
  return (::close(file) == 0) && written &&
         ::rename(beside.c_str(), (directory / kMarkFile).c_str()) == 0;
}

Status CheckMark(const std::string& path) {
  std::ifstream file(fs::path(path) / kMarkFile);
  std::string line;
  if (!std::getline(file, line) || line.rfind(kMark, 0) != 0) {
    return Unusable(path, "is not empty and not a mosquitto-kv store");
  }
  const auto format = ParseUnsigned(std::string_view(line).substr(kMark.size()));
  if (!format || *format != kFormat) {
    return Unusable(path,
                    "has format '" + line.substr(kMark.size()) + "', this version reads format " +
                        std::to_string(kFormat));
  }
  return Ok{};
}

}  // namespace

Status PrepareDirectory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return Unusable(path, "cannot be made: " + Reason(errno));
  }
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    return Unusable(path, "is not a directory");
  }
  if (::access(path.c_str(), R_OK | W_OK | X_OK) != 0) {
    return Unusable(path, "cannot be used by the broker's user: " + Reason(errno));
  }
  if (HasContent(path)) {
    return CheckMark(path);
  }
  if (!WriteMark(path)) {
    return Unusable(path, "cannot be written: " + Reason(errno));
  }
  // Its own name stands in its parent, which need not be readable for the broker's user.
  SyncDirectory(path + "/..");
  return Ok{};
}

Status MarkStarting(const std::string& path, const std::string& boot_id) {
  const fs::path name = fs::path(path) / kStartingFile;
  const int file = ::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) {
    return Unusable(path, "cannot be written: " + Reason(errno));
  }
  // What is there only in part names no kernel, and so another one.
  const bool flushed =
      ::write(file, boot_id.data(), boot_id.size()) == static_cast<ssize_t>(boot_id.size()) &&
      ::fsync(file) == 0;
  const int error = errno;
  ::close(file);
  if (!flushed) {
    return Unusable(path, "cannot be written: " + Reason(error));
  }
  return SyncDirectory(path) ? Status(Ok{}) : Unusable(path, "cannot be flushed");
}

// One that stays, of a start that failed, makes the next one take a cut manifest for its work.
void MarkStarted(const std::string& path) {
  std::error_code error;
  fs::remove(fs::path(path) / kStartingFile, error);
}

std::optional<std::string> StartUnderWay(const std::string& path) {
  std::ifstream file(fs::path(path) / kStartingFile, std::ios::binary);
  return file.is_open() ? std::optional(std::string(std::istreambuf_iterator<char>(file), {}))
                        : std::nullopt;
}

bool SyncDirectory(const std::string& path) {
  const int directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) {
    return false;
  }
  const bool synced = ::fsync(directory) == 0;
  ::close(directory);
  return synced;
}

}  // namespace kv::store
