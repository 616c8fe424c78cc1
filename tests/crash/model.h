// What a bucket must hold after writes of which only the first so many may have arrived.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/e2e/kv_broker.h"

namespace kv::testing {

enum class WriteKind : std::uint8_t {
  kPut,
  kCreate,
  kUpdate,       // expects the key's newest revision
  kWrongUpdate,  // expects another
  kDelete,
  kPurge,
  kTransaction,  // all of its parts or none
  kDropBucket,   // only by a writer that has the bucket for itself
};

struct Operation {
  WriteKind kind = WriteKind::kPut;
  std::string key = {};
  std::string value = {};
  Revision expected = 0;  // of kUpdate and kWrongUpdate
  std::string message_id = {};
  std::uint8_t qos = 1;
  bool with_reply = false;
  std::vector<Operation> parts = {};  // of kTransaction, each with another key
};

// Whether it may change the key.
bool Touches(const Operation& operation, const std::string& key);

struct ModelEntry {
  std::string operation;  // as in kv-op
  std::string value;

  friend bool operator==(const ModelEntry&, const ModelEntry&) = default;
};

// Of each key the kept entries, oldest first. A key without entries is not in it.
using Histories = std::map<std::string, std::vector<ModelEntry>>;

// Does to `histories` what the bucket does; false if it refuses the write.
bool Apply(Histories& histories, const Operation& operation, std::size_t kept);

// All that a bucket says it holds, read through its requests. Of one that is not there all is empty
// and `info` null.
// NOLINTNEXTLINE(bugprone-exception-escape): what a json is moved by does not throw
struct BucketDump {
  Histories histories;
  std::map<std::string, Revision> newest;  // of each key
  std::vector<Message> entries;            // in the order in which they came
  nlohmann::json info;
};

BucketDump Dump(KvClient& client, const std::string& bucket);
// Of one that is there: revisions in order, none above info's, and info's numbers as a recount
// gives them.
void ExpectConsistent(KvClient& client, const std::string& bucket, const BucketDump& dump);

}  // namespace kv::testing
