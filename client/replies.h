// Replies, made typed values of. Source: protocol.md, "Replies".
// Errors of all: bad-reply.
#pragma once

#include <string>
#include <vector>

#include "client/request.h"
#include "kv/bucket_info.h"
#include "kv/result.h"
#include "mosquitto_kv/types.h"

namespace kv::client {

Result<Entry> ToEntry(const Reply& reply);
Result<Written> ToWritten(const Reply& reply);
Result<Counted> ToCounted(const Reply& reply);
Result<TxnOutcome> ToTxnOutcome(const Reply& reply);
// Nothing if entries of the page were lost on the way: the broker's queue was full.
Result<std::optional<EntryPage>> ToEntryPage(const Reply& reply);
Result<KeyPage> ToKeyPage(const Reply& reply);
Result<BucketInfo> ToInfo(const Reply& reply);
Result<std::uint64_t> ToCount(const Reply& reply);
std::string CursorOf(const Reply& reply);

}  // namespace kv::client
