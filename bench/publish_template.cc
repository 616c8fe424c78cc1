#include "bench/publish_template.h"

#include <algorithm>

#include "bench/key_text.h"
#include "tests/support/mqtt_packet.h"

namespace kv::bench {
namespace {

// A prime, larger than there are keys: steps of it reach every key once before they repeat one.
constexpr std::uint64_t kScatteredStep = 2'654'435'761;
constexpr std::size_t kBucketDigits = 5;
constexpr std::size_t kKeyInBucketDigits = 8;

std::string KeyTextOf(const LoadOptions& options, std::uint64_t key) {
  if (options.buckets == 0) {
    return Digits(key, kKeyDigits);
  }
  return Digits(key % options.buckets, kBucketDigits) + "/" +
         Digits(key / options.buckets, kKeyInBucketDigits);
}

}  // namespace

PublishTemplate::PublishTemplate(const LoadOptions& options)
    : random_(options.seed),
      topic_prefix_(options.topic_prefix),
      value_size_(options.value_size),
      keys_(options.keys),
      each_key_(options.each_key) {
  testing::PublishPacket packet;
  const std::string first_key = KeyTextOf(options, 0);
  packet.topic = topic_prefix_ + first_key;
  packet.qos = options.qos;
  packet.retain = options.retain;
  packet.payload.assign(value_size_, 'v');
  if (options.replies) {
    packet.properties.ResponseTopic("kv-load/replies");
  }
  if (options.replies || options.echo) {
    packet.properties.CorrelationData(std::string(kCorrelationMark) + "id");
  }
  for (const auto& [name, value] : options.properties) {
    packet.properties.User(name, value);
  }
  bytes_ = Encode(packet, options.version);
  bytes_.resize(bytes_.size() - value_size_);
  key_size_ = first_key.size();
  key_offset_ = bytes_.find(packet.topic) + topic_prefix_.size();
  id_offset_ = options.qos > 0 ? key_offset_ + key_size_ : 0;
  const std::size_t mark = bytes_.find(kCorrelationMark);
  correlation_offset_ = mark == std::string::npos ? 0 : mark + kCorrelationMark.size();
  for (std::uint64_t key = 0; key < keys_; ++key) {
    key_texts_ += KeyTextOf(options, key);
  }
  value_pool_ = RandomBytes(value_size_ + kValuePool, random_);
}

std::uint64_t PublishTemplate::NextKey() {
  return (each_key_ ? turn_++ * kScatteredStep : NextRandom(random_)) % keys_;
}

void PublishTemplate::AppendTo(std::string& out, std::size_t id) {
  AppendTo(out, id, NextKey());
}

void PublishTemplate::AppendTo(std::string& out, std::size_t id, std::uint64_t key) {
  const auto write_two_bytes = [](char* bytes, std::size_t value) {
    bytes[0] = static_cast<char>(value >> 8);
    bytes[1] = static_cast<char>(value & 0xFF);
  };
  const std::size_t start = out.size();
  out.append(bytes_).append(value_pool_, NextRandom(random_) % kValuePool, value_size_);
  char* packet = out.data() + start;
  std::copy_n(KeyText(key).data(), key_size_, packet + key_offset_);
  if (id_offset_ > 0) {
    write_two_bytes(packet + id_offset_, id);
  }
  if (correlation_offset_ > 0) {
    write_two_bytes(packet + correlation_offset_, id);
  }
}

}  // namespace kv::bench
