// DataPlane: what a PUBLISH under the topic prefix does. The broker's thread only.
// Source: protocol.md, "Data plane".
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kv/clock.h"
#include "plugin/counters.h"
#include "plugin/publisher.h"
#include "plugin/replier.h"
#include "plugin/writer.h"
#include "wire/incoming.h"
#include "wire/topics.h"
#include "wire/write_options.h"

namespace kv::plugin {

enum class Verdict : std::uint8_t {
  kUntouched,  // not ours: goes on as it is
  kMarked,     // goes on in place, with `marks` appended and the retain flag set as said
  kSwallowed,  // nobody gets it, the writer's PUBACK is a success
  kDenied,     // nobody gets it, a v5 writer's PUBACK is 0x87
};

struct Decision {
  Verdict verdict = Verdict::kUntouched;
  bool retain = false;
  std::span<const UserProperty> marks = {};  // good until the next message
};

class DataPlane {
 public:
  DataPlane(const wire::Topics& topics,
            const store::Store& store,
            Writer& writer,
            Publisher& publisher,
            Replier& replier,
            BrokerPort& port,
            Counters& counters)
      : topics_(topics),
        store_(store),
        writer_(writer),
        publisher_(publisher),
        replier_(replier),
        port_(port),
        counters_(counters) {}

  Decision OnMessage(const Client& client, const wire::Incoming& incoming, TimePoint now);

 private:
  Result<Decision> Write(const Client& client, const wire::Incoming& incoming, TimePoint now);
  Decision Refuse(const Client& client, const wire::Incoming& incoming, const Error& error);
  // What the change is to carry as kv-origin: empty, but of what another broker brings. Nothing: it
  // is no news, and nothing is to be done.
  std::optional<std::string> OriginOf(const wire::DataTopic& topic, const wire::Incoming& incoming);
  Decision Accept(const Client& client,
                  const wire::Incoming& incoming,
                  const store::KeyedWrite& item,
                  const std::string& origin,
                  const Outcome& outcome);

  const wire::Topics& topics_;
  const store::Store& store_;
  Writer& writer_;
  Publisher& publisher_;
  Replier& replier_;
  BrokerPort& port_;
  Counters& counters_;
};

}  // namespace kv::plugin
