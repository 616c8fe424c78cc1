// Random entries as the store may hold them: everything that a reply carries.
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "kv/entry.h"

namespace kv::wire::testing {

class RandomEntries {
 public:
  explicit RandomEntries(std::uint64_t seed) : engine_(seed) {}

  std::uint64_t Number(std::uint64_t below) { return engine_() % below; }
  bool OneIn(std::uint64_t n) { return Number(n) == 0; }

  Entry Next() {
    constexpr std::uint64_t years_70 = 2'200'000'000;
    Entry entry{.key = Text(OneIn(20) ? 1024 : 30),
                .revision = engine_(),
                .operation = static_cast<Operation>(Number(3)),
                .reason = static_cast<Reason>(Number(4)),
                .time = static_cast<TimePoint>(Number(years_70 * kSecond))};
    if (OneIn(3)) {
      entry.author = Author{Text(OneIn(50) ? kLongestText : 40), OneIn(2) ? "" : Text(20)};
    }
    if (OneIn(3)) {
      entry.properties.payload_format = static_cast<std::uint8_t>(Number(2));
    }
    if (OneIn(3)) {
      entry.properties.content_type = OneIn(4) ? "" : Text(OneIn(50) ? kLongestText : 130);
    }
    for (std::uint64_t left = OneIn(2) ? Number(5) : 0; left > 0; --left) {
      entry.properties.user.push_back({Text(10), Text(OneIn(50) ? kLongestText : 130)});
    }
    if (entry.operation == Operation::kPut) {  // a marker has no value
      entry.value = Text(OneIn(20) ? 70'000 : 130);
    }
    return entry;
  }

 private:
  static constexpr std::size_t kLongestText = 65'535;  // of MQTT

  // Any bytes, and any length up to `most`, which often it is. Never begins as a reserved name.
  std::string Text(std::size_t most) {
    std::string text(OneIn(8) ? most : Number(most + 1), '\0');
    for (char& c : text) {
      c = static_cast<char>(engine_());
    }
    return text.rfind("kv-", 0) == 0 ? "x" + text.substr(1) : text;
  }

  std::mt19937_64 engine_;
};

}  // namespace kv::wire::testing
