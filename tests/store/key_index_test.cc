// The index as it is built at a start: in the same order as one that grew key by key.
#include "store/key_index.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace kv::store::testing {
namespace {

std::vector<std::string> InOrder(const KeyIndex& index) {
  std::vector<std::string> keys;
  for (const auto& [key, state] : index.by_key()) {
    EXPECT_EQ(key, state->key);
    keys.push_back(state->key);
  }
  return keys;
}

// Each key twice, the second time with another revision.
void ExpectSameOrder(const std::vector<std::string>& keys) {
  KeyIndex grown;
  KeyIndex loaded;
  Revision revision = 0;
  for (int round = 0; round < 2; ++round) {
    for (const std::string& key : keys) {
      const Version version{++revision, 10, Operation::kPut};
      grown.Append(grown.Find(key), key, version);
      loaded.Load(loaded.Find(key), key, version);
    }
  }
  loaded.FinishLoading();
  EXPECT_EQ(InOrder(loaded), InOrder(grown));
  EXPECT_EQ(loaded.values(), grown.values());
  EXPECT_EQ(loaded.bytes(), grown.bytes());
  for (const std::string& key : keys) {
    KeyState* state = loaded.Find(key);
    ASSERT_NE(state, nullptr) << key;
    EXPECT_EQ(state->newest().revision, grown.Find(key)->newest().revision) << key;
    EXPECT_EQ(loaded.HolderOf(state->newest().revision), state) << key;
  }
  loaded.Append(nullptr, "\xFFlast", {++revision, 1, Operation::kPut});
  EXPECT_EQ(InOrder(loaded).back(), "\xFFlast");
}

TEST(KeyIndexLoadTest, OfNothing) {
  ExpectSameOrder({});
}

TEST(KeyIndexLoadTest, KeysOfWhichOneBeginsTheOthers) {
  ExpectSameOrder({"site/a/b", "site", "site/a", "site/a!", "site/a/b/c/d/e/f", "site/aaaaaaaab"});
}

TEST(KeyIndexLoadTest, KeysThatDifferBehindTheBytesThatAreCompared) {
  ExpectSameOrder({"0", "12345678z", "12345678y", "12345678", "1234567", "12345678yy"});
}

TEST(KeyIndexLoadTest, BytesAreNotSigned) {
  ExpectSameOrder({"a\xC3\xA4", "a\x7E", "aa", "\xF0\x9F\x98\x80", "z"});
}

TEST(KeyIndexLoadTest, ManyKeysByChance) {
  std::mt19937 random(7);  // NOLINT(cert-msc51-cpp): every run tries the same
  for (int round = 0; round < 50; ++round) {
    const std::string common(random() % 12, 'c');
    std::vector<std::string> keys;
    for (int i = 0; i < 300; ++i) {
      std::string key = common + "/";
      for (std::size_t length = random() % 12; length > 0; --length) {
        key += static_cast<char>('a' + random() % 3);
      }
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
        keys.push_back(std::move(key));
      }
    }
    ExpectSameOrder(keys);
  }
}

// So many keys that a thread brings them into order. Whatever comes next must wait for it.
class KeyIndexThreadTest : public ::testing::Test {
 protected:
  static constexpr Revision kKeys = 60'000;

  void SetUp() override {
    for (Revision revision = kKeys; revision > 0; --revision) {
      keys_.push_back("key/" + std::to_string(revision));
    }
    Revision revision = 0;
    for (const std::string& key : keys_) {
      index_.Load(nullptr, key, {++revision, 10, Operation::kPut});
    }
    std::ranges::sort(keys_);
    index_.FinishLoading();
  }

  std::vector<std::string> keys_;
  KeyIndex index_;
};

TEST_F(KeyIndexThreadTest, TheOrder) {
  EXPECT_EQ(InOrder(index_), keys_);
}

TEST_F(KeyIndexThreadTest, ANewKey) {
  index_.Append(nullptr, "zzz", {kKeys + 1, 1, Operation::kPut});
  keys_.emplace_back("zzz");
  EXPECT_EQ(InOrder(index_), keys_);
}

TEST_F(KeyIndexThreadTest, TheEndOfAKey) {
  KeyState* const state = index_.Find(keys_.front());
  ASSERT_NE(state, nullptr);
  index_.Remove(*state, state->newest().revision);
  keys_.erase(keys_.begin());
  EXPECT_EQ(InOrder(index_), keys_);
}

TEST_F(KeyIndexThreadTest, AKeyThatIsThereNeedNotWait) {
  KeyState* const state = index_.Find(keys_.back());
  ASSERT_NE(state, nullptr);
  index_.Append(state, keys_.back(), {kKeys + 1, 1, Operation::kDelete});
  state->broker_held = BrokerHeld::kNewest;
  EXPECT_EQ(InOrder(index_), keys_);
}

TEST_F(KeyIndexThreadTest, ItsEnd) {
  index_.Clear();
  EXPECT_EQ(InOrder(index_), std::vector<std::string>());
}

TEST_F(KeyIndexThreadTest, OrNothingAtAll) {}

// A write that pushes entries out: as if they had been removed one by one.
TEST(KeyIndexTest, AppendForgetsWhatIsPushedOut) {
  std::mt19937_64 random(5);
  KeyIndex index;
  KeyIndex expected;
  for (Revision revision = 1; revision <= 20'000; ++revision) {
    const std::string key = std::to_string(random() % 50);
    const Version version{revision,
                          static_cast<std::uint32_t>(random() % 100),
                          random() % 4 == 0 ? Operation::kDelete : Operation::kPut};
    KeyState* const state = index.Find(key);
    const std::size_t kept = state == nullptr ? 0 : state->versions.size();
    const std::size_t full = kept >= 5 ? 1 : 0;
    const std::size_t pushed_out = random() % 20 == 0 ? random() % (kept + 1) : full;
    const KeyState& holder = index.Append(state, key, version, pushed_out);
    KeyState& other = expected.Append(expected.Find(key), key, version);
    for (std::size_t i = 0; i < pushed_out; ++i) {
      const Revision oldest = other.versions.front().revision;
      expected.Remove(other, oldest);
      ASSERT_EQ(index.HolderOf(oldest), nullptr);
    }
    ASSERT_EQ(holder.versions.size(), other.versions.size());
    for (std::size_t i = 0; i < holder.versions.size(); ++i) {
      ASSERT_EQ(holder.versions[i].revision, other.versions[i].revision);
      ASSERT_EQ(index.HolderOf(holder.versions[i].revision), &holder);
    }
    ASSERT_EQ(index.bytes(), expected.bytes());
    ASSERT_EQ(index.values(), expected.values());
    ASSERT_EQ(index.by_revision().size(), expected.by_revision().size());
  }
}

}  // namespace
}  // namespace kv::store::testing
