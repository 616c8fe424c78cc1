// The model and all that decides the next step: what the process that has the store open and the
// one that watches it go through alike.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "tests/store/model.h"
#include "tests/store/model_steps.h"

namespace kv::store::testing {

constexpr Nanoseconds kWindow = 30 * kSecond;  // for message ids

enum class End {
  kInOrder,
  kKilled,
};

struct World {
  explicit World(std::uint64_t seed) : steps(seed) {}

  Model model;
  std::map<std::string, Revision> graves;  // of names that are free again: their last revisions
  std::deque<ModelLeaving> leaving;
  std::map<std::string, int> numbers;  // of the buckets' creations
  int created = 0;
  StepMaker steps;
  TimePoint now = 1'700'000'000 * kSecond;
  End last_end = End::kInOrder;

  // Takes a step whose answer was `answer`. What is wrong with that; empty if nothing is.
  std::string Take(const Step& step, const std::string& answer);
  // The store was opened and said where its buckets go on ("name=revision" each).
  std::string TakeOpening(const std::string& answer);

 private:
  std::string Expected(const ModelWrite& write) { return model.at(write.bucket).Apply(write, now); }
  void Create(const StepCreate& create);
  void Drop(const std::string& name);
  std::string TakeBack(std::size_t limit);
  bool LivesOn(const ModelLeaving& left, const std::string& key) const;
};

}  // namespace kv::store::testing
