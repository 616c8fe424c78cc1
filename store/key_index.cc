#include "store/key_index.h"

#include <algorithm>
#include <cassert>

namespace kv::store {

KeyState* KeyIndex::Find(std::string_view key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : found->second.get();
}

KeyState& KeyIndex::Append(KeyState* state, std::string_view key, const Version& version) {
  if (state == nullptr) {
    auto fresh = std::make_unique<KeyState>();
    fresh->key = key;
    state = fresh.get();
    by_key_.emplace(state->key, std::move(fresh));
  } else {
    values_ -= state->has_value() ? 1U : 0U;
  }
  assert(state->versions.empty() || state->newest().revision < version.revision);
  state->versions.push_back(version);
  values_ += state->has_value() ? 1U : 0U;
  bytes_ += version.bytes;
  by_revision_.emplace_hint(by_revision_.end(), version.revision, state);
  return *state;
}

void KeyIndex::Remove(KeyState& state, Revision revision) {
  const auto version =
      std::find_if(state.versions.begin(), state.versions.end(), [revision](const Version& v) {
        return v.revision == revision;
      });
  assert(version != state.versions.end());
  values_ -= state.has_value() ? 1U : 0U;
  bytes_ -= version->bytes;
  by_revision_.erase(revision);
  state.versions.erase(version);
  if (state.versions.empty()) {
    by_key_.erase(by_key_.find(state.key));
  } else {
    values_ += state.has_value() ? 1U : 0U;
  }
}

void KeyIndex::Clear() {
  by_revision_.clear();
  by_key_.clear();
  bytes_ = 0;
  values_ = 0;
}

KeyState* KeyIndex::HolderOf(Revision revision) const {
  const auto found = by_revision_.find(revision);
  return found == by_revision_.end() ? nullptr : found->second;
}

}  // namespace kv::store
