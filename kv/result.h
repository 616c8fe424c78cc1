// Result<T>: a value or an Error. Nothing throws across a folder's API; g++ 12 has no
// std::expected. "Absent" is an optional, not an error.
#pragma once

#include <cassert>
#include <utility>
#include <variant>

#include "kv/error.h"

namespace kv {

struct Ok {};  // the value of a Result that carries none

template <typename T>
class [[nodiscard]] Result {
 public:
  // A value that is made where it is returned, and never moved.
  explicit Result(std::in_place_t /*tag*/) : state_(std::in_place_index<0>) {}
  // NOLINTNEXTLINE(google-explicit-constructor): returns read as values
  Result(const T& value) : state_(std::in_place_index<0>, value) {}
  // NOLINTNEXTLINE(google-explicit-constructor): likewise
  Result(T&& value) : state_(std::in_place_index<0>, std::move(value)) {}
  // NOLINTNEXTLINE(google-explicit-constructor): returns read as errors
  [[gnu::cold]] Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // Precondition: ok().
  T& value() & {
    assert(ok());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    assert(ok());
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    assert(ok());
    return std::move(*std::get_if<0>(&state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  // Precondition: !ok().
  const Error& error() const& {
    assert(!ok());
    return *std::get_if<1>(&state_);
  }
  Error&& error() && {
    assert(!ok());
    return std::move(*std::get_if<1>(&state_));
  }

 private:
  std::variant<T, Error> state_;
};

using Status = Result<Ok>;

// For the rare result that is rightly ignored: the reason stands in the code.
template <typename T>
void IgnoreError(const Result<T>& /*result*/, const char* /*why*/) {}

}  // namespace kv
