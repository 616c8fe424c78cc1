#include "tests/store/model_world.h"

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
    model.emplace(create->bucket, ModelBucket(create->config));
    return same("ok");
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

std::string World::TakeOpening(const std::string& answer) {
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
