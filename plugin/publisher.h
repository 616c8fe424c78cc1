// Publisher: how a change of a bucket reaches its subscribers and the retained message.
//
// Two ways: the writer's own message goes on, changed in place, or the change is published anew.
// They must not overtake each other: what is published anew waits for the broker's next flush, what
// goes on in place does not wait. So while anything is unflushed, everything is published anew.
// The broker's thread only. Source: broker-facts.md, "Order".
#pragma once

#include <string_view>

#include "kv/clock.h"
#include "kv/entry.h"
#include "plugin/broker_port.h"
#include "plugin/mirrors.h"
#include "wire/change_properties.h"
#include "wire/topics.h"

namespace kv::plugin {

struct Change {
  std::string_view bucket;
  bool retained = true;  // the bucket's values are retained messages
  std::string_view key;
  Operation operation;
  Revision revision;
  TimePoint time;
  Reason reason = Reason::kNone;
  std::uint8_t qos = 0;
  std::string_view value;
  const Properties* own = nullptr;
  const Author* author = nullptr;  // in a bucket with audit
  std::string_view origin;         // of a change that another broker brought: kv-origin
};

class Publisher {
 public:
  Publisher(BrokerPort& port, const wire::Topics& topics) : port_(port), topics_(topics) {}

  // Publishes anew, retained as the bucket says.
  void Publish(const Change& change);
  // Clears a retained message of which the store knows nothing.
  void Clear(std::string_view topic);
  void Clear(std::string_view bucket, std::string_view key);
  // What the writer's own message gets when it goes on in place as this change. Good until the next
  // call.
  const std::vector<UserProperty>& Mark(const Change& change);
  // Any other message of ours.
  void Announce(const Message& message);

  // True while a message in place would overtake what was published anew.
  bool has_unflushed() const { return unflushed_; }
  // As TICK begins: what was published before is flushed before the next message is handled.
  void TickBegins() { unflushed_ = false; }

  const Mirrors& mirrors() const { return mirrors_; }

 private:
  BrokerPort& port_;
  const wire::Topics& topics_;
  Mirrors mirrors_;
  wire::ChangeProperties marks_;
  bool unflushed_ = false;
};

}  // namespace kv::plugin
