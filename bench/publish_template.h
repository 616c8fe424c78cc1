// One PUBLISH, encoded once; key, packet id, correlation and value are patched into each copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "bench/load_options.h"

namespace kv::bench {

// Begins the Correlation Data; the slot's number follows. Long enough to find by searching.
inline constexpr std::string_view kCorrelationMark = "kv-load:";

class PublishTemplate {
 public:
  explicit PublishTemplate(const LoadOptions& options);

  // With the next key, in turn or at random.
  void AppendTo(std::string& out, std::size_t id);
  void AppendTo(std::string& out, std::size_t id, std::uint64_t key);
  std::string Topic(std::uint64_t key) const { return topic_prefix_ + std::string(KeyText(key)); }

 private:
  std::string_view KeyText(std::uint64_t key) const {
    return std::string_view(key_texts_).substr(key * key_size_, key_size_);
  }
  std::uint64_t NextKey();

  std::uint64_t random_;
  std::string topic_prefix_;
  std::size_t value_size_;
  std::uint64_t keys_;
  bool each_key_;
  std::uint64_t turn_ = 0;  // of each_key_
  std::string bytes_;       // without the value
  std::string key_texts_;   // one after the other, all of key_size_
  std::size_t key_size_ = 0;
  std::string value_pool_;
  std::size_t key_offset_ = 0;
  std::size_t id_offset_ = 0;           // 0: has none
  std::size_t correlation_offset_ = 0;  // 0: has none
};

}  // namespace kv::bench
