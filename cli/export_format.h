// The format of `export`: JSON lines. The first describes the bucket, each further one is an entry
// (see wire/entry_json.h), in revision order: what is imported in this order ends as it was.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "kv/bucket_config.h"
#include "kv/entry.h"
#include "kv/result.h"

namespace kv::cli {

struct ExportHeader {
  std::string bucket;
  bool has_history = false;    // every kept entry, not only the newest of each key
  Revision last_revision = 0;  // of the bucket, as the export began
  std::string filter;          // empty: all keys
  BucketConfig config;
};

std::string HeaderLine(const ExportHeader& header);

// Whether this may be what is there of a header that was cut off.
bool BeginsHeaderLine(std::string_view text);

// Nothing if the line is no header but, say, an entry. Errors: bad-request: a header of a later
// version, or with a configuration that is none.
Result<std::optional<ExportHeader>> ReadHeaderLine(std::string_view line);

}  // namespace kv::cli
