// Checkpoints: copies of a store that are store directories themselves.
#pragma once

#include <string>

#include "kv/result.h"
#include "store/database.h"

namespace kv::store {

// Writes what the database holds to the new directory `path`, whole or not at all. On the
// committer's thread. Errors: storage-error.
Status WriteCheckpoint(Database& database, const std::string& path);

// Whether this store is a checkpoint that has not been opened yet. What was written after it was
// made is not there, but its revisions may have been seen: they have to be skipped.
bool IsFreshCheckpoint(const std::string& path);
void ForgetCheckpoint(const std::string& path);

}  // namespace kv::store
