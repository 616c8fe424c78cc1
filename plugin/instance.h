// Instance: one service with its store, and who shares it.
//
// With `per_listener_settings true` every listener loads the plugin anew, in the same process and
// on the same thread; RocksDB lets only one open the store. So the instances of a process share by
// the store's path. Source: broker-facts.md, "The loop".
#pragma once

#include <memory>
#include <string>

#include "kv/clock.h"
#include "kv/result.h"
#include "plugin/kv_service.h"
#include "plugin/loop_waker.h"
#include "plugin/mosquitto_port.h"
#include "plugin/options.h"

namespace kv::plugin {

class Instance {
 public:
  // The one that is open for this store already, or a new one. Errors: as KvService::Start; another
  // listener's options differ.
  static Result<std::shared_ptr<Instance>> Share(const PluginOptions& options);

  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;
  ~Instance();

  KvService& service() { return *service_; }
  MosquittoPort& port() { return port_; }
  LoopWaker& waker() { return *waker_; }
  void Tick();

 private:
  Instance() = default;

  MosquittoPort port_;
  SystemClock clock_;
  std::unique_ptr<LoopWaker> waker_;
  std::unique_ptr<KvService> service_;
};

}  // namespace kv::plugin
