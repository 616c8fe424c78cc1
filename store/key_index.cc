#include "store/key_index.h"

#include <absl/hash/hash.h>

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstring>

#include "kv/bytes.h"
#include "store/prefetch.h"

namespace kv::store {
namespace {

// So many keys are on their way from memory while one is worked on.
constexpr std::size_t kFetchedAhead = 16;

// Seeded anew by each process: nobody can choose keys that collide.
std::uint64_t HashOf(std::string_view text) {
  return absl::Hash<std::string_view>()(text);
}

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

std::uint32_t CheckOf(std::string_view value) {
  return static_cast<std::uint32_t>(HashOf(value));
}

KeyState* KeyIndex::Find(std::string_view key) const {
  return by_hash_.Find(HashOf(key), [key](const KeyState& state) { return state.key == key; });
}

void KeyIndex::FetchSlots(std::string_view key) const {
  by_hash_.FetchSlots(HashOf(key));
}

void KeyIndex::FetchState(std::string_view key) const {
  by_hash_.FetchState(HashOf(key));
}

std::unique_ptr<KeyState> KeyIndex::Make(std::string_view key) {
  auto state = std::make_unique<KeyState>();
  state->key = key;
  by_hash_.Insert(HashOf(key), state.get());
  return state;
}

KeyState& KeyIndex::Add(KeyState& state, const Version& version) {
  assert(state.versions.empty() || state.newest().revision < version.revision);
  values_ -= !state.versions.empty() && state.has_value() ? 1U : 0U;
  state.versions.push_back(version);
  values_ += state.has_value() ? 1U : 0U;
  bytes_ += version.bytes;
  by_revision_.Append(version.revision, &state);
  return state;
}

KeyState& KeyIndex::Append(KeyState* state, std::string_view key, const Version& version) {
  if (state == nullptr) {
    auto fresh = Make(key);
    state = fresh.get();
    by_key_.emplace(state->key, std::move(fresh));
  }
  return Add(*state, version);
}

KeyState& KeyIndex::Load(KeyState* state, std::string_view key, const Version& version) {
  if (state == nullptr) {
    loaded_.push_back(Make(key));
    state = loaded_.back().get();
  }
  return Add(*state, version);
}

// Keys one by one at their places in a tree of a million are a dozen cache misses each. Sorted by
// the eight bytes behind what all begin with, few need be looked at.
void KeyIndex::FinishLoading() {
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

void KeyIndex::Remove(KeyState& state, Revision revision) {
  auto* const version =
      std::find_if(state.versions.begin(), state.versions.end(), [revision](const Version& v) {
        return v.revision == revision;
      });
  assert(version != state.versions.end());
  values_ -= state.has_value() ? 1U : 0U;
  bytes_ -= version->bytes;
  by_revision_.Erase(revision);
  state.versions.erase(version);
  if (state.versions.empty()) {
    by_hash_.Erase(HashOf(state.key), &state);
    by_key_.erase(by_key_.find(state.key));
  } else {
    values_ += state.has_value() ? 1U : 0U;
  }
}

void KeyIndex::Clear() {
  by_revision_.Clear();
  by_hash_.Clear();
  by_key_.clear();
  bytes_ = 0;
  values_ = 0;
}

}  // namespace kv::store
