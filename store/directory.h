// The directory of a store, before anything in it is opened:
//
//   FORMAT     one line: "mosquitto-kv store, format 1"
//   db/        RocksDB
//   journal/   see journal.h
//   CHECKPOINT see checkpoint.h
//   STARTING   while a start is under way
#pragma once

#include <optional>
#include <string>

#include "kv/result.h"

namespace kv::store {

inline constexpr int kFormat = 1;

// Makes the directory if it is missing (its parent must exist), marks an empty one as ours, and
// refuses every other one untouched. Errors: storage-error: not a directory, not writable, not a
// store of ours, of a newer format.
Status PrepareDirectory(const std::string& path);

// Notes on disk that a start is under way, and under which kernel: it may be interrupted. Errors:
// storage-error.
Status MarkStarting(const std::string& path, const std::string& boot_id);
void MarkStarted(const std::string& path);
// What MarkStarting noted, if no MarkStarted has followed: the boot id, or a part of it.
std::optional<std::string> StartUnderWay(const std::string& path);

// Flushes what names the directory holds: a new file that is flushed may still lose its name in a
// power cut, and a removed one come back. False if that failed.
bool SyncDirectory(const std::string& path);

}  // namespace kv::store
