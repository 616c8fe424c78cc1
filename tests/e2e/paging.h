// A bucket with many keys, and its replies page by page.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/kv_broker.h"

namespace kv::testing {

inline std::string KeyOf(std::size_t number) {
  const std::string digits = std::to_string(number);
  return "area/" + std::string(6 - digits.size(), '0') + digits + "/state";
}

class Paging : public KvBrokerTest {
 protected:
  void Start(KvBrokerOptions options = {}) {
    options.debug_log = false;
    options.plugin.emplace_back("bucket_b", "history=64");
    ASSERT_NO_FATAL_FAILURE(StartBroker(std::move(options)));
  }

  void WriteKeys(std::size_t first, std::size_t end) {
    for (std::size_t i = first; i < end; ++i) {
      ASSERT_TRUE(client().PublishAsync("kv/b/" + KeyOf(i), std::to_string(i), {.qos = 0}));
    }
    ASSERT_TRUE(client().Ping()) << client().error();
  }

  // One page after the other until there are no more; `between` runs after each.
  template <typename Between>
  std::vector<std::vector<Message>> Pages(const std::string& topic,
                                          const Properties& options,
                                          const Between& between) {
    std::vector<std::vector<Message>> pages;
    std::optional<std::string> cursor;
    do {
      Properties properties = options;
      if (cursor) {
        properties.User("kv-cursor", *cursor);
      }
      pages.push_back(client().Request(topic, {}, properties));
      if (pages.back().empty() || pages.back().back().Property("kv-count") == std::nullopt) {
        ADD_FAILURE() << topic << ": " << client().error();
        break;
      }
      cursor = pages.back().back().Property("kv-cursor");
      between(pages.size());
    } while (cursor);
    return pages;
  }

  std::vector<std::vector<Message>> Pages(const std::string& topic,
                                          const Properties& options = {}) {
    return Pages(topic, options, [](std::size_t) {});
  }
};

}  // namespace kv::testing
