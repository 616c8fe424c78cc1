// Sweeper: ends what ends by itself, bit by bit, and tells subscribers: entries that are due, and
// the values of dropped buckets. The broker's thread only.
#pragma once

#include "kv/clock.h"
#include "plugin/publisher.h"
#include "store/store.h"

namespace kv::plugin {

class Sweeper {
 public:
  Sweeper(store::Store& store, Publisher& publisher) : store_(store), publisher_(publisher) {}

  // Both work for about `budget`. What a failed store keeps from being done is done when it is well
  // again: then there is nothing to do now.
  store::Progress Expire(TimePoint now, Nanoseconds budget);
  store::Progress TakeBack(TimePoint now, Nanoseconds budget);

 private:
  store::Store& store_;
  Publisher& publisher_;
};

}  // namespace kv::plugin
