// Random steps for the model test, each the same for the same state of the generator.
#pragma once

#include <random>
#include <string>
#include <variant>
#include <vector>

#include "tests/store/model.h"

namespace kv::store::testing {

struct StepCreate {
  std::string bucket;
  BucketConfig config;
};
struct StepConfig {
  std::string bucket;
  BucketConfig config;
};
struct StepTxn {
  std::string bucket;
  std::vector<ModelWrite> writes;  // of different keys
  std::string message_id;
};
struct StepDrop {
  std::string bucket;
};
struct StepTakeBack {
  std::size_t limit;
};
struct StepForgetMarkers {
  std::string bucket;
  Nanoseconds age;
  std::size_t limit;  // of a slice
};
struct StepExpire {
  Nanoseconds advance;
};
struct StepForgetIds {};
struct StepFlush {};
using Step = std::variant<ModelWrite,
                          StepCreate,
                          StepConfig,
                          StepTxn,
                          StepDrop,
                          StepTakeBack,
                          StepForgetMarkers,
                          StepExpire,
                          StepForgetIds,
                          StepFlush>;

class StepMaker {
 public:
  explicit StepMaker(std::uint64_t seed) : random_(seed) {}

  // Knows the model, so that conditions are met now and then.
  Step Next(const Model& model);
  std::uint64_t Below(std::uint64_t n) { return random_() % n; }
  bool OneIn(std::uint64_t n) { return Below(n) == 0; }

 private:
  StepCreate NextCreate();
  StepTxn NextTxn(const Model& model);
  ModelWrite NextWrite(const Model& model, const std::string& bucket);
  BucketConfig NextConfig(const BucketConfig& config);
  const std::string& AnyBucket(const Model& model);

  std::mt19937_64 random_;
  int buckets_ = 0;
  std::vector<std::string> dropped_;  // names that are free again
};

}  // namespace kv::store::testing
