// Random entries and configurations, for property tests: everything that a codec must carry.
#pragma once

#include <random>
#include <string>

#include "kv/bucket_config.h"
#include "kv/entry.h"
#include "store/codec.h"

namespace kv::store::testing {

class RandomEntries {
 public:
  explicit RandomEntries(std::uint64_t seed) : engine_(seed) {}

  std::uint64_t Number(std::uint64_t below) { return engine_() % below; }
  bool OneIn(std::uint64_t n) { return Number(n) == 0; }

  // Any bytes, lengths around the steps of a varint among them.
  std::string Bytes(std::size_t most) {
    std::string bytes(OneIn(8) ? most : Number(most + 1), '\0');
    for (char& c : bytes) {
      c = static_cast<char>(engine_());
    }
    return bytes;
  }

  Entry Next() {
    Entry entry;
    entry.key = Bytes(OneIn(20) ? 1024 : 20);
    entry.revision = engine_();
    entry.operation = static_cast<Operation>(Number(3));
    entry.reason = static_cast<Reason>(Number(4));
    entry.qos = static_cast<std::uint8_t>(Number(3));
    entry.time = static_cast<TimePoint>(engine_());
    entry.expires = OneIn(2) ? 0 : static_cast<TimePoint>(engine_());
    entry.ephemeral = OneIn(3);
    if (OneIn(3)) {
      entry.author = Author{Bytes(130), OneIn(2) ? "" : Bytes(20)};
    }
    entry.properties = NextProperties();
    entry.value = Bytes(OneIn(20) ? 70'000 : 130);
    return entry;
  }

  Properties NextProperties() {
    Properties properties;
    if (OneIn(3)) {
      properties.payload_format = static_cast<std::uint8_t>(Number(2));
    }
    if (OneIn(3)) {
      properties.content_type = Bytes(130);
    }
    for (std::uint64_t left = OneIn(2) ? Number(5) : 0; left > 0; --left) {
      properties.user.push_back({Bytes(10), Bytes(130)});
    }
    return properties;
  }

 private:
  std::mt19937_64 engine_;
};

// Views of the entry.
inline EntryParts PartsOf(const Entry& entry, Revision former = 0) {
  return {.key = entry.key,
          .operation = entry.operation,
          .reason = entry.reason,
          .qos = entry.qos,
          .time = entry.time,
          .expires = entry.expires,
          .former = former,
          .ephemeral = entry.ephemeral,
          .author = entry.author ? &*entry.author : nullptr,
          .properties = entry.properties.empty() ? nullptr : &entry.properties,
          .value = entry.value};
}

inline std::string RecordOf(const Entry& entry, Revision former = 0) {
  std::string record;
  AppendEntry(record, PartsOf(entry, former));
  return record;
}

}  // namespace kv::store::testing
