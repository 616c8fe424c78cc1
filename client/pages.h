// Pages of keys and entries, one by one or all of them. On the network thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "client/replies.h"
#include "client/requests.h"
#include "client/session.h"
#include "mosquitto_kv/call.h"

namespace kv::client {

// Sends the request, unless it is none, and makes of the reply what is wanted.
template <typename T>
void Ask(Session& session,
         Result<Request> request,
         Result<T> (*read)(const Reply&),
         Callback<T> done) {
  if (!request) {
    done(std::move(request).error());
    return;
  }
  session.Send(std::move(*request), [read, done = std::move(done)](Result<Reply> reply) {
    done(reply ? read(*reply) : Result<T>(std::move(reply).error()));
  });
}

struct Reading {
  Target target;
  std::string_view verb;  // keys, entries or history; a literal
  Selection selection;
};

// One page of entries. If the broker's queue for this client did not hold it, in smaller pieces.
void ReadEntryPage(Session& session,
                   const Reading& reading,
                   const PageRequest& page,
                   const Callback<EntryPage>& done);
void ReadKeyPage(Session& session,
                 const Reading& reading,
                 const PageRequest& page,
                 Callback<KeyPage> done);

// All pages in one.
void ReadAllEntries(Session& session, const Reading& reading, Callback<EntryPage> done);
void ReadAllKeys(Session& session, const Reading& reading, Callback<KeyPage> done);
void ReadAllBuckets(Session& session,
                    std::chrono::milliseconds timeout,
                    Callback<std::vector<BucketInfo>> done);

}  // namespace kv::client
