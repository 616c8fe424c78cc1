#include "tests/store/model_steps.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

namespace kv::store::testing {
namespace {

constexpr std::array<std::string_view, 8> kBuckets{
    "",
    "history=5",
    "history=3 ttl=50s marker_ttl=20s",
    "storage=memory history=2 ttl=40s",
    "history=2 max_keys=4 max_bytes=400 max_value_size=200",
    "history=64 marker_ttl=30s",
    "storage=memory history=64",
    "retained=false history=2",
};
constexpr std::array<std::string_view, 14> kKeys{"a",
                                                 "a!",
                                                 "a/x",
                                                 "a/x/deep",
                                                 "a/y",
                                                 "b",
                                                 "b/x",
                                                 "b/x/y",
                                                 "c",
                                                 "c d",
                                                 "\xC3\xA4",
                                                 "\xC3\xA4/x",
                                                 "z/0",
                                                 "z/1"};

BucketConfig ConfigOf(std::string_view fields) {
  BucketConfig config;
  EXPECT_TRUE(ReadFields(config, fields).ok());
  return config;
}

}  // namespace

const std::string& StepMaker::AnyBucket(const Model& model) {
  return std::next(model.begin(), static_cast<std::ptrdiff_t>(Below(model.size())))->first;
}

Step StepMaker::Next(const Model& model) {
  if (model.empty() || OneIn(buckets_ < 8 ? 20 : 1000) || (!dropped_.empty() && OneIn(40))) {
    return NextCreate();
  }
  switch (Below(100)) {
    case 0:
    case 1: {
      const std::string& name = AnyBucket(model);
      return StepConfig{name, NextConfig(model.at(name).config())};
    }
    case 2: return StepForgetIds{};
    case 3: return StepFlush{};
    case 4:
    case 5:
    case 6:
    case 7:
    case 8: return StepExpire{static_cast<Nanoseconds>(Below(8000)) * kMillisecond};
    case 9:
    case 10: return StepTakeBack{1 + Below(20)};
    case 11: {
      const auto age = static_cast<Nanoseconds>(Below(20)) * kSecond;
      return StepForgetMarkers{AnyBucket(model), age, 1 + Below(20)};
    }
    case 12:
      if (OneIn(2)) {
        dropped_.push_back(AnyBucket(model));
        return StepDrop{dropped_.back()};
      }
      [[fallthrough]];
    default:
      if (OneIn(8)) {
        return NextTxn(model);
      }
      return NextWrite(model, AnyBucket(model));
  }
}

// A name of its own, or one of a dropped bucket.
StepCreate StepMaker::NextCreate() {
  const BucketConfig config = ConfigOf(kBuckets[Below(kBuckets.size())]);
  if (!dropped_.empty() && OneIn(2)) {
    const std::size_t which = Below(dropped_.size());
    std::swap(dropped_[which], dropped_.back());
    StepCreate create{dropped_.back(), config};
    dropped_.pop_back();
    return create;
  }
  const auto number = static_cast<std::size_t>(buckets_++);
  return {"bucket-" + std::to_string(number),
          number < kBuckets.size() ? ConfigOf(kBuckets[number]) : config};
}

StepTxn StepMaker::NextTxn(const Model& model) {
  StepTxn txn{.bucket = AnyBucket(model)};
  for (std::uint64_t left = Below(5); left > 0; --left) {
    ModelWrite write = NextWrite(model, txn.bucket);
    txn.message_id = write.message_id;
    const bool twice = std::any_of(txn.writes.begin(), txn.writes.end(), [&](const auto& other) {
      return other.key == write.key;
    });
    if (!twice) {
      txn.writes.push_back(std::move(write));
    }
  }
  return txn;
}

ModelWrite StepMaker::NextWrite(const Model& model, const std::string& bucket) {
  ModelWrite write;
  write.bucket = bucket;
  write.key = kKeys[Below(kKeys.size())];
  const auto kind = Below(10);
  write.operation = kind < 7 ? Operation::kPut : kind < 9 ? Operation::kDelete : Operation::kPurge;
  if (write.operation == Operation::kPut) {
    write.value.assign(OneIn(10) ? Below(2000) : Below(60), static_cast<char>('a' + Below(26)));
    write.create = OneIn(8);
    write.ephemeral = OneIn(6);
    if (OneIn(5)) {
      write.ttl = static_cast<Nanoseconds>(1 + Below(60'000)) * kMillisecond;
    }
  }
  if (OneIn(5)) {
    const Revision newest = model.at(write.bucket).newest_of(write.key);
    write.expected = OneIn(3) ? Below(newest + 2) : newest;
  }
  if (OneIn(5)) {
    write.message_id = "id " + std::to_string(Below(60));
  }
  return write;
}

BucketConfig StepMaker::NextConfig(const BucketConfig& config) {
  BucketConfig changed = config;
  switch (Below(6)) {
    case 0: changed.history = static_cast<std::uint32_t>(1 + Below(64)); break;
    case 1: changed.history = static_cast<std::uint32_t>(1 + Below(3)); break;
    case 2:
      changed.ttl = OneIn(2) ? std::nullopt
                             : std::optional(static_cast<Nanoseconds>(1 + Below(100)) * kSecond);
      break;
    case 3:
      changed.marker_ttl = OneIn(2)
                               ? std::nullopt
                               : std::optional(static_cast<Nanoseconds>(1 + Below(60)) * kSecond);
      break;
    case 4:
      changed.max_bytes = OneIn(2) ? std::nullopt : std::optional<std::uint64_t>(1 + Below(5000));
      break;
    default: changed.storage = OneIn(2) ? Storage::kFile : Storage::kMemory; break;
  }
  return changed;
}

}  // namespace kv::store::testing
