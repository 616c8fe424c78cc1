#include "plugin/publisher.h"

#include "wire/names.h"

namespace kv::plugin {

void Publisher::Announce(const Message& message) {
  unflushed_ = true;
  if (!port_.Publish(message)) {
    port_.Log(LogLevel::kError,
              "out of memory: a message to " + std::string(message.topic) +
                  " is lost; it is stored, and retained again at the next start");
  }
}

const std::vector<UserProperty>& Publisher::Mark(const Change& change) {
  mirrors_.Sent(change.bucket, change.revision, change.time);
  return marks_.Of({.operation = change.operation,
                    .revision = change.revision,
                    .time = change.time,
                    .reason = change.reason,
                    .author = change.author,
                    .origin = change.origin});
}

void Publisher::Publish(const Change& change) {
  const auto& user = Mark(change);
  Announce({.topic = topics_.DataTopicOf(change.bucket, change.key),
            .payload = change.value,
            .qos = change.qos,
            .retain = change.retained,
            .own = change.own,
            .user = &user});
}

void Publisher::Clear(std::string_view topic) {
  static const std::vector<UserProperty> kGone{
      {std::string(wire::kOp), std::string(NameOf(Operation::kPurge))}};
  // QoS 1: a session that is offline may know what is cleared, and is told.
  Announce({.topic = topic, .qos = 1, .retain = true, .user = &kGone});
}

void Publisher::Clear(std::string_view bucket, std::string_view key) {
  Clear(topics_.DataTopicOf(bucket, key));
}

}  // namespace kv::plugin
