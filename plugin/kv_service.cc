#include "plugin/kv_service.h"

#include <chrono>

#include "plugin/broker_snapshot.h"

namespace kv::plugin {
namespace {

// How long a callback may work at what nobody waits for. At start, before there are any clients,
// more: a store of usual size is served whole from the first moment.
constexpr Nanoseconds kSliceAtStart = 250 * kMillisecond;
constexpr Nanoseconds kSlice = 2 * kMillisecond;
constexpr Nanoseconds kSweepInterval = 10 * kMillisecond;
constexpr std::size_t kSweepLimit = 200;
constexpr std::size_t kWillsLimit = 200;
constexpr std::size_t kTakeBackLimit = 64;  // entries

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
  for (const auto step : {&KvService::OpenStore, &KvService::DeclareBuckets}) {
    if (auto done = (service.get()->*step)(); !done) {
      return std::move(done).error();
    }
  }
  service->BeginRestore();
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
  data_plane_.emplace(topics_, *writer_, publisher_, *replier_, port_, counters_);
  request_plane_.emplace(ReadRequests(*store_),
                         WriteRequests(*store_, *writer_),
                         AdminRequests(*store_, topics_, publisher_, *jobs_, *backups_),
                         *replier_,
                         port_,
                         counters_);
  metrics_.emplace(*store_, counters_, publisher_);
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

void KvService::BeginRestore() {
  std::optional<BrokerSnapshot> snapshot;
  if (options_.broker_snapshot) {
    auto opened = BrokerSnapshot::Open(*options_.broker_snapshot);
    if (!opened) {
      port_.Log(LogLevel::kWarning,
                "plugin_opt_broker_snapshot: " + opened.error().message +
                    "; every value is published anew");
    } else if (*opened) {
      snapshot = std::move(**opened);
    }
  }
  if (!options_.broker_snapshot && store_->stats().entries > 0) {
    port_.Log(LogLevel::kInfo,
              "plugin_opt_broker_snapshot is not set: every value is published anew at start; set "
              "it to the broker's mosquitto.db if persistence is on");
  }
  restorer_.emplace(*store_, topics_, publisher_, std::move(snapshot));
  // What expired while nobody looked, and what was bound to a connection, must not come back, not
  // for a moment: it ends first.
  const auto end = std::chrono::steady_clock::now() + std::chrono::nanoseconds(kSliceAtStart);
  ephemerals_->EndAll();
  do {
    Sweep(clock_.Now());
    more_is_due_ = ephemerals_->Step(clock_.Now(), kSweepLimit) || more_is_due_;
  } while (more_is_due_ && std::chrono::steady_clock::now() < end);
  ContinueRestore(kSliceAtStart);
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
          .on_state = [this](bool connected, const std::string& line) {
            wills_->Report(connected, line);
          }});
}

void KvService::ContinueRestore(Nanoseconds budget) {
  // However long it takes: what has expired is not restored.
  if (more_is_due_ || !restorer_->Step(budget)) {
    wake_();  // the next slice must not wait for the loop to wake by itself
    return;
  }
  const Restorer::Totals totals = restorer_->totals();
  if (restorer_->snapshot_was_damaged()) {
    port_.Log(LogLevel::kWarning,
              "plugin_opt_broker_snapshot: the file is damaged; what it lacks was published anew");
  }
  port_.Log(totals.unreadable > 0 ? LogLevel::kError : LogLevel::kNotice,
            "retained messages restored: " + std::to_string(totals.published) + " published, " +
                std::to_string(totals.kept) + " were there, " + std::to_string(totals.cleared) +
                " cleared" +
                (totals.unreadable > 0
                     ? ", " + std::to_string(totals.unreadable) + " could not be read"
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
  if (ephemerals_->Step(clock_.Now(), kSweepLimit)) {
    wake_();
  }
}

void KvService::OnTick() {
  publisher_.TickBegins();
  replier_->Flush();
  backups_->Flush();
  WatchHealth();
  const TimePoint now = clock_.Now();
  if (IsDue(last_sweep_, now, kSweepInterval)) {
    Sweep(now);
    if (more_is_due_) {
      // Many are due at once: they must not wait for the broker to wake by itself, 100 ms later.
      last_sweep_ = 0;
      wake_();
    }
    metrics_->Tick(now);
  }
  Work(now);
  if (IsDue(last_pruning_, now, options_.duplicate_window / 4)) {
    store_->PruneDuplicates(now);
  }
  if (restorer_) {
    ContinueRestore(kSlice);
  }
}

void KvService::Work(TimePoint now) {
  bool more = ephemerals_->Step(now, kSweepLimit);
  more_is_due_ = more || more_is_due_;
  more = jobs_->Run(now, kSlice) || more;
  more = TakeBack(now, kSlice) || more;
  more = (wills_ && wills_->Step(now, kWillsLimit)) || more;
  if (more) {
    wake_();
  }
}

// What is left of dropped buckets. True if there is more.
bool KvService::TakeBack(TimePoint now, Nanoseconds budget) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::nanoseconds(budget);
  while (store_->HasLeaving() && std::chrono::steady_clock::now() < end) {
    std::vector<store::TakenBack> taken;
    if (!store_->TakeBack(now, kTakeBackLimit, taken)) {
      return false;  // when the store is well again; WatchHealth tells of it
    }
    for (const auto& item : taken) {
      publisher_.Publish({.bucket = item.bucket,
                          .retained = item.retained,
                          .key = item.key,
                          .operation = Operation::kPurge,
                          .revision = item.revision,
                          .time = item.time,
                          .reason = Reason::kBucketDeleted,
                          .qos = 1});
    }
  }
  return store_->HasLeaving();
}

void KvService::Sweep(TimePoint now) {
  std::vector<store::BucketExpiration> expired;
  // What is left is due again at the next sweep; WatchHealth tells of a failed store.
  const auto swept = store_->Expire(now, kSweepLimit, expired);
  for (const auto& [bucket, expiration] : expired) {
    publisher_.Publish({.bucket = bucket->name(),
                        .retained = bucket->config().retained,
                        .key = expiration.key,
                        .operation = Operation::kPurge,
                        .revision = expiration.revision,
                        .time = expiration.time,
                        .reason = Reason::kExpired,
                        .qos = 1});
  }
  more_is_due_ = swept && store_->HasDue(now);
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
