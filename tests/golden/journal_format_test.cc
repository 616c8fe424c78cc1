// The bytes of a journal segment, format 1: a broker that was updated after a crash must read what
// the old one left. See storage_format_test.cc for what a failure here means.
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "store/journal.h"
#include "tests/golden/hex.h"
#include "tests/store/temp_directory.h"

namespace kv::store::testing {
namespace {

using kv::testing::FromHex;
using kv::testing::ToHex;

// magic "MKVJRNL1"; version 1; reserved; segment 1; first sequence 7; check; padding to 64
constexpr std::string_view kHeader =
    "4d4b564a524e4c31 01000000 00000000 0100000000000000 0700000000000000 437df0e39ceef91b"
    " 000000000000000000000000000000000000000000000000";
// sequence 7; length 3; check; "abc"; padding to 8
constexpr std::string_view kFirst = "0700000000000000 03000000 b8034a66 6162630000000000";
// sequence 8; length 0; check
constexpr std::string_view kSecond = "0800000000000000 00000000 ae855be2";
// sequence 9; length 8; check; "12345678"
constexpr std::string_view kThird = "0900000000000000 08000000 f89a2ba4 3132333435363738";

std::string Golden() {
  return FromHex(kHeader) + FromHex(kFirst) + FromHex(kSecond) + FromHex(kThird);
}

TEST(GoldenJournalTest, WritesTheseBytes) {
  const TempDirectory directory;
  auto journal = Journal::Create({.directory = directory.path(), .segment_bytes = 4096}, 7);
  ASSERT_TRUE(journal.ok());
  for (const auto* const bytes : {"abc", "", "12345678"}) {
    ASSERT_TRUE((*journal)->Append(bytes).ok());
  }
  std::ifstream file(directory.path() + "/1.journal", std::ios::binary);
  const std::string written{std::istreambuf_iterator<char>(file), {}};
  const std::string golden = Golden();
  EXPECT_EQ(ToHex(written.substr(0, golden.size())), ToHex(golden));
  EXPECT_EQ(written.size(), 4096U);
  EXPECT_EQ(written.find_first_not_of('\0', golden.size()), std::string::npos);
}

TEST(GoldenJournalTest, ReadsTheseBytes) {
  const TempDirectory directory;
  std::ofstream(directory.path() + "/1.journal", std::ios::binary) << Golden();
  std::vector<std::string> seen;
  auto recovered = Journal::Recover(directory.path(), 6, [&](const JournalRecord& record) {
    seen.push_back(std::to_string(record.sequence) + ":" + std::string(record.bytes));
    return Status(Ok{});
  });
  ASSERT_TRUE(recovered.ok());
  EXPECT_EQ(seen, (std::vector<std::string>{"7:abc", "8:", "9:12345678"}));
}

}  // namespace
}  // namespace kv::store::testing
