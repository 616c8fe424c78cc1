// RocksDB's list of its files, looked at before RocksDB reads it.
//
// RocksDB takes a list whose last record is not all there for one that a power cut tore, and goes
// on with the files that stand before. So a single wrong bit in a record's head makes it forget
// tables, and delete them, without a word.
#pragma once

#include <cstdint>
#include <string>

namespace kv::store {

enum class ManifestState : std::uint8_t {
  kWhole,        // also if there is none that can be read: RocksDB says so itself
  kCut,          // its last record is not all there
  kWrongLength,  // a record is all there, and its head tells another length
  kAltered,      // a record does not fit its check
};

// Of the current list of the database in `directory`.
ManifestState LookAtManifest(const std::string& directory);

}  // namespace kv::store
