// RocksDB's list of its files, looked at before RocksDB reads it.
//
// RocksDB takes a list whose last record is not all there for one that a power cut tore, and goes
// on with the files that stand before. So a single wrong bit in a record's head makes it forget
// tables, and delete them, without a word.
#pragma once

#include <string>

namespace kv::store {

// Whether the current list of the database in `directory` ends in the middle of a record, or a record
// of it does not fit its check. False
// also if there is no list that can be read: RocksDB says so itself.
bool HasTornManifest(const std::string& directory);

}  // namespace kv::store
