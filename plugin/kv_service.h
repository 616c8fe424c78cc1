// KvService: everything the plugin does, behind a BrokerPort. It decides nothing about storage.
// One for each store, shared by the listeners that load the plugin. The broker's thread only,
// except what the waker tells it.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "kv/clock.h"
#include "plugin/backups.h"
#include "plugin/capture.h"
#include "plugin/counters.h"
#include "plugin/data_plane.h"
#include "plugin/ephemerals.h"
#include "plugin/jobs.h"
#include "plugin/metrics.h"
#include "plugin/options.h"
#include "plugin/publisher.h"
#include "plugin/replier.h"
#include "plugin/request_plane.h"
#include "plugin/restorer.h"
#include "plugin/snapshot_reader.h"
#include "plugin/sweeper.h"
#include "plugin/wills.h"
#include "plugin/writer.h"
#include "store/store.h"
#include "wire/topics.h"

namespace kv::plugin {

class KvService {
 public:
  // `wake`: called on any thread when the loop should come round at once.
  // Errors: one line for a sysadmin, naming the option that is to blame.
  static Result<std::unique_ptr<KvService>> Start(const PluginOptions& options,
                                                  BrokerPort& port,
                                                  const Clock& clock,
                                                  std::function<void()> wake);

  KvService(const KvService&) = delete;
  KvService& operator=(const KvService&) = delete;
  ~KvService();

  // Cheap: to be asked before anything of a message is copied.
  wire::Plane PlaneOf(std::string_view topic) const { return topics_.PlaneOf(topic); }
  // Whether a message that is not ours is to be kept all the same: then OnMessage is to be called.
  bool Captures(std::string_view topic) { return capture_->Wants(topic); }
  Decision OnMessage(const Client& client, const wire::Incoming& incoming);
  void OnDisconnect(const void* connection);
  void OnTick();

  const PluginOptions& options() const { return options_; }

 private:
  KvService(const PluginOptions& options,
            BrokerPort& port,
            const Clock& clock,
            std::function<void()> wake);
  Status OpenStore();
  Status DeclareBuckets();
  Status DeclareBucket(BucketName name, const BucketConfig& config, TimePoint now);
  void BeginRestore(std::optional<SnapshotReader>& reader);
  std::optional<BrokerSnapshot> TakeSnapshot(SnapshotReader& reader);
  void ListenForWills();
  void ContinueRestore(Nanoseconds budget);
  void Work(TimePoint now);  // a slice of what nobody waits for
  void EndWhatIsDue(TimePoint now);
  void WatchHealth();

  const PluginOptions options_;
  BrokerPort& port_;
  const Clock& clock_;
  const std::function<void()> wake_;
  const wire::Topics topics_;
  Counters counters_;

  std::unique_ptr<store::Store> store_;
  Publisher publisher_;
  std::optional<Replier> replier_;
  std::optional<Ephemerals> ephemerals_;
  std::optional<Writer> writer_;
  std::optional<Jobs> jobs_;
  std::optional<Backups> backups_;
  std::optional<Capture> capture_;
  std::optional<DataPlane> data_plane_;
  std::optional<RequestPlane> request_plane_;
  std::optional<Metrics> metrics_;
  std::optional<Sweeper> sweeper_;
  std::optional<Restorer> restorer_;
  std::optional<Wills> wills_;
  std::optional<loopback::Loopback> loopback_;  // behind wills_: it ends first
  TimePoint last_sweep_ = 0;
  store::Progress expiring_ = store::Progress::kDone;  // what has expired
  store::Progress ending_ = store::Progress::kDone;    // ended connections' keys
  TimePoint last_pruning_ = 0;
  store::Progress pruning_ = store::Progress::kDone;
  bool was_writable_ = true;
};

}  // namespace kv::plugin
