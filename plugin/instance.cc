#include "plugin/instance.h"

#include <filesystem>
#include <map>
#include <system_error>

#include "plugin/guarded.h"

namespace kv::plugin {
namespace {

// The registry of open stores. Process-wide by its nature, touched by the broker's thread only.
std::map<std::string, std::weak_ptr<Instance>>& OpenStores() {
  static std::map<std::string, std::weak_ptr<Instance>> stores;
  return stores;
}

std::string Canonical(const std::string& path) {
  std::error_code error;
  // Absolute first: of a relative path that is not there yet, nothing would be resolved.
  const auto absolute = std::filesystem::absolute(path, error);
  const auto canonical = error ? absolute : std::filesystem::weakly_canonical(absolute, error);
  return error ? path : canonical.string();
}

}  // namespace

Result<std::shared_ptr<Instance>> Instance::Share(const PluginOptions& options) {
  auto& slot = OpenStores()[Canonical(options.store_path)];
  if (auto open = slot.lock()) {
    if (open->service().options() == options) {
      return open;
    }
    return Error(ErrorCode::kBadRequest,
                 "plugin_opt_store_path: another listener uses this store with other options; "
                 "accepted are the same options for each listener");
  }
  std::shared_ptr<Instance> instance(new Instance());
  // Before the store: RocksDB's threads and the committer must not be the one that is woken.
  instance->waker_ = std::make_unique<LoopWaker>([raw = instance.get()] { raw->Tick(); });
  auto service = KvService::Start(
      options, instance->port_, instance->clock_, [waker = instance->waker_.get()] {
        waker->Notify();
      });
  if (!service) {
    return std::move(service).error();
  }
  instance->service_ = std::move(*service);
  slot = instance;
  return instance;
}

Instance::~Instance() {
  service_.reset();  // its committer's thread may notify until it is joined
  waker_.reset();
}

void Instance::Tick() {
  waker_->Acknowledge();
  if (!service_) {
    return;  // a signal while the store is being opened or closed
  }
  Guarded(
      [this](const char* what) {
        port_.Log(LogLevel::kError, std::string("tick failed: ") + what);
        return 0;
      },
      [this] {
        service_->OnTick();
        return 0;
      });
}

}  // namespace kv::plugin
