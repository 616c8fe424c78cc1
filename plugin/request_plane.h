// RequestPlane: answers what is published to $KV/. The broker's thread only.
// Source: protocol.md, "Request plane".
#pragma once

#include <string>
#include <vector>

#include "kv/clock.h"
#include "plugin/counters.h"
#include "plugin/replier.h"
#include "store/store.h"
#include "wire/incoming.h"
#include "wire/read_options.h"
#include "wire/reply.h"
#include "wire/topics.h"

namespace kv::plugin {

class RequestPlane {
 public:
  RequestPlane(store::Store& store, Replier& replier, BrokerPort& port, Counters& counters)
      : store_(store), replier_(replier), port_(port), counters_(counters) {}

  void OnMessage(const Client& client, const wire::Incoming& incoming);

 private:
  using Replies = Result<std::vector<wire::Reply>>;

  struct Request {
    wire::RequestTopic topic;
    wire::ReadOptions options;
    bool packed = false;  // the whole reply becomes one message (MQTT 3)
  };

  Replies Answer(const Client& client, const wire::Incoming& incoming) const;
  Replies Get(const store::Bucket& bucket, const Request& request) const;
  Replies Entries(const store::Bucket& bucket, const Request& request, bool newest_only) const;
  Replies Keys(const store::Bucket& bucket, const Request& request) const;
  Replies Buckets(const Request& request) const;

  store::Store& store_;
  Replier& replier_;
  BrokerPort& port_;
  Counters& counters_;
};

}  // namespace kv::plugin
