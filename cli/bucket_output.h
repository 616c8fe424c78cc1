// Buckets as the tool prints them.
#pragma once

#include <vector>

#include "cli/tool.h"
#include "kv/bucket_info.h"

namespace kv::cli {

// On a terminal with what is in them.
Result<ExitCode> PrintBucketNames(const Tool& tool, const std::vector<BucketInfo>& buckets);
Result<ExitCode> PrintBuckets(const Tool& tool, const std::vector<BucketInfo>& buckets);
// Every field of one.
Result<ExitCode> PrintBucket(const Tool& tool, const BucketInfo& bucket);

// Of `info`, as the broker has it.
Json JsonOf(const BucketInfo& bucket);

}  // namespace kv::cli
