// How an operation is sent.
#pragma once

#include <string>

#include "tests/crash/model.h"

namespace kv::testing {

struct Packet {
  std::string topic;
  std::string payload;
  Properties properties;
};

// Without what asks for a reply.
Packet PacketOf(const std::string& bucket, const Operation& operation);
// The highest revision that a reply gives; 0 if none.
Revision HighestRevisionOf(const Message& reply);

}  // namespace kv::testing
