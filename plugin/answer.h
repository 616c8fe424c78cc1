// What the parts of the request plane are asked and what they answer.
#pragma once

#include <optional>
#include <vector>

#include "kv/clock.h"
#include "kv/result.h"
#include "plugin/replier.h"
#include "store/store.h"
#include "wire/incoming.h"
#include "wire/reply.h"
#include "wire/topics.h"

namespace kv::plugin {

// Read during the call only.
struct Call {
  const Client& client;
  const wire::Incoming& incoming;
  const wire::RequestTopic& topic;
  const std::optional<ReplyAddress>& address;  // nothing: nobody wants to know
  TimePoint now;
};

struct Answer {
  std::vector<wire::Reply> replies;  // none: a job replies when it is done
  store::Sequence sequence = 0;      // to be on disk first; 0: nothing to wait for
};
using Answered = Result<Answer>;

// Errors: bucket-not-found.
inline Result<store::Bucket*> FindBucket(const store::Store& store,
                                         const wire::RequestTopic& topic) {
  const auto name = BucketName::Parse(topic.bucket);
  store::Bucket* bucket = name ? store.Find(*name) : nullptr;
  if (bucket == nullptr) {
    return Error(ErrorCode::kBucketNotFound, "there is no bucket " + std::string(topic.bucket));
  }
  return bucket;
}

}  // namespace kv::plugin
