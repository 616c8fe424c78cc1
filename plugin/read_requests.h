// ReadRequests: the requests that change nothing. The broker's thread only.
// Source: protocol.md, "Request plane".
#pragma once

#include <string>
#include <vector>

#include "plugin/answer.h"
#include "store/store.h"
#include "wire/read_options.h"
#include "wire/reply.h"
#include "wire/topics.h"

namespace kv::plugin {

std::string InfoOf(const store::Bucket& bucket);  // as JSON

class ReadRequests {
 public:
  explicit ReadRequests(const store::Store& store) : store_(store) {}

  // get, history, entries, keys, info and buckets.
  Answered Handle(const Call& call) const;

 private:
  using Replies = Result<std::vector<wire::Reply>>;

  struct Request {
    wire::RequestTopic topic;
    wire::ReadOptions options;
    bool as_json = false;  // the whole reply becomes one JSON text (MQTT 3)
  };

  Replies Read(const Request& request) const;
  Replies Get(const store::Bucket& bucket, const Request& request) const;
  Replies Entries(const store::Bucket& bucket, const Request& request, bool newest_only) const;
  Replies Keys(const store::Bucket& bucket, const Request& request) const;
  Replies Buckets(const Request& request) const;

  const store::Store& store_;
};

}  // namespace kv::plugin
