#include "store/key_index.h"

#include <algorithm>
#include <cassert>

#include "store/text_hash.h"

namespace kv::store {

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
    order_.Insert(std::move(fresh));
  }
  return Add(*state, version);
}

KeyState& KeyIndex::Load(KeyState* state, std::string_view key, const Version& version) {
  if (state == nullptr) {
    auto fresh = Make(key);
    state = fresh.get();
    order_.Load(std::move(fresh));
  }
  return Add(*state, version);
}

void KeyIndex::FinishLoading() {
  order_.BringIntoOrder();
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
    order_.Erase(state);
  } else {
    values_ += state.has_value() ? 1U : 0U;
  }
}

void KeyIndex::Clear() {
  by_revision_.Clear();
  by_hash_.Clear();
  order_.Clear();
  bytes_ = 0;
  values_ = 0;
}

}  // namespace kv::store
