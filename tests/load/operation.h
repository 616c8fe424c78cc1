// What a client of a load asks for: a mix of everything, with random keys, values and QoS.
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "tests/support/mqtt_packet.h"

namespace kv::testing {

struct Operation {
  const char* name = "";
  PublishPacket packet = {};  // its Correlation Data and packet id are the sender's
  bool wants_reply = false;   // MQTT 3: on `$KV/reply/`
  // Requests of these two touch what the sender keeps an account of.
  std::string counter = {};    // the key that is raised by 1
  bool is_of_own_key = false;  // in the bucket kOwnBucket
};

inline constexpr const char* kSharedBucket = "load";      // everybody's
inline constexpr const char* kOwnBucket = "own";          // a key for each client
inline constexpr const char* kCounterBucket = "count";    // counters
inline constexpr const char* kEphemeralBucket = "alive";  // ephemeral keys, one for each client

// The `number`-th of the shared keys; its first level is one of 100.
std::string SharedKey(std::uint64_t number);

// For one client of a load.
class OperationMix {
 public:
  // `client`: names its own keys. `counters`: the first level of the counters that it raises.
  OperationMix(ProtocolVersion version,
               std::string client,
               std::string counters,
               std::uint64_t keys,
               std::uint64_t seed);

  Operation Next();
  Operation PutShared(std::uint64_t key);
  // Compare-and-set of the own key, and what tells its revision. Version 5.
  Operation UpdateOwn(std::uint64_t revision);
  Operation GetOwn();
  // True when the next operation should be UpdateOwn().
  bool IsOwnKeysTurn() { return version_ == ProtocolVersion::kMqtt5 && Percent() < 10; }

 private:
  unsigned Percent() { return static_cast<unsigned>(random_() % 100); }
  std::string AnySharedKey() { return SharedKey(random_() % keys_); }
  std::string Value();
  std::uint8_t AnyQos() { return static_cast<std::uint8_t>(random_() % 3); }
  Operation Write(const char* name, const std::string& topic, std::string value);
  Operation Request(const char* verb, const std::string& bucket, const std::string& rest);
  Operation Page(const char* verb, const std::string& rest);
  Operation Increment();
  Operation PutEphemeral();
  Operation PutOnce();

  ProtocolVersion version_;
  std::string client_;
  std::string counters_;
  std::uint64_t keys_;
  std::mt19937_64 random_;
  std::uint64_t message_ids_ = 0;
};

}  // namespace kv::testing
