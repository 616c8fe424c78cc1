#include "plugin/capture.h"

#include <algorithm>

namespace kv::plugin {

Status CheckCapture(const BucketConfig& config, const wire::Topics& topics) {
  if (config.capture && topics.IsOwnFilter(*config.capture)) {
    return Error(ErrorCode::kBadRequest,
                 "bucket field capture: accepted is a topic filter outside " +
                     topics.data_prefix() + " and $KV/");
  }
  return Ok{};
}

void Capture::Refresh() {
  catalog_version_ = store_.catalog_version();
  filters_.clear();
  for (const auto& [name, bucket] : store_.buckets()) {
    if (bucket->config().capture) {
      filters_.push_back({*bucket->config().capture, name});
    }
  }
}

bool Capture::Wants(std::string_view topic) {
  if (catalog_version_ != store_.catalog_version()) {
    Refresh();
  }
  return std::any_of(filters_.begin(), filters_.end(), [topic](const Filter& filter) {
    return wire::MatchesFilter(filter.filter, topic);
  });
}

void Capture::OnMessage(const Client& client, const wire::Incoming& incoming, TimePoint now) {
  for (const Filter& filter : filters_) {
    if (wire::MatchesFilter(filter.filter, incoming.topic)) {
      Keep(client, incoming, filter.bucket, now);
    }
  }
}

void Capture::Keep(const Client& client,
                   const wire::Incoming& incoming,
                   const std::string& bucket,
                   TimePoint now) {
  const auto refuse = [&](const Error& error) {
    ++counters_.rejected;
    port_.Log(LogLevel::kDebug,
              "bucket " + bucket + " could not capture " + std::string(incoming.topic) + " by " +
                  std::string(client.id) + ": " + std::string(error.token()) + ": " +
                  error.message);
  };
  const auto key = Key::Parse(incoming.topic);
  if (!key) {
    refuse(key.error());
    return;
  }
  store::KeyedWrite item{
      *key,
      {.operation = incoming.payload.empty() ? Operation::kDelete : Operation::kPut,
       .value = incoming.payload,
       .properties = &incoming.own,
       .qos = incoming.qos}};
  auto outcome = writer_.Write(client, *BucketName::Parse(bucket), {&item, 1}, {}, now);
  if (!outcome) {
    refuse(outcome.error());
    return;
  }
  writer_.Publish(*outcome, {&item, 1});
}

}  // namespace kv::plugin
