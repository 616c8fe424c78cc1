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

KeyState& KeyIndex::Add(KeyState& state, const Version& version, std::size_t pushed_out) {
  auto& versions = state.versions;
  assert(versions.empty() || state.newest().revision < version.revision);
  by_revision_.Append(version.revision, &state);  // before anything is taken away: it may throw
  values_ -= !versions.empty() && state.has_value() ? 1U : 0U;
  for (std::size_t i = 0; i < pushed_out; ++i) {
    bytes_ -= versions[i].bytes;
    by_revision_.Erase(versions[i].revision);
  }
  if (pushed_out == 1) {  // a full key: in place, so that it never holds one more than it keeps
    std::copy(versions.begin() + 1, versions.end(), versions.begin());
    versions.back() = version;
  } else {
    versions.erase(versions.begin(), versions.begin() + static_cast<std::ptrdiff_t>(pushed_out));
    versions.push_back(version);
  }
  values_ += state.has_value() ? 1U : 0U;
  bytes_ += version.bytes;
  return state;
}

KeyState& KeyIndex::Append(KeyState* state,
                           std::string_view key,
                           const Version& version,
                           std::size_t pushed_out) {
  if (state == nullptr) {
    auto fresh = Make(key);
    state = fresh.get();
    order_.Insert(std::move(fresh));
  }
  return Add(*state, version, pushed_out);
}

KeyState& KeyIndex::Load(KeyState* state, std::string_view key, const Version& version) {
  if (state == nullptr) {
    auto fresh = Make(key);
    state = fresh.get();
    order_.Load(std::move(fresh));
  }
  return Add(*state, version, 0);
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
