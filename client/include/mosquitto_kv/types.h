// What the client's requests take and what they give.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kv/api.h"
#include "kv/clock.h"
#include "kv/entry.h"

namespace kv {

// The outcome of a write.
struct Written {
  Revision revision = 0;   // 0: there was nothing to do (the delete of a key without an entry)
  TimePoint time = 0;      // by the broker's clock
  bool duplicate = false;  // the message id was written before: this is its first outcome

  friend bool operator==(const Written&, const Written&) = default;
};

struct Counted {
  std::int64_t value = 0;  // after the increment
  Written written;
};

struct WriteSettings {
  std::optional<Revision> expected_revision = {};  // of the key's newest entry; 0: it has none
  // Writing again with the same id within the duplicate window (2 minutes by default) writes
  // nothing. Empty: the client makes one up, so that its own repetition after a reconnect is safe.
  std::string message_id = {};
};

struct PutSettings : WriteSettings {
  std::optional<Nanoseconds> ttl = {};  // whole milliseconds
  bool ephemeral = false;  // the key goes when the connection of this client ends, however it ends
  Properties properties = {};  // content type and user properties, for every reader
};

// Which entries or keys to read.
struct Selection {
  std::string prefix = {};       // a key: that key and all below it. Empty: the whole bucket
  std::string filter = {};       // a key in which levels may be + and the last may be #. Empty: all
  Revision from_revision = 0;    // entries of this revision and later; not for keys
  bool ignore_deletes = false;   // no markers; not for keys
  bool meta_only = false;        // entries without their values; not for keys
  bool include_deleted = false;  // also keys whose newest entry is a marker; keys only
};

// Which page of them. The cursor is the one of the page before; it survives restarts of the broker.
struct PageRequest {
  std::string cursor = {};  // empty: the first page
  std::size_t limit = 100;  // 1 to 500
};

struct EntryPage {
  std::vector<Entry> entries;  // in revision order
  std::string cursor;          // empty: this was the last page. Pages may be short, even empty
  // With from_revision: some entry of that revision or later may be no longer kept.
  bool compacted = false;
};

struct KeyPage {
  std::vector<std::string> keys;  // in the order of their bytes
  std::string cursor;             // empty: this was the last page
};

// Fields of a bucket's configuration to set, by their names in mosquitto.conf and with values as
// there; nothing unsets one: {{"ttl", "24h"}, {"max_keys", std::nullopt}, {"metadata.room", "1"}}.
using BucketFields = std::map<std::string, std::optional<std::string>>;

struct TxnOutcome {
  struct Write {
    std::string key;
    Revision revision;  // 0: there was nothing to do
  };
  bool succeeded = false;  // whether all conditions held
  bool duplicate = false;  // the transaction came again: this is its first outcome
  std::vector<Write> writes;
};

// Several writes of one bucket, all or nothing:
//   Txn().If("from", 7).Put("from", "90").Put("to", "10").Else().Put("failed", "1")
class KV_API Txn {
 public:
  enum class Verb : std::uint8_t {
    kPut,
    kCreate,
    kUpdate,
    kDelete,
    kPurge,
  };
  struct Condition {
    std::string key;
    Revision revision;
  };
  struct Operation {
    Verb verb;
    std::string key;
    std::string value;
    // Without properties and message id, which operations of a transaction do not have.
    PutSettings settings;
  };

  // That the key's newest entry has this revision; 0: that it has none.
  Txn& If(std::string_view key, Revision revision);
  Txn& Put(std::string_view key, std::string_view value, const PutSettings& settings = {});
  Txn& Create(std::string_view key, std::string_view value, const PutSettings& settings = {});
  Txn& Update(std::string_view key, std::string_view value, Revision expected);
  Txn& Delete(std::string_view key);
  Txn& Purge(std::string_view key);
  // What follows is done if a condition does not hold.
  Txn& Else();

  const std::vector<Condition>& conditions() const { return conditions_; }
  const std::vector<Operation>& then() const { return then_; }
  const std::vector<Operation>& otherwise() const { return otherwise_; }

 private:
  Txn& Add(Operation operation);

  std::vector<Condition> conditions_;
  std::vector<Operation> then_;
  std::vector<Operation> otherwise_;
  bool in_else_ = false;
};

}  // namespace kv
