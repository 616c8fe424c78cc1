// Random steps for the model test, each the same for the same state of the generator.
#pragma once

#include <random>
#include <string>
#include <variant>

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
struct StepExpire {
  Nanoseconds advance;
};
struct StepForgetIds {};
struct StepFlush {};
using Step = std::variant<ModelWrite, StepCreate, StepConfig, StepExpire, StepForgetIds, StepFlush>;

class StepMaker {
 public:
  explicit StepMaker(std::uint64_t seed) : random_(seed) {}

  // Knows the model, so that conditions are met now and then.
  Step Next(const Model& model);
  std::uint64_t Below(std::uint64_t n) { return random_() % n; }
  bool OneIn(std::uint64_t n) { return Below(n) == 0; }

 private:
  Step NextWrite(const Model& model);
  BucketConfig NextConfig(const BucketConfig& config);
  const std::string& AnyBucket(const Model& model);

  std::mt19937_64 random_;
  int buckets_ = 0;
};

}  // namespace kv::store::testing
