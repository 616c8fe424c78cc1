// Topics of the protocol, taken apart. Source: protocol.md, "Data plane" and "Request plane".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kv/entry.h"
#include "kv/names.h"
#include "kv/result.h"
#include "wire/names.h"

namespace kv::wire {

enum class Plane : std::uint8_t {
  kNone,  // not ours
  kData,
  kRequest,
};

struct DataTopic {
  BucketName bucket;
  Key key;
};

enum class Verb : std::uint8_t {
  kGet,
  kPut,
  kCreate,
  kUpdate,
  kDelete,
  kPurge,
  kIncrement,
  kTxn,
  kKeys,
  kEntries,
  kHistory,
  kInfo,
  kAdminCreate,
  kAdminUpdate,
  kAdminDelete,
  kAdminPurgeDeletes,
  kBuckets,     // of no bucket
  kCheckpoint,  // of no bucket
};

// Views into the topic.
struct RequestTopic {
  Verb verb;
  std::string_view bucket;  // a good name, or empty for the verbs of no bucket
  std::string_view rest;    // the key or prefix: a good one, or empty where the verb allows that
  std::optional<Revision> revision;  // of update/<revision>/<key>
};

class Topics {
 public:
  // `data_prefix` is the option topic_prefix, without a slash at its end.
  explicit Topics(std::string_view data_prefix) : data_prefix_(std::string(data_prefix) + "/") {}

  Plane PlaneOf(std::string_view topic) const {
    if (topic.starts_with(data_prefix_)) {
      return Plane::kData;
    }
    return topic.starts_with(kRequestPrefix) ? Plane::kRequest : Plane::kNone;
  }
  // Errors: invalid-bucket, invalid-key.
  Result<DataTopic> ParseData(std::string_view topic) const;
  std::string DataTopicOf(std::string_view bucket, std::string_view key) const;
  const std::string& data_prefix() const { return data_prefix_; }
  // Whether a topic filter is of our own topics, which no bucket can capture.
  bool IsOwnFilter(std::string_view filter) const;

 private:
  const std::string data_prefix_;
};

// Errors: invalid-bucket, invalid-key, bad-request (no such verb).
Result<RequestTopic> ParseRequest(std::string_view topic);
// Whether a topic matches a topic filter, as MQTT 5 section 4.7 says: a wildcard at the front does
// not match a topic that begins with $.
bool MatchesFilter(std::string_view filter, std::string_view topic);
// Where a client without response topics gets the reply.
std::string ReplyTopicOf(std::string_view request_topic);

}  // namespace kv::wire
