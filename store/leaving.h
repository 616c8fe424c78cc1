// What remains of dropped buckets.
#pragma once

#include <memory>

#include "store/bucket.h"

namespace kv::store {

// A bucket whose retained messages are being taken back. Its entries stay on disk until that is
// done: a broker that is killed meanwhile does it again, with the same revisions.
struct Leaving {
  std::unique_ptr<Bucket> bucket;
  Revision next;      // of the purge of its next value
  Sequence sequence;  // on disk with this: not before may a client see one of those revisions
};

// A name that was dropped, and from where its revisions go on should it be created anew.
struct Grave {
  BucketId id;
  Revision last;
};

}  // namespace kv::store
