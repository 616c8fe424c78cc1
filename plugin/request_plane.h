// RequestPlane: answers what is published to $KV/. The broker's thread only.
// Source: protocol.md, "Request plane".
#pragma once

#include "plugin/admin_requests.h"
#include "plugin/answer.h"
#include "plugin/counters.h"
#include "plugin/read_requests.h"
#include "plugin/write_requests.h"

namespace kv::plugin {

class RequestPlane {
 public:
  RequestPlane(ReadRequests reads,
               WriteRequests writes,
               AdminRequests admin,
               Replier& replier,
               BrokerPort& port,
               Counters& counters)
      : reads_(reads),
        writes_(writes),
        admin_(admin),
        replier_(replier),
        port_(port),
        counters_(counters) {}

  void OnMessage(const Client& client, const wire::Incoming& incoming, TimePoint now);

 private:
  Answered Dispatch(const Client& client,
                    const wire::Incoming& incoming,
                    const std::optional<ReplyAddress>& address,
                    TimePoint now);

  ReadRequests reads_;
  WriteRequests writes_;
  AdminRequests admin_;
  Replier& replier_;
  BrokerPort& port_;
  Counters& counters_;
};

}  // namespace kv::plugin
