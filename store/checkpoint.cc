#include "store/checkpoint.h"

#include <filesystem>
#include <fstream>
#include <system_error>

#include "store/directory.h"

namespace kv::store {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMarkFile = "CHECKPOINT";

Error Failed(const std::string& path, const std::string& why) {
  return Error(ErrorCode::kStorageError, "cannot write the copy " + path + ": " + why);
}

Status Fill(Database& database, const fs::path& path) {
  if (auto prepared = PrepareDirectory(path.string()); !prepared) {
    return prepared;
  }
  if (!(std::ofstream(path / kMarkFile) << "a copy that was not opened yet\n")) {
    return Failed(path.string(), "its mark could not be written");
  }
  std::error_code error;
  fs::permissions(path / kMarkFile, fs::perms::owner_read | fs::perms::owner_write, error);
  return database.Checkpoint((path / "db").string());
}

}  // namespace

Status WriteCheckpoint(Database& database, const std::string& path) {
  std::error_code error;
  if (fs::exists(path, error)) {
    return Failed(path, "it is there already");
  }
  const fs::path partial = path + ".partial";
  auto filled = Fill(database, partial);
  if (filled) {
    const bool kept = SyncDirectory(partial.string());
    fs::rename(partial, path, error);
    if (!error && kept && SyncDirectory(fs::path(path).parent_path().string())) {
      return Ok{};
    }
    filled = Failed(path, error ? error.message() : "it could not be flushed");
  }
  fs::remove_all(partial, error);
  return filled;
}

bool IsFreshCheckpoint(const std::string& path) {
  std::error_code error;
  return fs::exists(fs::path(path) / kMarkFile, error);
}

void ForgetCheckpoint(const std::string& path) {
  std::error_code error;
  fs::remove(fs::path(path) / kMarkFile, error);
}

}  // namespace kv::store
