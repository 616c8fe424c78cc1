// Transactions: several writes of one bucket, all or nothing. Source: protocol.md, `txn`.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kv/clock.h"
#include "kv/entry.h"
#include "kv/result.h"
#include "wire/write_options.h"

namespace kv::wire {

inline constexpr std::size_t kMaxTxnBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMaxTxnOperations = 500;  // in each of its lists

struct TxnCondition {
  std::string key;
  Revision revision;  // of the key's newest entry; 0: it has none
};

struct TxnOperation {
  std::string key;
  WriteVerb verb;
  std::string value;
  std::optional<Nanoseconds> ttl;
  std::optional<Revision> expected;
  bool ephemeral = false;
};

struct Txn {
  std::vector<TxnCondition> conditions;  // all of them: then; else: otherwise
  std::vector<TxnOperation> then;
  std::vector<TxnOperation> otherwise;
};

// Errors: bad-request, invalid-key, naming the list and what is accepted there.
Result<Txn> ParseTxn(std::string_view payload);

struct TxnResult {
  std::string_view key;
  Revision revision;  // 0: there was nothing to do
};
std::string TxnJson(bool succeeded, const std::vector<TxnResult>& results);

// What ParseTxn makes this transaction of.
std::string TxnRequestJson(const Txn& txn);

struct TxnReply {
  bool succeeded = false;
  std::vector<std::pair<std::string, Revision>> results;
};
// TxnJson read back. Errors: bad-reply.
Result<TxnReply> ReadTxnReply(std::string_view payload);

}  // namespace kv::wire
