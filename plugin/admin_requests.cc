#include "plugin/admin_requests.h"

#include "plugin/capture.h"
#include "plugin/read_requests.h"
#include "wire/bucket_json.h"
#include "wire/names.h"
#include "wire/read_options.h"
#include "wire/write_options.h"

namespace kv::plugin {
namespace {

constexpr std::size_t kTrimAtOnce = 500;  // keys
constexpr Nanoseconds kDefaultOlderThan = 30 * (60 * kSecond);

Answered Later(const Status& status) {
  return status ? Answered(Answer{}) : Answered(status.error());
}

}  // namespace

Answered AdminRequests::Handle(const Call& call) {
  switch (call.topic.verb) {
    case wire::Verb::kAdminCreate: return Create(call);
    case wire::Verb::kAdminUpdate: return Update(call);
    case wire::Verb::kAdminDelete: return Delete(call);
    case wire::Verb::kAdminPurgeDeletes: return PurgeDeletes(call);
    case wire::Verb::kCheckpoint: return Later(backups_.Begin(call.now, call.address));
    default: return Purge(call);
  }
}

Status AdminRequests::ReadConfig(const Call& call, BucketConfig& config) const {
  auto read = wire::ReadConfigJson(config, call.incoming.payload);
  return read ? CheckCapture(config, topics_) : read;
}

Answered AdminRequests::Create(const Call& call) {
  BucketConfig config = store_.options().bucket_defaults;
  if (auto read = ReadConfig(call, config); !read) {
    return std::move(read).error();
  }
  auto bucket = store_.CreateBucket(*BucketName::Parse(call.topic.bucket), config, call.now);
  if (!bucket) {
    return std::move(bucket).error();
  }
  return Answer{{wire::DocumentReply("info", InfoOf(**bucket))}};
}

Answered AdminRequests::Update(const Call& call) {
  auto bucket = FindBucket(store_, call.topic);
  if (!bucket) {
    return std::move(bucket).error();
  }
  BucketConfig config = (*bucket)->config();
  if (auto read = ReadConfig(call, config); !read) {
    return std::move(read).error();
  }
  // Before anything is changed: an answer that it was refused must be true.
  if (auto room = jobs_.CheckRoom(); !room) {
    return std::move(room).error();
  }
  if (auto begun = store_.BeginUpdate(**bucket, config); !begun) {
    return std::move(begun).error();
  }
  // A bucket of usual size at once: it need not wait behind the work of others.
  const auto trimmed = (*bucket)->Trim(call.now, kTrimAtOnce);
  if (trimmed && *trimmed == store::Progress::kDone) {
    return Answer{{wire::DocumentReply("info", InfoOf(**bucket))}, store_.last_sequence()};
  }
  return Later(jobs_.Add(std::make_unique<TrimJob>(store_, **bucket), call.address));
}

Answered AdminRequests::Delete(const Call& call) {
  if (auto bucket = FindBucket(store_, call.topic); !bucket) {
    return std::move(bucket).error();
  }
  auto dropped = store_.DropBucket(*BucketName::Parse(call.topic.bucket));
  if (!dropped) {
    return std::move(dropped).error();
  }
  return Answer{{wire::OkReply()}, *dropped};
}

Answered AdminRequests::PurgeDeletes(const Call& call) {
  auto bucket = FindBucket(store_, call.topic);
  if (!bucket) {
    return std::move(bucket).error();
  }
  auto options = wire::ParseReadOptions(call.incoming.options, call.incoming.payload);
  if (!options) {
    return std::move(options).error();
  }
  const TimePoint before = call.now - options->older_than.value_or(kDefaultOlderThan);
  return Later(
      jobs_.Add(std::make_unique<ForgetMarkersJob>(store_, **bucket, before), call.address));
}

Answered AdminRequests::Purge(const Call& call) {
  auto bucket = FindBucket(store_, call.topic);
  if (!bucket) {
    return std::move(bucket).error();
  }
  auto options = wire::ParseWriteOptions(call.incoming.options, true, wire::WriteVerb::kPurge);
  if (!options) {
    return std::move(options).error();
  }
  if (options->expected) {
    return Error(ErrorCode::kBadRequest,
                 "kv-expected-revision: it is of one key, accepted with purge/<key>");
  }
  if (const auto first = (*bucket)->FindDuplicate(options->message_id)) {
    return Answer{{PurgeJob::DuplicateReply(*first)}, first->sequence};
  }
  const bool audit = (*bucket)->config().audit;
  const auto author =
      audit ? std::optional(Author{std::string(call.client.id), std::string(call.client.username)})
            : std::nullopt;
  return Later(jobs_.Add(
      std::make_unique<PurgeJob>(store_, publisher_, **bucket, author, options->message_id),
      call.address));
}

}  // namespace kv::plugin
