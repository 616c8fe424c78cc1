// Capture: buckets that keep what devices publish elsewhere. The messages go on untouched; what is
// kept has the whole topic as its key. The broker's thread only.
// Source: protocol.md, "Buckets", `capture`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plugin/writer.h"
#include "wire/topics.h"

namespace kv::plugin {

// Errors: bad-request, when `capture` is a filter of the plugin's own topics.
Status CheckCapture(const BucketConfig& config, const wire::Topics& topics);

class Capture {
 public:
  Capture(const store::Store& store, Writer& writer, BrokerPort& port, Counters& counters)
      : store_(store), writer_(writer), port_(port), counters_(counters) {}

  // Cheap while no bucket captures: asked of every message of the broker.
  bool Wants(std::string_view topic);
  void OnMessage(const Client& client, const wire::Incoming& incoming, TimePoint now);

 private:
  struct Filter {
    std::string filter;
    std::string bucket;
  };

  void Refresh();
  void Keep(const Client& client,
            const wire::Incoming& incoming,
            const std::string& bucket,
            TimePoint now);

  const store::Store& store_;
  Writer& writer_;
  BrokerPort& port_;
  Counters& counters_;
  std::uint64_t catalog_version_ = 0;
  std::vector<Filter> filters_;
};

}  // namespace kv::plugin
