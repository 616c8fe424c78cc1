#include "store/key_order.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kv/bytes.h"
#include "kv/own_files.h"
#include "store/key_index.h"
#include "store/prefetch.h"

namespace kv::store {
namespace {

// So many keys are on their way from memory while one is worked on.
constexpr std::size_t kFetchedAhead = 16;

// Bare, as a million of them are moved some twenty times. Should the memory end meanwhile, so does
// the start, and what it had loaded does not matter any more.
struct Placed {
  std::uint64_t bytes;
  KeyState* state;
};

// How long the beginning is that both have, `at_most` so many bytes.
std::size_t CommonPrefix(std::string_view a, std::string_view b, std::size_t at_most) {
  const std::size_t most = std::min({a.size(), b.size(), at_most});
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.begin() + most, b.begin()).first -
                                  a.begin());
}

// As a number that sorts like them; 0 stands for what is missing, and in no key.
std::uint64_t EightBytesAt(std::string_view text, std::size_t at) {
  const std::string_view bytes = text.substr(at, sizeof(std::uint64_t));
  std::uint64_t number = 0;
  std::memcpy(&number, bytes.data(), bytes.size());
  return ByteSwap(number);
}

}  // namespace

KeyOrder::KeyOrder() = default;

KeyOrder::~KeyOrder() {
  if (ordering_.valid()) {
    ordering_.wait();
  }
}

void KeyOrder::Insert(std::unique_ptr<KeyState> state) {
  Await();
  const std::string_view key = state->key;
  by_key_.emplace(key, std::move(state));
}

void KeyOrder::Erase(const KeyState& state) {
  Await();
  by_key_.erase(by_key_.find(state.key));
}

void KeyOrder::Clear() {
  Await();
  by_key_.clear();
}

void KeyOrder::Load(std::unique_ptr<KeyState> state) {
  loaded_.push_back(std::move(state));
}

void KeyOrder::BringIntoOrder() {
  if (loaded_.size() < kMany) {
    Sort();
    return;
  }
  ordering_ = std::async(std::launch::async, [this] {
    TakeOwnFiles();
    Sort();
  });
}

// Keys one by one at their places in a tree of a million are a dozen cache misses each. Sorted by
// the eight bytes behind what all begin with, few need be looked at.
void KeyOrder::Sort() {
  std::size_t common = loaded_.empty() ? 0 : loaded_.front()->key.size();
  for (const auto& state : loaded_) {
    common = CommonPrefix(loaded_.front()->key, state->key, common);
  }
  std::vector<Placed> placed;
  placed.reserve(loaded_.size());
  for (auto& state : loaded_) {
    placed.push_back({EightBytesAt(state->key, common), state.release()});
  }
  std::vector<std::unique_ptr<KeyState>>().swap(loaded_);
  std::sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) {
    return a.bytes != b.bytes ? a.bytes < b.bytes : a.state->key < b.state->key;
  });
  for (std::size_t i = 0; i < placed.size(); ++i) {
    Prefetch(placed[std::min(i + kFetchedAhead, placed.size() - 1)].state);
    by_key_.emplace_hint(by_key_.end(), placed[i].state->key, placed[i].state);
  }
}

}  // namespace kv::store
