// Compares everything that a store tells of its buckets with the model, by random requests.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/store/model_world.h"
#include "tests/store/store_fixture.h"

namespace kv::store::testing {

class Comparison {
 public:
  Comparison(const Store& store, const World& world, StepMaker random)
      : store_(store), world_(world), random_(std::move(random)) {}

  // What differs; empty if nothing does.
  std::string Run() {
    if (store_.buckets().size() != world_.model.size()) {
      return "there are " + std::to_string(store_.buckets().size()) + " buckets instead of " +
             std::to_string(world_.model.size());
    }
    for (const auto& [name, model] : world_.model) {
      const Bucket* bucket = store_.Find(*BucketName::Parse(name));
      if (bucket == nullptr) {
        return name + " is missing";
      }
      Compare(*bucket, model);
      if (!difference_.empty()) {
        return name + ": " + difference_;
      }
    }
    return "";
  }

 private:
  static constexpr std::array<std::string_view, 4> kPrefixes{"", "a", "b/x", "none"};

  template <typename T>
  void Same(const char* what, const T& actual, const T& expected) {
    if (difference_.empty() && actual != expected) {
      difference_ = std::string(what) + ": " + ::testing::PrintToString(actual) + " instead of " +
                    ::testing::PrintToString(expected);
    }
  }

  void Compare(const Bucket& bucket, const ModelBucket& model) {
    Same("configuration", bucket.config() == model.config(), true);
    CompareStats(bucket.stats(), model.stats());
    CompareEntries(bucket, model);
    CompareKeys(bucket, model);
    CompareEphemeral(bucket, model);
    const Revision from = random_.Below(model.stats().last_revision + 2);
    for (const std::string_view prefix : kPrefixes) {
      Same("compacted",
           bucket.IsCompacted(prefix, from),
           model.IsCompacted(prefix, from) || model.MayBeCompacted(from));
    }
  }

  void CompareStats(const BucketStats& actual, const BucketStats& expected) {
    Same("keys", actual.keys, expected.keys);
    Same("entries", actual.entries, expected.entries);
    Same("bytes", actual.bytes, expected.bytes);
    Same("last revision", actual.last_revision, expected.last_revision);
  }

  void CompareEntries(const Bucket& bucket, const ModelBucket& model) {
    const std::string_view prefix = kPrefixes[random_.Below(kPrefixes.size())];
    const KeyFilter filter = *KeyFilter::Parse(random_.OneIn(2) ? "+/x/#" : "#");
    PageRequest request{.prefix = prefix,
                        .filter = &filter,
                        .from = random_.OneIn(2) ? 0 : random_.Below(1000),
                        .newest_only = random_.OneIn(2),
                        .ignore_markers = random_.OneIn(3),
                        .limit = 1 + random_.Below(20),
                        .max_bytes = random_.OneIn(2) ? 100 : std::size_t{1} << 20};
    Lines expected;
    for (const auto& [revision, entry] : model.by_revision()) {
      const bool newest = model.newest_of(entry.key) == revision;
      if (revision >= request.from && IsUnderPrefix(entry.key, prefix) &&
          filter.Matches(entry.key) && (newest || !request.newest_only) &&
          !(entry.is_marker() && request.ignore_markers)) {
        expected.push_back(TextOf(entry));
      }
    }
    Same("a page", Read(bucket, request), expected);
    for (const auto& [key, entries] : model.keys()) {
      const auto entry = bucket.Get(*Key::Parse(key));
      Same("newest", entry.ok() && *entry == entries.back(), true);
    }
  }

  void CompareKeys(const Bucket& bucket, const ModelBucket& model) {
    const bool deleted = random_.OneIn(2);
    const std::string_view prefix = random_.OneIn(2) ? "" : "a";
    Lines expected;
    for (const auto& [key, entries] : model.keys()) {
      if (IsUnderPrefix(key, prefix) && (deleted || !entries.back().is_marker())) {
        expected.push_back(key);
      }
    }
    Lines actual;
    std::string after;
    KeysPage page;
    do {
      page = bucket.ReadKeys({.prefix = prefix,
                              .include_deleted = deleted,
                              .after = after,
                              .limit = 1 + random_.Below(5)});
      actual.insert(actual.end(), page.keys.begin(), page.keys.end());
      after = page.position;
    } while (page.more);
    Same("keys", actual, expected);
  }

  void CompareEphemeral(const Bucket& bucket, const ModelBucket& model) {
    std::vector<std::pair<std::string, Revision>> expected;
    for (const auto& [key, entries] : model.keys()) {
      if (entries.back().ephemeral) {
        expected.emplace_back(key, entries.back().revision);
      }
    }
    std::vector<std::pair<std::string, Revision>> actual;
    for (const auto& key : bucket.EphemeralKeys()) {
      actual.emplace_back(key.key, key.revision);
    }
    std::sort(actual.begin(), actual.end());
    Same("ephemeral keys", actual, expected);
  }

  const Store& store_;
  const World& world_;
  StepMaker random_;
  std::string difference_;
};

}  // namespace kv::store::testing
