#include "tests/e2e/crash_writer.h"

#include <algorithm>
#include <array>
#include <utility>

namespace kv::testing {
namespace {

constexpr std::uint8_t kNotAuthorized = 0x87;
constexpr std::uint8_t kFirstFailure = 0x80;
constexpr std::uint32_t kKeys = 12;
constexpr std::uint32_t kLongestBurst = 8;

Properties PropertiesOf(const Operation& operation) {
  Properties properties;
  switch (operation.kind) {
    case WriteKind::kPut: properties.User("kv-op", "put"); break;
    case WriteKind::kCreate: properties.User("kv-op", "create"); break;
    case WriteKind::kUpdate:
    case WriteKind::kWrongUpdate:
      properties.User("kv-op", "update")
          .User("kv-expected-revision", std::to_string(operation.expected));
      break;
    case WriteKind::kDelete: properties.User("kv-op", "delete"); break;
    case WriteKind::kPurge: properties.User("kv-op", "purge"); break;
  }
  if (!operation.message_id.empty()) {
    properties.User("kv-msg-id", operation.message_id);
  }
  return properties.ContentType("test").User("writer", "a writer's own");
}

}  // namespace

Operation CrashWriter::Next() {
  Operation operation;
  operation.key = Prefix() + std::to_string(random_() % kKeys);
  operation.value = std::to_string(number_) + "-" + std::to_string(++values_) + "-" +
                    std::string(random_() % 50 == 0 ? 200'000 : random_() % 1000, 'x');
  operation.qos = static_cast<std::uint8_t>(random_() % 3);
  operation.with_reply = random_() % 3 == 0;
  const auto known = known_.find(operation.key);
  const std::uint32_t kind = static_cast<std::uint32_t>(random_() % 12);
  if (kind < 3 && known != known_.end()) {
    operation.kind = kind < 2 ? WriteKind::kUpdate : WriteKind::kWrongUpdate;
    operation.expected = known->second + (kind < 2 ? 0 : 1);
  } else if (kind == 3) {
    operation.kind = WriteKind::kCreate;
  } else if (kind == 4) {
    operation.kind = WriteKind::kPurge;
  } else if (kind == 5) {
    operation.kind = WriteKind::kDelete;
  } else if (kind == 6) {
    operation.message_id = operation.value.substr(0, operation.value.rfind('-'));
  } else if (kind == 7) {
    operation.value.clear();
  }
  return operation;
}

bool CrashWriter::SendOne(KvClient& client) {
  Sent sent{.operation = Next()};
  const Operation& operation = sent.operation;
  sent.accepted = Apply(now_, operation, kept_);
  known_.erase(operation.key);
  Properties properties = PropertiesOf(operation);
  if (operation.with_reply) {
    sent.correlation = std::to_string(number_) + "/" + std::to_string(values_);
    properties.ResponseTopic("replies").CorrelationData(sent.correlation);
  }
  const bool is_marker =
      operation.kind == WriteKind::kDelete || operation.kind == WriteKind::kPurge;
  const auto id = client.PublishAsync("kv/" + Path(operation.key),
                                      is_marker ? std::string() : operation.value,
                                      {.qos = operation.qos, .properties = properties});
  sent.packet_id = id.value_or(0);
  sent_.push_back(std::move(sent));  // also if sending failed: some of it may have arrived
  return id.has_value();
}

// False when the broker is gone. What it had said before that counts.
bool CrashWriter::ReceiveOne(KvClient& client, std::size_t index) {
  const Sent& sent = sent_[index];
  if (sent.operation.qos > 0) {
    const auto reason = sent.operation.qos == 2 ? client.WaitPubrec(sent.packet_id)
                                                : client.WaitPuback(sent.packet_id);
    if (!reason) {
      return false;
    }
    acknowledged_ = index + 1;
    const bool refused = !sent.accepted && !sent.operation.with_reply;
    EXPECT_EQ(*reason == kNotAuthorized, refused) << sent.operation.key;
    if (sent.operation.qos == 2 && *reason < kFirstFailure &&
        !(client.SendPubrel(sent.packet_id) && client.WaitPubcomp(sent.packet_id))) {
      return false;
    }
  }
  if (sent.operation.with_reply) {
    const auto reply = client.WaitMessage([&](const Message& message) {
      return message.properties.FindText(PropertyId::kCorrelationData) == sent.correlation;
    });
    if (!reply) {
      return false;
    }
    acknowledged_ = index + 1;
    ExpectReply(sent, *reply);
  }
  return true;
}

void CrashWriter::ExpectReply(const Sent& sent, const Message& reply) {
  const Operation& operation = sent.operation;
  const Revision revision = RevisionOf(reply);
  EXPECT_EQ(reply.Property("kv-status") == "ok", sent.accepted) << operation.key;
  if (!sent.accepted || revision == 0) {
    return;
  }
  EXPECT_GT(revision, last_seen_) << "given out in an earlier life already";
  EXPECT_GT(revision, highest_) << "of two writes of one connection the later has the lower";
  highest_ = std::max(highest_, revision);
  // Only of the last write to a key is it certain to be the newest.
  const auto later = std::find_if(sent_.rbegin(), sent_.rend(), [&](const Sent& other) {
    return other.operation.key == operation.key;
  });
  if (later->correlation == sent.correlation) {
    known_[operation.key] = revision;
  }
  if (!operation.message_id.empty()) {
    remembered_ = {operation, revision};
  }
}

bool CrashWriter::CountUp(KvClient& client) {
  const std::string path = Path(kCounterKey);
  const Answer got = client.Get(path);
  if (got.status.empty()) {
    return false;
  }
  const std::uint64_t value = got.ok() ? std::stoull(got.value) : 0;
  ++uncertain_;
  const Answer put = client.Update(path, std::to_string(value + 1), got.revision);
  if (put.status.empty()) {
    return false;
  }
  --uncertain_;
  EXPECT_TRUE(put.ok() || put.status == "wrong-last-revision") << put;
  counted_ += put.ok() ? 1U : 0U;
  return true;
}

void CrashWriter::Run(std::uint16_t port,
                      Revision last_seen,
                      const std::function<void()>& on_operation) {
  last_seen_ = last_seen;
  KvClient client(port);
  if (!client.Connect()) {
    return;  // killed already
  }
  bool alive = true;
  while (alive) {
    const std::size_t first = sent_.size();
    const std::size_t burst = 1 + random_() % kLongestBurst;
    for (std::size_t i = 0; i < burst && alive; ++i) {
      on_operation();
      alive = SendOne(client);
    }
    for (std::size_t i = first; i < sent_.size(); ++i) {
      alive = ReceiveOne(client, i) && alive;
    }
    if (alive && random_() % 4 == 0) {
      on_operation();
      alive = CountUp(client);
    }
  }
}

Histories CrashWriter::After(std::size_t count) const {
  Histories histories = base_;
  for (std::size_t i = 0; i < count; ++i) {
    Apply(histories, sent_[i].operation, kept_);
  }
  return histories;
}

bool CrashWriter::Matches(const Histories& mine, const BucketDump& dump) const {
  Histories held;
  for (const auto& [key, history] : dump.histories) {
    if (IsMine(key)) {
      held.emplace(key, history);
    }
  }
  return held == mine;
}

void CrashWriter::Check(const BucketDump& dump) {
  std::size_t arrived = acknowledged_;
  while (arrived <= sent_.size() && !Matches(After(arrived), dump)) {
    ++arrived;
  }
  if (arrived > sent_.size()) {
    ADD_FAILURE() << "writer " << number_ << " sent " << sent_.size() << " writes to " << bucket_
                  << " in this life, " << acknowledged_
                  << " were acknowledged, and there is no number of them, so many or more, after "
                     "which the bucket would be as it is";
    arrived = acknowledged_;
  }
  base_ = After(arrived);
  for (const auto& [key, revision] : dump.newest) {
    if (IsMine(key)) {
      known_[key] = revision;
    }
  }
}

void CrashWriter::SendAgain(KvClient& client) {
  if (remembered_) {
    const auto& [operation, revision] = *remembered_;
    const Answer again =
        client.Write(Path(operation.key), operation.value, PropertiesOf(operation));
    EXPECT_EQ(again.Property("kv-duplicate"), "true") << again;
    EXPECT_EQ(again.revision, revision) << "the id " << operation.message_id;
  }
  for (std::size_t i = acknowledged_; i < sent_.size(); ++i) {
    const Operation& operation = sent_[i].operation;
    if (operation.message_id.empty()) {
      continue;
    }
    const auto history = base_.find(operation.key);
    const bool is_there =
        history != base_.end() &&
        std::count(
            history->second.begin(), history->second.end(), ModelEntry{"PUT", operation.value}) > 0;
    const Answer again =
        client.Write(Path(operation.key), operation.value, PropertiesOf(operation));
    EXPECT_TRUE(again.ok()) << again;
    const bool duplicate = again.Property("kv-duplicate") == "true";
    EXPECT_TRUE(duplicate || !is_there) << "written twice: " << operation.message_id;
    if (!duplicate) {
      Apply(base_, operation, kept_);
      known_[operation.key] = again.revision;
      highest_ = std::max(highest_, again.revision);
    }
  }
  sent_.clear();
  acknowledged_ = 0;
  now_ = base_;
}

}  // namespace kv::testing
