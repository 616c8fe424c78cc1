// RocksDB's files, where those who read and those who write have tables of open files of their own
// (store/store_files.h).
//
// A file that is read is opened on each side that reads it; one that is written belongs to the
// store's threads, and is an error elsewhere. RocksDB closes files wherever it finds that nobody
// needs them any longer: what is open on the other side is left to that side.
//
// Any thread.
#pragma once

#include <memory>

namespace rocksdb {
class Env;
}

namespace kv::store {

// `base`, which must outlive it, with such files.
std::unique_ptr<rocksdb::Env> TwoSided(rocksdb::Env* base);

// Closes what was left to the calling thread's side; to be called there now and then. Cheap if
// there is nothing.
void CloseLeftFiles();

}  // namespace kv::store
