// The functions of the broker that libmosquitto does not have, as fakes that write down what they
// are called with. Properties are libmosquitto's own.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kv::plugin::testing {

struct BrokerCalls {
  struct Publish {
    std::optional<std::string> client;
    std::string topic;
    std::string payload;
    int qos;
    bool retain;
    std::vector<std::string> properties;  // see TextsOf
  };

  std::vector<Publish> published;
  std::vector<std::pair<int, std::string>> log;
  std::size_t allocated = 0;    // blocks that nobody has freed
  bool no_memory = false;       // mosquitto_malloc
  bool refuse_publish = false;  // then the caller keeps what it handed over
};

// Of the test that runs.
BrokerCalls& Calls();

}  // namespace kv::plugin::testing
