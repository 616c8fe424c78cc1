// Calls that are one request and its one reply.
#pragma once

#include <utility>

#include "client/client_core.h"
#include "client/pages.h"

namespace kv::client {

template <typename T>
Call<T> Asking(ClientCore& core, Result<Request> request, Result<T> (*read)(const Reply&)) {
  return core.MakeCall<T>([request = std::move(request), read](Session& session, Callback<T> done) {
    Ask<T>(session, request, read, std::move(done));
  });
}

}  // namespace kv::client
