#include "plugin/wills.h"

#include <algorithm>

#include "wire/names.h"
#include "wire/write_options.h"

namespace kv::plugin {
namespace {

// Every message of the plugin has a revision; only what clears a retained message that the store
// does not know has none.
bool IsOurs(const loopback::Arrived& message) {
  const auto& user = message.own.user;
  return std::any_of(user.begin(), user.end(), [&message](const UserProperty& property) {
    return property.name == wire::kRevision ||
           (message.payload.empty() && property.name == wire::kOp &&
            property.value == NameOf(Operation::kPurge));
  });
}

// The incoming message that the will would have been, had the broker shown it.
wire::Incoming IncomingOf(const loopback::Arrived& will) {
  wire::Incoming incoming;
  incoming.topic = will.topic;
  incoming.payload = will.payload;
  incoming.qos = will.qos;
  incoming.is_v5 = true;
  incoming.own.content_type = will.own.content_type;
  incoming.own.payload_format = will.own.payload_format;
  for (const auto& property : will.own.user) {
    (wire::IsReserved(property.name) ? incoming.options : incoming.own.user).push_back(property);
  }
  return incoming;
}

}  // namespace

Wills::Wills(const store::Store& store,
             const wire::Topics& topics,
             Writer& writer,
             Publisher& publisher,
             BrokerPort& port,
             Counters& counters,
             std::function<void()> wake)
    : store_(store),
      topics_(topics),
      writer_(writer),
      publisher_(publisher),
      port_(port),
      counters_(counters),
      wake_(std::move(wake)) {}

void Wills::Arrive(loopback::Arrived&& message) {
  if (IsOurs(message)) {
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= kMaxWaiting) {
      ++lost_;
      return;
    }
    waiting_.push_back(std::move(message));
  }
  wake_();
}

void Wills::Report(bool connected, const std::string& line) {
  {
    const std::lock_guard lock(mutex_);
    lines_.emplace_back(connected ? LogLevel::kNotice : LogLevel::kWarning,
                        connected ? "wills to " + line + " are stored"
                                  : "wills are not stored at the moment: " + line);
  }
  wake_();
}

bool Wills::Step(TimePoint now, std::size_t limit) {
  std::deque<loopback::Arrived> some;
  bool more = false;
  std::size_t lost = 0;
  std::vector<std::pair<LogLevel, std::string>> lines;
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < limit && !waiting_.empty(); ++i) {
      some.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
    more = !waiting_.empty();
    lost = std::exchange(lost_, 0);
    lines.swap(lines_);
  }
  for (const auto& [level, line] : lines) {
    port_.Log(level, line);
  }
  if (lost > 0) {
    port_.Log(LogLevel::kWarning,
              std::to_string(lost) + " wills were not stored: too many at once");
  }
  for (const auto& will : some) {
    if (auto stored = Store(will, now); !stored) {
      ++counters_.rejected;
      port_.Log(LogLevel::kDebug,
                "refused a will to " + will.topic + ": " + std::string(stored.error().token()) +
                    ": " + stored.error().message);
      Mend(will);
    }
  }
  return more;
}

Status Wills::Store(const loopback::Arrived& will, TimePoint now) {
  const wire::Incoming incoming = IncomingOf(will);
  auto topic = topics_.ParseData(incoming.topic);
  if (!topic) {
    return std::move(topic).error();
  }
  auto options = wire::ParseWriteOptions(incoming.options, incoming.payload.empty());
  if (!options) {
    return std::move(options).error();
  }
  store::KeyedWrite item{topic->key, WriteOf(*options, incoming)};
  item.write.ephemeral = false;  // its connection has ended already
  // The broker does not tell whose will it is.
  auto outcome = writer_.Write(
      {}, topic->bucket, {&item, 1}, {.message_id = options->message_id, .result = {}}, now);
  if (!outcome) {
    return std::move(outcome).error();
  }
  writer_.Publish(*outcome, {&item, 1});
  if (!outcome->written.is_new()) {
    Mend(will);  // there was nothing to do, but the broker has retained what it was
  }
  return Ok{};
}

// The retained message as the store has it, not as the will has left it.
void Wills::Mend(const loopback::Arrived& will) {
  const auto topic = topics_.ParseData(will.topic);
  const store::Bucket* bucket = topic ? store_.Find(topic->bucket) : nullptr;
  auto entry = bucket != nullptr ? bucket->Get(topic->key)
                                 : Result<Entry>(Error(ErrorCode::kBucketNotFound));
  if (!entry || !bucket->config().retained) {
    if (will.retain && !will.payload.empty()) {
      publisher_.Clear(will.topic);
    }
    return;
  }
  publisher_.Publish({.bucket = bucket->name(),
                      .retained = true,
                      .key = entry->key,
                      .operation = entry->operation,
                      .revision = entry->revision,
                      .time = entry->time,
                      .reason = entry->reason,
                      .qos = entry->qos,
                      .value = entry->value,
                      .own = &entry->properties,
                      .author = entry->author ? &*entry->author : nullptr});
}

}  // namespace kv::plugin
