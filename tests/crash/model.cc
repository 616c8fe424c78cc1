#include "tests/crash/model.h"

#include <algorithm>
#include <utility>

namespace kv::testing {
namespace {

bool HasValue(const std::vector<ModelEntry>& history) {
  return !history.empty() && history.back().operation == "PUT";
}

void Append(std::vector<ModelEntry>& history, ModelEntry entry, std::size_t kept) {
  history.push_back(std::move(entry));
  if (history.size() > kept) {
    history.erase(history.begin());
  }
}

bool ApplyAll(Histories& histories, const std::vector<Operation>& parts, std::size_t kept) {
  Histories changed = histories;
  for (const Operation& part : parts) {
    if (!Apply(changed, part, kept)) {
      return false;
    }
  }
  histories = std::move(changed);
  return true;
}

// As the protocol counts them: keys, values and properties.
std::size_t BytesOf(const Message& entry) {
  std::size_t bytes = entry.Property("kv-key").value_or("").size() + entry.payload.size();
  bytes += entry.properties.FindText(PropertyId::kContentType).value_or("").size();
  for (const auto& [name, value] : entry.properties.Users()) {
    bytes += name.starts_with("kv-") ? 0 : name.size() + value.size();
  }
  return bytes;
}

}  // namespace

bool Touches(const Operation& operation, const std::string& key) {
  return operation.kind == WriteKind::kDropBucket || operation.key == key ||
         std::any_of(operation.parts.begin(), operation.parts.end(), [&](const Operation& part) {
           return part.key == key;
         });
}

bool Apply(Histories& histories, const Operation& operation, std::size_t kept) {
  if (operation.kind == WriteKind::kTransaction) {
    return ApplyAll(histories, operation.parts, kept);
  }
  if (operation.kind == WriteKind::kDropBucket) {
    const bool was_there = !histories.empty();
    histories.clear();
    return was_there;
  }
  const auto found = histories.find(operation.key);
  const bool is_known = found != histories.end();
  const bool refused =
      operation.kind == WriteKind::kWrongUpdate ||
      (operation.kind == WriteKind::kCreate && is_known && HasValue(found->second));
  if (refused) {
    return false;
  }
  switch (operation.kind) {
    case WriteKind::kDelete:
      if (is_known) {
        Append(found->second, {"DEL", ""}, kept);
      }
      return true;
    case WriteKind::kPurge:
      if (is_known) {
        found->second = {{"PURGE", ""}};
      }
      return true;
    default: Append(histories[operation.key], {"PUT", operation.value}, kept); return true;
  }
}

BucketDump Dump(KvClient& client, const std::string& bucket) {
  BucketDump dump;
  const Answer info = ToAnswer(client.Request("$KV/" + bucket + "/info"));
  if (info.status == "bucket-not-found") {
    return dump;
  }
  EXPECT_TRUE(info.ok()) << info;
  dump.info = nlohmann::json::parse(info.value);
  dump.entries = client.History(bucket);
  for (const Message& entry : dump.entries) {
    const std::string key = entry.Property("kv-key").value_or("?");
    dump.histories[key].push_back({entry.Property("kv-op").value_or("?"), entry.payload});
    dump.newest[key] = RevisionOf(entry);
  }
  return dump;
}

void ExpectConsistent(KvClient& client, const std::string& bucket, const BucketDump& dump) {
  Revision last = 0;
  std::size_t bytes = 0;
  for (const Message& entry : dump.entries) {
    EXPECT_GT(RevisionOf(entry), last) << bucket;
    last = RevisionOf(entry);
    bytes += BytesOf(entry);
  }
  std::vector<std::string> with_value;
  std::vector<std::string> all;
  for (const auto& [key, history] : dump.histories) {
    all.push_back(key);
    if (HasValue(history)) {
      with_value.push_back(key);
    }
  }
  EXPECT_EQ(client.Keys(bucket), with_value);
  EXPECT_EQ(client.Keys(bucket, Properties().User("kv-include-deleted", "true")), all);
  EXPECT_EQ(dump.info.at("keys"), with_value.size());
  EXPECT_EQ(dump.info.at("entries"), dump.entries.size());
  EXPECT_EQ(dump.info.at("bytes"), bytes);
  EXPECT_GE(dump.info.at("last_revision"), last);
}

}  // namespace kv::testing
