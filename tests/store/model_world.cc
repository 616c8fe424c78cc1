#include "tests/store/model_world.h"

#include <algorithm>
#include <map>
#include <sstream>
#include <vector>

namespace kv::store::testing {
namespace {

std::vector<std::string> Words(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; std::getline(stream, word, '\t');) {
    words.push_back(word);
  }
  return words;
}

}  // namespace

std::string World::Take(const Step& step, const std::string& answer) {
  const auto same = [&answer](const std::string& expected) {
    return answer == expected ? "" : "answered '" + answer + "' instead of '" + expected + "'";
  };
  if (const auto* write = std::get_if<ModelWrite>(&step)) {
    const std::string wrong = same(Expected(*write));
    return wrong.empty() ? "" : write->bucket + " " + write->key + ": " + wrong;
  }
  if (const auto* create = std::get_if<StepCreate>(&step)) {
    Create(*create);
    return same("ok");
  }
  if (const auto* txn = std::get_if<StepTxn>(&step)) {
    return same(model.at(txn->bucket).ApplyAll(txn->writes, txn->message_id, now));
  }
  if (const auto* drop = std::get_if<StepDrop>(&step)) {
    Drop(drop->bucket);
    return same("ok");
  }
  if (const auto* take = std::get_if<StepTakeBack>(&step)) {
    return same(TakeBack(take->limit));
  }
  if (const auto* forget = std::get_if<StepForgetMarkers>(&step)) {
    return same(std::to_string(model.at(forget->bucket).ForgetMarkers(now - forget->age)));
  }
  if (const auto* config = std::get_if<StepConfig>(&step)) {
    return same(model.at(config->bucket).SetConfig(config->config));
  }
  if (const auto* expire = std::get_if<StepExpire>(&step)) {
    now += expire->advance;
    std::map<std::string, std::vector<std::string>> expired;
    for (const auto& word : Words(answer)) {
      const auto colon = word.find(':');
      expired[word.substr(0, colon)].push_back(word.substr(colon + 1));
    }
    for (auto& [name, bucket] : model) {
      if (auto wrong = bucket.Expire(expired[name], now); !wrong.empty()) {
        return name + ": " + wrong;
      }
    }
    return "";
  }
  if (std::holds_alternative<StepForgetIds>(step)) {
    for (auto& [name, bucket] : model) {
      bucket.ForgetIds(now - kWindow);
    }
  }
  return same("ok");
}

void World::Create(const StepCreate& create) {
  const auto grave = graves.find(create.bucket);
  model.emplace(create.bucket,
                ModelBucket(create.config, grave == graves.end() ? 0 : grave->second));
  graves.erase(create.bucket);
  numbers[create.bucket] = ++created;
}

void World::Drop(const std::string& name) {
  const ModelBucket& dropped = model.at(name);
  const BucketStats stats = dropped.stats();
  leaving.push_back({numbers.at(name), name, dropped, dropped, stats.last_revision + 1});
  graves[name] = stats.last_revision + stats.keys;
  model.erase(name);
}

bool World::LivesOn(const ModelLeaving& left, const std::string& key) const {
  const auto has = [&](const ModelBucket& bucket) {
    return bucket.Has(key) && (bucket.config().retained || !left.dropped.config().retained);
  };
  bool later = false;
  for (const ModelLeaving& other : leaving) {
    if (later && other.name == left.name && has(other.left)) {
      return true;
    }
    later = later || &other == &left;
  }
  const auto successor = model.find(left.name);
  return successor != model.end() && has(successor->second);
}

// What the purges tell, "name/key@revision" each.
std::string World::TakeBack(std::size_t limit) {
  std::string line;
  for (std::size_t i = 0; i < limit && !leaving.empty(); ++i) {
    ModelLeaving& first = leaving.front();
    std::string key;
    if (!first.left.TakeApart(key)) {
      leaving.pop_front();
      break;  // one in each step
    }
    if (key.empty()) {
      continue;
    }
    const Revision revision = first.next++;
    if (!LivesOn(first, key)) {
      line += (line.empty() ? "" : "\t") + first.name + "/" + key + "@" + std::to_string(revision);
    }
  }
  return line;
}

std::string World::TakeOpening(const std::string& answer) {
  // The one that was made first comes first, and begins anew; in memory nothing is left.
  std::sort(leaving.begin(), leaving.end(), [](const ModelLeaving& a, const ModelLeaving& b) {
    return a.number < b.number;
  });
  for (ModelLeaving& left : leaving) {
    const BucketStats stats = left.dropped.stats();
    const bool memory = left.dropped.config().storage == Storage::kMemory;
    left.left = memory ? ModelBucket({}, 0) : left.dropped;
    left.next = stats.last_revision + 1;
  }
  const auto words = Words(answer);
  if (words.size() != model.size()) {
    return "there are " + std::to_string(words.size()) + " buckets instead of " +
           std::to_string(model.size());
  }
  for (const auto& word : words) {
    const auto equals = word.find('=');
    const std::string name = word.substr(0, equals);
    if (!model.contains(name)) {
      return "there is a bucket " + name;
    }
    ModelBucket& bucket = model.at(name);
    bucket.ForgetIds(now - kWindow);
    if (auto wrong = bucket.Reopen(last_end == End::kInOrder, std::stoull(word.substr(equals + 1)));
        !wrong.empty()) {
      return name + " " + wrong;
    }
  }
  return "";
}

}  // namespace kv::store::testing
