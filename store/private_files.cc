#include "store/private_files.h"

#include <sys/stat.h>

#include <memory>
#include <string>

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

namespace kv::store {
namespace {

class OwnersAlone final : public rocksdb::FileSystemWrapper {
 public:
  OwnersAlone() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}

  const char* Name() const override { return "kv-private-files"; }

  rocksdb::IOStatus NewWritableFile(const std::string& path,
                                    const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* context) override {
    return Close(path, 0600, FileSystemWrapper::NewWritableFile(path, options, file, context));
  }
  rocksdb::IOStatus LockFile(const std::string& path,
                             const rocksdb::IOOptions& options,
                             rocksdb::FileLock** lock,
                             rocksdb::IODebugContext* context) override {
    return Close(path, 0600, FileSystemWrapper::LockFile(path, options, lock, context));
  }
  rocksdb::IOStatus CreateDir(const std::string& path,
                              const rocksdb::IOOptions& options,
                              rocksdb::IODebugContext* context) override {
    return Close(path, 0700, FileSystemWrapper::CreateDir(path, options, context));
  }
  rocksdb::IOStatus CreateDirIfMissing(const std::string& path,
                                       const rocksdb::IOOptions& options,
                                       rocksdb::IODebugContext* context) override {
    return Close(path, 0700, FileSystemWrapper::CreateDirIfMissing(path, options, context));
  }

 private:
  // Closes to the others what was made. It is empty yet; and where the rights cannot be changed,
  // the store's directory is still a closed one.
  static rocksdb::IOStatus Close(const std::string& path, mode_t mode, rocksdb::IOStatus made) {
    if (made.ok()) {
      static_cast<void>(::chmod(path.c_str(), mode));
    }
    return made;
  }
};

}  // namespace

rocksdb::Env* PrivateFiles() {
  // Never destroyed: RocksDB's own threads may outlast everything else.
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): as RocksDB has its own
  static rocksdb::Env* const kEnv =
      rocksdb::NewCompositeEnv(std::make_shared<OwnersAlone>()).release();
  return kEnv;
}

}  // namespace kv::store
