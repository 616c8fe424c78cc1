#include "cli/files.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

namespace kv::cli {
namespace {

struct Close {
  void operator()(std::FILE* file) const {
    std::fclose(file);  // NOLINT(cert-err33-c): what was read is read
  }
};

}  // namespace

Error FileError(const std::string& path) {
  return Error(ErrorCode::kBadRequest, path + ": " + std::generic_category().message(errno));
}

Result<std::string> ReadAll(const std::string& path) {
  std::unique_ptr<std::FILE, Close> opened;
  std::FILE* file = stdin;
  if (path != "-") {
    opened.reset(std::fopen(path.c_str(), "rbe"));
    file = opened.get();
  }
  if (file == nullptr) {
    return FileError(path);
  }
  std::string content;
  std::array<char, 65'536> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init): fread fills
  while (const std::size_t count = std::fread(bytes.data(), 1, bytes.size(), file)) {
    content.append(bytes.data(), count);
  }
  if (std::ferror(file) != 0) {
    return FileError(path);
  }
  return content;
}

Status ReplaceFile(const std::string& path, const std::string& content) {
  const std::string fresh = path + ".new";
  std::FILE* const file = std::fopen(fresh.c_str(), "wbe");
  if (file == nullptr) {
    return FileError(fresh);
  }
  const bool written = std::fwrite(content.data(), 1, content.size(), file) == content.size();
  const bool closed = std::fclose(file) == 0;
  if (!written || !closed || std::rename(fresh.c_str(), path.c_str()) != 0) {
    return FileError(path);
  }
  return Ok{};
}

}  // namespace kv::cli
