#include "tests/crash/writer.h"

#include <algorithm>
#include <utility>

#include "tests/crash/packet.h"

namespace kv::testing {
namespace {

constexpr std::uint8_t kNotAuthorized = 0x87;
constexpr std::uint8_t kFirstFailure = 0x80;
constexpr std::uint32_t kKeys = 12;
constexpr std::uint32_t kLongestBurst = 8;

}  // namespace

Operation CrashWriter::Next() {
  Operation operation = NextWrite(Prefix() + std::to_string(random_() % kKeys));
  operation.qos = static_cast<std::uint8_t>(random_() % 3);
  operation.with_reply = random_() % 3 == 0;
  const std::uint32_t kind = static_cast<std::uint32_t>(random_() % 24);
  if (kind < 2) {
    const std::string value = NextValue();
    operation.message_id = value.substr(0, value.rfind('-'));
    operation.kind = WriteKind::kPut;
    operation.value = value;
  } else if (kind < 5) {
    MakeTransaction(operation);
  } else if (kind < 8 && is_alone_) {
    operation = {.kind = WriteKind::kDropBucket, .qos = operation.qos};
    operation.with_reply = true;
  }
  return operation;
}

std::string CrashWriter::NextValue() {
  return std::to_string(number_) + "-" + std::to_string(++values_) + "-" +
         std::string(random_() % 50 == 0 ? 200'000 : random_() % 1000, 'x');
}

Operation CrashWriter::NextWrite(std::string key) {
  Operation operation{.key = std::move(key), .value = NextValue()};
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
    operation.value.clear();
  }
  return operation;
}

void CrashWriter::MakeTransaction(Operation& operation) {
  const std::uint64_t first = random_() % kKeys;
  const std::uint64_t count = 2 + random_() % 4;
  for (std::uint64_t i = 0; i < count; ++i) {
    operation.parts.push_back(NextWrite(Prefix() + std::to_string((first + i) % kKeys)));
  }
  operation.kind = WriteKind::kTransaction;
  operation.key.clear();
  operation.value.clear();
  operation.with_reply = true;
  const bool may_fail =
      std::any_of(operation.parts.begin(), operation.parts.end(), [](const Operation& part) {
        return part.kind == WriteKind::kCreate || part.kind == WriteKind::kWrongUpdate;
      });
  if (!may_fail && random_() % 2 == 0) {
    operation.message_id = std::to_string(number_) + "-" + std::to_string(values_);
  }
}

void CrashWriter::ForgetRevisions(const Operation& operation) {
  std::erase_if(known_, [&](const auto& known) { return Touches(operation, known.first); });
  if (operation.kind == WriteKind::kDropBucket) {
    remembered_.reset();  // its message ids go with the bucket
  }
}

bool CrashWriter::SendOne(KvClient& client) {
  Sent sent{.operation = Next()};
  const Operation& operation = sent.operation;
  sent.accepted = Apply(now_, operation, kept_);
  if (operation.kind == WriteKind::kDropBucket) {
    sent.accepted = sent.accepted || is_there_empty_;
    is_there_empty_ = false;
  }
  ForgetRevisions(operation);
  Packet packet = PacketOf(bucket_, operation);
  if (operation.with_reply) {
    sent.correlation = std::to_string(number_) + "/" + std::to_string(++sent_in_all_);
    packet.properties.ResponseTopic("replies").CorrelationData(sent.correlation);
  }
  const auto id = client.PublishAsync(
      packet.topic, packet.payload, {.qos = operation.qos, .properties = packet.properties});
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
  const Revision revision = HighestRevisionOf(reply);
  EXPECT_EQ(reply.Property("kv-status") == "ok", sent.accepted)
      << "a write of the kind " << static_cast<int>(operation.kind) << " to " << bucket_ << "/"
      << operation.key << ": " << reply.Property("kv-error").value_or("");
  if (!sent.accepted || revision == 0) {
    return;
  }
  EXPECT_GT(revision, last_seen_) << "given out in an earlier life already";
  EXPECT_GT(revision, highest_) << "of two writes of one connection the later has the lower";
  highest_ = std::max(highest_, revision);
  // Only of the last write to a key is it certain to be the newest.
  const auto later = std::find_if(sent_.rbegin(), sent_.rend(), [&](const Sent& other) {
    return Touches(other.operation, operation.key);
  });
  if (!operation.key.empty() && later->correlation == sent.correlation) {
    known_[operation.key] = revision;
  }
  const bool stays = std::none_of(sent_.begin(), sent_.end(), [](const Sent& other) {
    return other.operation.kind == WriteKind::kDropBucket;
  });
  if (!operation.message_id.empty() && stays) {
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
    if (alive && !is_alone_ && random_() % 4 == 0) {
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
  // Dying, the broker may have made the bucket and not yet what it was made for.
  const bool may_be_there = is_there_empty_ || arrived < sent_.size();
  is_there_empty_ = is_alone_ && base_.empty() && !dump.info.is_null();
  EXPECT_TRUE(!is_there_empty_ || may_be_there)
      << bucket_ << " is there and empty, though no write to it was under way";
  for (const auto& [key, revision] : dump.newest) {
    if (IsMine(key)) {
      known_[key] = revision;
    }
  }
}

bool CrashWriter::IsThere(const Operation& operation) const {
  if (operation.kind == WriteKind::kTransaction) {
    return std::any_of(operation.parts.begin(),
                       operation.parts.end(),
                       [this](const Operation& part) { return IsThere(part); });
  }
  const auto history = base_.find(operation.key);
  return !operation.value.empty() && history != base_.end() &&
         std::count(history->second.begin(),
                    history->second.end(),
                    ModelEntry{"PUT", operation.value}) > 0;
}

void CrashWriter::SendAgain(KvClient& client) {
  const auto send = [&](const Operation& operation) {
    const Packet packet = PacketOf(bucket_, operation);
    return ToAnswer(client.Request(packet.topic, packet.payload, packet.properties));
  };
  if (remembered_) {
    const auto& [operation, revision] = *remembered_;
    const Answer again = send(operation);
    EXPECT_EQ(again.Property("kv-duplicate"), "true") << again;
    EXPECT_EQ(HighestRevisionOf(again.message), revision) << "the id " << operation.message_id;
  }
  for (std::size_t i = acknowledged_; i < sent_.size(); ++i) {
    const Operation& operation = sent_[i].operation;
    if (operation.message_id.empty()) {
      continue;
    }
    const Answer again = send(operation);
    EXPECT_TRUE(again.ok()) << again;
    const bool duplicate = again.Property("kv-duplicate") == "true";
    EXPECT_TRUE(duplicate || !IsThere(operation)) << "written twice: " << operation.message_id;
    if (!duplicate) {
      Apply(base_, operation, kept_);
      ForgetRevisions(operation);
      highest_ = std::max(highest_, HighestRevisionOf(again.message));
    }
  }
  sent_.clear();
  acknowledged_ = 0;
  now_ = base_;
}

}  // namespace kv::testing
