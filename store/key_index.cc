#include "store/key_index.h"

#include <absl/hash/hash.h>

#include <algorithm>
#include <cassert>

namespace kv::store {
namespace {

// Seeded anew by each process: nobody can choose keys that collide.
std::uint64_t HashOf(std::string_view text) {
  return absl::Hash<std::string_view>()(text);
}

}  // namespace

std::uint32_t CheckOf(std::string_view value) {
  return static_cast<std::uint32_t>(HashOf(value));
}

KeyState* KeyIndex::Find(std::string_view key) const {
  return by_hash_.Find(HashOf(key), [key](const KeyState& state) { return state.key == key; });
}

KeyState& KeyIndex::Append(KeyState* state, std::string_view key, const Version& version) {
  if (state == nullptr) {
    auto fresh = std::make_unique<KeyState>();
    fresh->key = key;
    state = fresh.get();
    by_hash_.Insert(HashOf(key), state);
    by_key_.emplace(state->key, std::move(fresh));
  } else {
    values_ -= state->has_value() ? 1U : 0U;
  }
  assert(state->versions.empty() || state->newest().revision < version.revision);
  state->versions.push_back(version);
  values_ += state->has_value() ? 1U : 0U;
  bytes_ += version.bytes;
  by_revision_.Append(version.revision, state);
  return *state;
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
