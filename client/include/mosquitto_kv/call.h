// Call<T>: a request that is ready to be sent, and the three ways to send it.
//
//   std::future<Result<Written>> later = bucket.async().Put("lamp", "on").Future();
//   bucket.async().Put("lamp", "on").Then([](Result<Written> written) { … });
//   Result<Written> written = bucket.async().Put("lamp", "on").Wait();   // as bucket.Put()
//
// Nothing is sent before one of them is called. Every request ends: with its reply, with an error
// of the contract, or within the request timeout.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <utility>

#include "kv/result.h"

namespace kv {

template <typename T>
using Callback = std::function<void(Result<T>)>;

template <typename T>
class [[nodiscard]] Call {
 public:
  // Sends the request; hands over the outcome on the client's network thread.
  using Send = std::function<void(Callback<T>)>;
  // Runs a function on the client's callback thread.
  using Executor = std::function<void(std::function<void()>)>;

  Call(Send send, Executor executor) : send_(std::move(send)), executor_(std::move(executor)) {}

  // Throws nothing when waited for: what goes wrong is in the Result.
  std::future<Result<T>> Future() && {
    auto promise = std::make_shared<std::promise<Result<T>>>();
    auto future = promise->get_future();
    send_([promise](Result<T> result) { promise->set_value(std::move(result)); });
    return future;
  }

  // `done` runs on the client's callback thread, where other calls, also ones that wait, are
  // welcome; but while it runs, no other callback does.
  void Then(Callback<T> done) && {
    send_([executor = std::move(executor_), done = std::move(done)](Result<T> result) {
      executor([done, result = std::move(result)] { done(result); });
    });
  }

  // Blocks until the outcome is there. May be called on any thread, callbacks included.
  Result<T> Wait() && { return std::move(*this).Future().get(); }

 private:
  Send send_;
  Executor executor_;
};

}  // namespace kv
