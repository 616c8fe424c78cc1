// The environment of RocksDB in which every file is its owner's alone (0600, directories 0700):
// RocksDB itself makes them readable for everybody. Any thread.
#pragma once

namespace rocksdb {
class Env;
}

namespace kv::store {

// Lasts as long as the process.
rocksdb::Env* PrivateFiles();

}  // namespace kv::store
