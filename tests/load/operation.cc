#include "tests/load/operation.h"

#include <array>
#include <utility>

namespace kv::testing {
namespace {

constexpr std::uint64_t kFirstLevels = 100;
constexpr std::uint64_t kCountersPerLevel = 8;
constexpr const char* kPageLimit = "10";
constexpr std::size_t kShortestValue = 16;
constexpr std::size_t kLongestValue = 512;

std::string DataTopic(const std::string& bucket, const std::string& key) {
  return "kv/" + bucket + "/" + key;
}

}  // namespace

std::string SharedKey(std::uint64_t number) {
  return std::to_string(number % kFirstLevels) + "/" + std::to_string(number);
}

OperationMix::OperationMix(ProtocolVersion version,
                           std::string client,
                           std::string counters,
                           std::uint64_t keys,
                           std::uint64_t seed)
    : version_(version),
      client_(std::move(client)),
      counters_(std::move(counters)),
      keys_(keys),
      random_(seed) {}

Operation OperationMix::Next() {
  const unsigned choice = Percent();
  if (choice < 46) {
    return PutShared(random_() % keys_);
  }
  if (choice < 54) {
    return Write("delete", DataTopic(kSharedBucket, AnySharedKey()), "");
  }
  if (choice < 64) {
    return Increment();
  }
  if (choice < 70 && version_ == ProtocolVersion::kMqtt5) {
    return choice < 67 ? PutEphemeral() : PutOnce();
  }
  if (choice < 85) {
    return Request("get", kSharedBucket, AnySharedKey());
  }
  if (choice < 90) {
    return Page("history", AnySharedKey());
  }
  const std::string prefix = std::to_string(random_() % kFirstLevels);
  return choice < 95 ? Page("keys", prefix) : Page("entries", prefix);
}

Operation OperationMix::PutShared(std::uint64_t key) {
  return Write("put", DataTopic(kSharedBucket, SharedKey(key)), Value());
}

Operation OperationMix::UpdateOwn(std::uint64_t revision) {
  Operation operation = Write("update", DataTopic(kOwnBucket, client_), Value());
  operation.packet.properties.User("kv-op", "put")
      .User("kv-expected-revision", std::to_string(revision));
  operation.wants_reply = true;
  operation.is_of_own_key = true;
  return operation;
}

Operation OperationMix::GetOwn() {
  Operation operation = Request("get", kOwnBucket, client_);
  operation.is_of_own_key = true;
  return operation;
}

std::string OperationMix::Value() {
  const std::size_t size = kShortestValue + random_() % (kLongestValue - kShortestValue);
  std::string value(size, '\0');
  for (char& byte : value) {
    byte = static_cast<char>('!' + random_() % 94);  // text, which MQTT 3 gets as it is
  }
  return value;
}

// Half of those that can have a reply do not want one.
Operation OperationMix::Write(const char* name, const std::string& topic, std::string value) {
  return {.name = name,
          .packet = {.topic = topic, .payload = std::move(value), .qos = AnyQos()},
          .wants_reply = version_ == ProtocolVersion::kMqtt5 && Percent() < 50};
}

Operation OperationMix::Request(const char* verb,
                                const std::string& bucket,
                                const std::string& rest) {
  return {.name = verb,
          .packet = {.topic = "$KV/" + bucket + "/" + verb + "/" + rest, .qos = AnyQos()},
          .wants_reply = true};
}

Operation OperationMix::Page(const char* verb, const std::string& rest) {
  Operation operation = Request(verb, kSharedBucket, rest);
  if (version_ == ProtocolVersion::kMqtt5) {
    operation.packet.properties.User("kv-limit", kPageLimit);
  } else {
    operation.packet.payload = std::string(R"({"limit": )") + kPageLimit + "}";
  }
  return operation;
}

Operation OperationMix::Increment() {
  const std::string key = counters_ + "/" + std::to_string(random_() % kCountersPerLevel);
  Operation operation = Request("increment", kCounterBucket, key);
  operation.counter = key;
  return operation;
}

Operation OperationMix::PutEphemeral() {
  Operation operation = Write("ephemeral", DataTopic(kEphemeralBucket, client_), Value());
  operation.packet.properties.User("kv-ephemeral", "true");
  return operation;
}

Operation OperationMix::PutOnce() {
  Operation operation = PutShared(random_() % keys_);
  operation.name = "put once";
  operation.packet.properties.User("kv-msg-id", client_ + "-" + std::to_string(++message_ids_));
  return operation;
}

}  // namespace kv::testing
