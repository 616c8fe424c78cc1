// Texts that were chosen to collide do not.
#include "store/text_hash.h"

#include <cstring>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "store/key_index.h"

namespace kv::store::testing {
namespace {

constexpr std::uint64_t kMultiplier = 0xc6a4'a793'5bd1'e995;  // libstdc++, hash_bytes.cc
constexpr std::size_t kTexts = 2'000;

std::uint64_t Mixed(std::uint64_t number) {
  return number ^ (number >> 47);
}

std::uint64_t InverseOf(std::uint64_t odd) {
  std::uint64_t inverse = odd;
  for (int i = 0; i < 6; ++i) {  // Newton's: each step doubles the bits that are right
    inverse *= 2 - odd * inverse;
  }
  return inverse;
}

// Texts of 16 bytes that all have the same std::hash, whatever its seed: what the first eight do is
// undone by the last eight.
std::vector<std::string> Colliding() {
  constexpr std::uint64_t seed = 0xc70f'6907;  // of std::hash
  const std::uint64_t inverse = InverseOf(kMultiplier);
  std::vector<std::string> texts;
  for (std::uint64_t first = 1; first <= kTexts; ++first) {
    const std::uint64_t begun = seed ^ (16 * kMultiplier);
    const std::uint64_t after_first =
        (begun ^ (Mixed(first * kMultiplier) * kMultiplier)) * kMultiplier;
    const std::uint64_t second = Mixed(after_first * inverse) * inverse;
    std::string text(16, ' ');
    std::memcpy(text.data(), &first, 8);
    std::memcpy(text.data() + 8, &second, 8);
    texts.push_back(text);
  }
  return texts;
}

TEST(TextHashTest, TellsTextsApartThatTheStandardsTakesForOne) {
  std::set<std::size_t> of_the_standard;
  std::set<std::uint64_t> ours;
  for (const std::string& text : Colliding()) {
    of_the_standard.insert(std::hash<std::string>()(text));
    ours.insert(HashOf(text));
  }
  ASSERT_EQ(of_the_standard.size(), 1U) << "this test does not test anything here";
  EXPECT_EQ(ours.size(), kTexts);
}

// With one hash for all of them the index would take all the memory there is.
TEST(TextHashTest, KeysThatWereChosenToCollideDoNoHarm) {
  KeyIndex index;
  Revision revision = 0;
  for (const std::string& key : Colliding()) {
    index.Append(index.Find(key), key, {++revision, 10, Operation::kPut});
  }
  revision = 0;
  for (const std::string& key : Colliding()) {
    const KeyState* const state = index.Find(key);
    ASSERT_NE(state, nullptr);
    EXPECT_EQ(state->newest().revision, ++revision);
  }
}

}  // namespace
}  // namespace kv::store::testing
