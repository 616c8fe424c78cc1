#include "plugin/kv_service.h"

#include <chrono>

namespace kv::plugin {
namespace {

// How long a callback may work at what nobody waits for. At start, before there are any clients,
// more: a store of usual size is served whole from the first moment.
constexpr Nanoseconds kSliceAtStart = 100 * kMillisecond;
constexpr Nanoseconds kSlice = 2 * kMillisecond;
constexpr Nanoseconds kSweepInterval = 10 * kMillisecond;
constexpr std::size_t kEphemeralsLimit = 200;
constexpr std::size_t kWillsLimit = 200;

store::StoreOptions StoreOptionsOf(const PluginOptions& options, std::function<void()> wake) {
  return {.path = options.store_path,
          .sync = options.sync,
          .sync_interval = options.sync_interval,
          .cache_bytes = options.cache_size,
          .duplicate_window = options.duplicate_window,
          .max_buckets = options.max_buckets,
          .auto_create = options.auto_create,
          .bucket_defaults = options.bucket_defaults,
          .on_progress = std::move(wake)};
}

Error OptionError(const std::string& option, const Error& error) {
  return Error(error.code, "plugin_opt_" + option + ": " + error.message);
}

// True when `interval` has passed since `last`, which is moved; also when the clock was set back.
bool IsDue(TimePoint& last, TimePoint now, Nanoseconds interval) {
  if (now >= last && now - last < interval) {
    return false;
  }
  last = now;
  return true;
}

}  // namespace

KvService::KvService(const PluginOptions& options,
                     BrokerPort& port,
                     const Clock& clock,
                     std::function<void()> wake)
    : options_(options),
      port_(port),
      clock_(clock),
      wake_(std::move(wake)),
      topics_(options.topic_prefix),
      publisher_(port, topics_) {}

KvService::~KvService() {
  loopback_.reset();
  if (store_) {
    if (const auto closed = store_->Close(); !closed) {
      port_.Log(LogLevel::kError,
                "the store could not be flushed at the end: " + closed.error().message +
                    "; what was acknowledged is in its journal and is taken up at the next start");
    }
  }
}

Result<std::unique_ptr<KvService>> KvService::Start(const PluginOptions& options,
                                                    BrokerPort& port,
                                                    const Clock& clock,
                                                    std::function<void()> wake) {
  std::unique_ptr<KvService> service(new KvService(options, port, clock, std::move(wake)));
  std::optional<SnapshotReader> reader;
  if (options.broker_snapshot) {
    reader.emplace(*options.broker_snapshot);
  }
  for (const auto step : {&KvService::OpenStore, &KvService::DeclareBuckets}) {
    if (auto done = (service.get()->*step)(); !done) {
      return std::move(done).error();
    }
  }
  service->BeginRestore(reader);
  if (options.wills) {
    service->ListenForWills();
  }
  return service;
}

Status KvService::OpenStore() {
  auto opened = store::Store::Open(StoreOptionsOf(options_, wake_), clock_.Now());
  if (!opened) {
    return OptionError("store_path", opened.error());
  }
  store_ = std::move(*opened);
  replier_.emplace(port_, *store_);
  ephemerals_.emplace(*store_, publisher_);
  writer_.emplace(*store_, publisher_, *ephemerals_, counters_);
  jobs_.emplace(*store_, *replier_);
  backups_.emplace(*store_, *replier_, port_, options_.backup_path, wake_);
  capture_.emplace(*store_, *writer_, port_, counters_);
  data_plane_.emplace(topics_, *store_, *writer_, publisher_, *replier_, port_, counters_);
  request_plane_.emplace(ReadRequests(*store_),
                         WriteRequests(*store_, *writer_),
                         AdminRequests(*store_, topics_, publisher_, *jobs_, *backups_),
                         *replier_,
                         port_,
                         counters_);
  metrics_.emplace(*store_, counters_, publisher_);
  sweeper_.emplace(*store_, publisher_);
  const store::StoreStats stats = store_->stats();
  port_.Log(LogLevel::kNotice,
            "store " + options_.store_path + " opened: " + std::to_string(stats.buckets) +
                " buckets, " + std::to_string(stats.entries) + " entries, " +
                std::to_string(stats.bytes) + " bytes");
  return Ok{};
}

Status KvService::DeclareBuckets() {
  const TimePoint now = clock_.Now();
  for (const auto& [text, config] : options_.buckets) {
    auto name = BucketName::Parse(text);
    if (!name) {
      return OptionError("bucket_" + text, name.error());
    }
    if (auto done = DeclareBucket(*name, config, now); !done) {
      return OptionError("bucket_" + text, done.error());
    }
  }
  return Ok{};
}

Status KvService::DeclareBucket(BucketName name, const BucketConfig& config, TimePoint now) {
  if (auto checked = CheckCapture(config, topics_); !checked) {
    return checked;
  }
  if (store::Bucket* bucket = store_->Find(name)) {
    return bucket->config() == config ? Status(Ok{}) : store_->UpdateBucket(*bucket, config, now);
  }
  auto created = store_->CreateBucket(name, config, now);
  return created ? Status(Ok{}) : Status(std::move(created).error());
}

std::optional<BrokerSnapshot> KvService::TakeSnapshot(SnapshotReader& reader) {
  auto opened = reader.Take();
  if (!opened) {
    port_.Log(LogLevel::kWarning,
              "plugin_opt_broker_snapshot: " + opened.error().message +
                  "; every value is published anew");
    return std::nullopt;
  }
  return std::move(*opened);
}

void KvService::BeginRestore(std::optional<SnapshotReader>& reader) {
  std::optional<BrokerSnapshot> snapshot;
  if (reader) {
    snapshot = TakeSnapshot(*reader);
  } else if (store_->stats().entries > 0) {
    port_.Log(LogLevel::kInfo,
              "the broker is not known to keep retained messages (persistence), and "
              "plugin_opt_broker_snapshot is not set: every value is published anew");
  }
  restorer_.emplace(*store_, topics_, publisher_, std::move(snapshot));
  // What expired while nobody looked, and what was bound to a connection, must not come back, not
  // for a moment: it ends first.
  const auto end = std::chrono::steady_clock::now() + std::chrono::nanoseconds(kSliceAtStart);
  ephemerals_->EndAll();
  do {
    expiring_ = store::Progress::kMore;
    EndWhatIsDue(clock_.Now());
  } while (ending_ != store::Progress::kDone && std::chrono::steady_clock::now() < end);
  if (ending_ != store::Progress::kDone) {
    wake_();
  }
  ContinueRestore(kSliceAtStart);
  for (const auto& [name, bucket] : store_->buckets()) {
    bucket->index().AwaitOrder();  // now, and not when a client's message needs it
  }
}

void KvService::ListenForWills() {
  wills_.emplace(*store_, topics_, *writer_, publisher_, port_, counters_, wake_);
  loopback_.emplace(
      loopback::Options{.client_id = "mosquitto-kv-wills",
                        .port = options_.wills_port,
                        .username = options_.wills_username,
                        .password = options_.wills_password,
                        .filter = topics_.data_prefix() + options_.wills_filter},
      loopback::Loopback::Handlers{
          .on_message = [this](loopback::Arrived&& message) { wills_->Arrive(std::move(message)); },
          .on_state =
              [this](bool connected, const std::string& line) {
                wills_->Report(connected, line);
              }});
}

void KvService::ContinueRestore(Nanoseconds budget) {
  // However long it takes: what has expired is not restored. But for a failed store, which would
  // keep everything else from being served.
  if (ending_ != store::Progress::kDone && store_->CheckWritable()) {
    return;
  }
  if (!restorer_->Step(budget)) {
    wake_();  // the next slice must not wait for the loop to wake by itself
    return;
  }
  const Restorer::Totals totals = restorer_->totals();
  if (restorer_->snapshot_was_damaged()) {
    port_.Log(LogLevel::kWarning,
              "plugin_opt_broker_snapshot: the file is damaged; what it lacks was published anew");
  }
  port_.Log(
      totals.unreadable > 0 ? LogLevel::kError : LogLevel::kNotice,
      "retained messages restored: " + std::to_string(totals.published) + " published, " +
          std::to_string(totals.kept) + " were there, " + std::to_string(totals.cleared) +
          " cleared" +
          (totals.unreadable > 0 ? ", " + std::to_string(totals.unreadable) + " could not be read"
                                 : ""));
  restorer_.reset();
}

Decision KvService::OnMessage(const Client& client, const wire::Incoming& incoming) {
  const TimePoint now = clock_.Now();
  switch (topics_.PlaneOf(incoming.topic)) {
    case wire::Plane::kData: return data_plane_->OnMessage(client, incoming, now);
    case wire::Plane::kRequest:
      request_plane_->OnMessage(client, incoming, now);
      if (!jobs_->empty() || store_->HasLeaving()) {
        wake_();  // what it began must not wait for the loop to wake by itself
      }
      return {Verdict::kSwallowed};
    case wire::Plane::kNone: capture_->OnMessage(client, incoming, now); break;
  }
  return {Verdict::kUntouched};
}

void KvService::OnDisconnect(const void* connection) {
  ephemerals_->Ended(connection);
  if (ephemerals_->Step(clock_.Now(), kEphemeralsLimit) == store::Progress::kMore) {
    wake_();
  }
}

void KvService::OnTick() {
  publisher_.TickBegins();
  replier_->Flush();
  backups_->Flush();
  WatchHealth();
  const TimePoint now = clock_.Now();
  Work(now);
  metrics_->Tick(now);
  store_->ReapJournal();
  if (IsDue(last_pruning_, now, options_.duplicate_window / 4) ||
      pruning_ == store::Progress::kMore) {
    pruning_ = store_->PruneDuplicates(now);
  }
  if (restorer_) {
    ContinueRestore(kSlice);
  }
}

void KvService::Work(TimePoint now) {
  EndWhatIsDue(now);
  bool more = ending_ == store::Progress::kMore;
  more = jobs_->Run(now, kSlice) == store::Progress::kMore || more;
  more = sweeper_->TakeBack(now, kSlice) == store::Progress::kMore || more;
  more = (wills_ && wills_->Step(now, kWillsLimit)) || more;
  if (more) {
    wake_();  // it must not wait for the loop to wake by itself, 100 ms later
  }
}

// What has expired, and what belonged to connections that have ended.
void KvService::EndWhatIsDue(TimePoint now) {
  if (IsDue(last_sweep_, now, kSweepInterval) || expiring_ != store::Progress::kDone) {
    expiring_ = sweeper_->Expire(now, kSlice);
  }
  ending_ = std::max(expiring_, ephemerals_->Step(now, kEphemeralsLimit));
}

void KvService::WatchHealth() {
  const auto writable = store_->CheckWritable();
  if (writable.ok() == was_writable_) {
    return;
  }
  was_writable_ = writable.ok();
  if (was_writable_) {
    port_.Log(LogLevel::kNotice, "the store is well again: writes are accepted");
  } else {
    port_.Log(LogLevel::kError, writable.error().message);
  }
}

}  // namespace kv::plugin
