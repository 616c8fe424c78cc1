// What the tests of the journal share: its records as text, and its files.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "store/journal.h"
#include "tests/store/temp_directory.h"

namespace kv::store::testing {

class JournalTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kSegmentBytes = 1024;

  std::unique_ptr<Journal> Create(Sequence first = 1,
                                  std::size_t max_bytes = std::size_t{1} << 20) {
    auto journal = Journal::Create(
        {.directory = directory(), .segment_bytes = kSegmentBytes, .max_bytes = max_bytes}, first);
    EXPECT_TRUE(journal.ok()) << journal.error().message;
    return journal.ok() ? std::move(*journal) : nullptr;
  }

  // A record's bytes, told from its number, so that any record can be checked.
  static std::string BytesOf(Sequence sequence) {
    return "record " + std::to_string(sequence) +
           std::string(sequence % 37, static_cast<char>('a' + sequence % 26));
  }

  static void AppendUpTo(Journal& journal, Sequence last) {
    while (journal.last_sequence() < last) {
      const auto record = journal.Append(BytesOf(journal.last_sequence() + 1));
      ASSERT_TRUE(record.ok()) << record.error().message;
      ASSERT_EQ(record->bytes, BytesOf(record->sequence));
    }
  }

  // The numbers of all that Next() has, each with the bytes it must have.
  static std::vector<Sequence> Drain(Journal& journal) {
    std::vector<Sequence> sequences;
    while (const auto record = journal.Next()) {
      sequences.push_back(record->sequence);
      EXPECT_EQ(record->bytes, BytesOf(record->sequence));
    }
    return sequences;
  }

  static std::vector<Sequence> Recover(const std::string& directory, Sequence after) {
    std::vector<Sequence> sequences;
    auto recovered = Journal::Recover(directory, after, [&](const JournalRecord& record) {
      sequences.push_back(record.sequence);
      EXPECT_EQ(record.bytes, BytesOf(record.sequence));
      return Status(Ok{});
    });
    EXPECT_TRUE(recovered.ok());
    return sequences;
  }
  std::vector<Sequence> Recover(Sequence after) const { return Recover(directory(), after); }

  static std::vector<Sequence> Range(Sequence first, Sequence last) {
    std::vector<Sequence> sequences;
    for (Sequence sequence = first; sequence <= last; ++sequence) {
      sequences.push_back(sequence);
    }
    return sequences;
  }

  // The segments' files, by their numbers.
  std::vector<std::string> Files() const {
    std::vector<std::string> names;
    for (const auto& item : std::filesystem::directory_iterator(directory())) {
      names.push_back(item.path().filename().string());
    }
    std::sort(names.begin(), names.end(), [](const auto& a, const auto& b) {
      return a.size() != b.size() ? a.size() < b.size() : a < b;
    });
    return names;
  }

  std::string Read(const std::string& name) const {
    std::ifstream file(directory() + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  static void Write(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }

  const std::string& directory() const { return directory_.path(); }

 private:
  TempDirectory directory_;
};

}  // namespace kv::store::testing
