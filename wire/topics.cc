#include "wire/topics.h"

#include <algorithm>
#include <array>

#include "kv/units.h"
#include "wire/names.h"

namespace kv::wire {
namespace {

enum class Rest : std::uint8_t {
  kNone,
  kKey,
  kPrefix,  // a key, or nothing
  kRevisionAndKey,
};

struct VerbRow {
  std::string_view name;
  Verb verb;
  Rest rest;
};

constexpr std::array<VerbRow, 16> kVerbs{{
    {"get", Verb::kGet, Rest::kKey},
    {"put", Verb::kPut, Rest::kKey},
    {"create", Verb::kCreate, Rest::kKey},
    {"update", Verb::kUpdate, Rest::kRevisionAndKey},
    {"delete", Verb::kDelete, Rest::kKey},
    {"purge", Verb::kPurge, Rest::kPrefix},
    {"increment", Verb::kIncrement, Rest::kKey},
    {"txn", Verb::kTxn, Rest::kNone},
    {"keys", Verb::kKeys, Rest::kPrefix},
    {"entries", Verb::kEntries, Rest::kPrefix},
    {"history", Verb::kHistory, Rest::kPrefix},
    {"info", Verb::kInfo, Rest::kNone},
    {"admin/create", Verb::kAdminCreate, Rest::kNone},
    {"admin/update", Verb::kAdminUpdate, Rest::kNone},
    {"admin/delete", Verb::kAdminDelete, Rest::kNone},
    {"admin/purge-deletes", Verb::kAdminPurgeDeletes, Rest::kNone},
}};

bool StartsWith(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

Error NoSuchVerb(std::string_view what) {
  std::string names;
  for (const auto& row : kVerbs) {
    names += (names.empty() ? "" : ", ") + std::string(row.name);
  }
  constexpr std::size_t quotable = 40;  // never cut: half a character is no UTF-8
  const std::string quoted = what.size() <= quotable ? " '" + std::string(what) + "'" : "";
  const std::string what_is_wrong =
      what.empty() ? "no verb behind the bucket" : "no such verb" + quoted;
  return Error(ErrorCode::kBadRequest, what_is_wrong + ": accepted are " + names);
}

// What follows the verb must be of the verb's form.
Status CheckRest(const VerbRow& row, bool has_rest, std::string_view rest) {
  const bool required = row.rest == Rest::kKey || row.rest == Rest::kRevisionAndKey;
  if (row.rest == Rest::kNone && has_rest) {
    return Error(ErrorCode::kBadRequest, std::string(row.name) + " takes nothing after it");
  }
  if (!has_rest) {
    return required ? Status(Error(ErrorCode::kInvalidKey)) : Status(Ok{});
  }
  auto key = Key::Parse(rest);
  return key ? Status(Ok{}) : Status(std::move(key).error());
}

// Takes `<revision>/` off the front.
Result<Revision> TakeRevision(std::string_view& rest) {
  if (rest.empty()) {
    return Error(ErrorCode::kInvalidKey);
  }
  const std::size_t slash = rest.find('/');
  const auto revision = ParseUnsigned(rest.substr(0, slash));
  if (!revision) {
    return Error(ErrorCode::kBadRequest, "update/<revision>/<key>: the revision is not digits");
  }
  rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  return *revision;
}

const VerbRow* FindVerb(std::string_view path) {
  const auto* row = std::find_if(kVerbs.begin(), kVerbs.end(), [path](const VerbRow& verb) {
    return StartsWith(path, verb.name) &&
           (path.size() == verb.name.size() || path[verb.name.size()] == '/');
  });
  return row == kVerbs.end() ? nullptr : row;
}

// `path`: the verb and what follows it.
Result<RequestTopic> ParseVerb(BucketName bucket, std::string_view path) {
  const VerbRow* row = FindVerb(path);
  if (row == nullptr) {
    return NoSuchVerb(path);
  }
  const bool longer = path.size() > row->name.size();
  std::string_view rest = longer ? path.substr(row->name.size() + 1) : std::string_view();
  std::optional<Revision> revision;
  if (row->rest == Rest::kRevisionAndKey && longer) {
    auto taken = TakeRevision(rest);
    if (!taken) {
      return std::move(taken).error();
    }
    revision = *taken;
  }
  if (auto checked = CheckRest(*row, longer, rest); !checked) {
    return std::move(checked).error();
  }
  return RequestTopic{row->verb, bucket.text(), rest, revision};
}

}  // namespace

Result<DataTopic> Topics::ParseData(std::string_view topic) const {
  const std::string_view path = topic.substr(data_prefix_.size());
  const std::size_t slash = path.find('/');
  auto bucket = BucketName::Parse(path.substr(0, slash));
  if (!bucket) {
    return std::move(bucket).error();
  }
  auto key =
      Key::Parse(slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1));
  if (!key) {
    return std::move(key).error();
  }
  return DataTopic{*bucket, *key};
}

std::string Topics::DataTopicOf(std::string_view bucket, std::string_view key) const {
  std::string topic;
  topic.reserve(data_prefix_.size() + bucket.size() + 1 + key.size());
  topic.append(data_prefix_).append(bucket).append("/").append(key);
  return topic;
}

Result<RequestTopic> ParseRequest(std::string_view topic) {
  const std::string_view path = topic.substr(kRequestPrefix.size());
  if (path == "buckets") {
    return RequestTopic{Verb::kBuckets, {}, {}, {}};
  }
  if (path == "checkpoint") {
    return RequestTopic{Verb::kCheckpoint, {}, {}, {}};
  }
  const std::size_t slash = path.find('/');
  auto bucket = BucketName::Parse(path.substr(0, slash));
  if (!bucket) {
    return std::move(bucket).error();
  }
  return ParseVerb(*bucket,
                   slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1));
}

bool Topics::IsOwnFilter(std::string_view filter) const {
  const std::string both = std::string(filter) + "/";
  return StartsWith(both, data_prefix_) || StartsWith(both, kRequestPrefix);
}

bool MatchesFilter(std::string_view filter, std::string_view topic) {
  if (!topic.empty() && topic.front() == '$' && filter.front() != '$') {
    return false;
  }
  for (;;) {
    if (filter == "#") {
      return true;
    }
    const std::size_t filter_end = filter.find('/');
    const std::size_t topic_end = topic.find('/');
    if (filter.substr(0, filter_end) != "+" &&
        filter.substr(0, filter_end) != topic.substr(0, topic_end)) {
      return false;
    }
    const bool filter_ends = filter_end == std::string_view::npos;
    if (topic_end == std::string_view::npos) {
      // `a/#` covers `a`, too.
      return filter_ends || filter.substr(filter_end + 1) == "#";
    }
    if (filter_ends) {
      return false;
    }
    filter.remove_prefix(filter_end + 1);
    topic.remove_prefix(topic_end + 1);
  }
}

std::string ReplyTopicOf(std::string_view request_topic) {
  return std::string(kReplyPrefix) + std::string(request_topic.substr(kRequestPrefix.size()));
}

}  // namespace kv::wire
