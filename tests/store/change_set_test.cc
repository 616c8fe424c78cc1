// Change sets: visited in the order in which they were made, and refused whole when damaged.
#include "store/change_set.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/store/random_entries.h"

namespace kv::store::testing {
namespace {

class Lines final : public ChangeVisitor {
 public:
  void Put(std::string_view key, std::string_view value) override { Add("put", key, value); }
  void SingleDelete(std::string_view key) override { Add("single-delete", key, ""); }
  void Delete(std::string_view key) override { Add("delete", key, ""); }
  void DeleteRange(std::string_view from, std::string_view to) override { Add("range", from, to); }

  const std::vector<std::string>& lines() const { return lines_; }

 private:
  void Add(const char* what, std::string_view first, std::string_view second) {
    lines_.push_back(std::string(what) + " " + std::string(first) + " " + std::string(second));
  }
  std::vector<std::string> lines_;
};

ChangeSet OneOfEach() {
  ChangeSet more;
  more.DeleteRange("f", "g");
  ChangeSet changes;
  changes.Put("a", "1");
  changes.SingleDelete("b");
  changes.Delete("c");
  changes.Append(more);
  return changes;
}

TEST(ChangeSetTest, IsVisitedInOrder) {
  Lines lines;
  ASSERT_TRUE(VisitChanges(OneOfEach().bytes(), lines).ok());
  EXPECT_EQ(lines.lines(),
            (std::vector<std::string>{"put a 1", "single-delete b ", "delete c ", "range f g"}));
}

TEST(ChangeSetTest, IsEmptyAtFirstAndAfterClear) {
  ChangeSet changes = OneOfEach();
  EXPECT_FALSE(changes.empty());
  changes.Clear();
  EXPECT_TRUE(changes.empty());
  Lines lines;
  EXPECT_TRUE(VisitChanges(changes.bytes(), lines).ok());
  EXPECT_TRUE(lines.lines().empty());
}

TEST(ChangeSetTest, TellsWhereAnEntryStands) {
  RandomEntries random(7);
  for (int i = 0; i < 200; ++i) {
    const Entry entry = random.Next();
    ChangeSet changes;
    changes.Delete("before");
    const Revision former = i % 2 == 0 ? 0 : ~Revision{0};
    EXPECT_LE(RecordOf(entry, former).size() - entry.value.size(),
              MostEntryHeadBytes(PartsOf(entry, former)));
    const auto [start, length] = changes.PutEntry(7, 8, PartsOf(entry, former));
    changes.Delete("after");
    const std::string record(changes.bytes().substr(start, length));
    EXPECT_EQ(record, RecordOf(entry, former));
    Lines lines;
    ASSERT_TRUE(VisitChanges(changes.bytes(), lines).ok());
    EXPECT_EQ(lines.lines(),
              (std::vector<std::string>{
                  "delete before ", "put " + StreamKey(7, 8) + " " + record, "delete after "}));
  }
}

TEST(ChangeSetTest, ThatIsCutIsRefused) {
  const std::string bytes(OneOfEach().bytes());
  std::size_t whole = 0;
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    Lines lines;
    whole += VisitChanges(bytes.substr(0, length), lines).ok() ? 1U : 0U;
  }
  EXPECT_EQ(whole, 4U);  // before each of the four changes
}

TEST(ChangeSetTest, WithAnUnknownChangeIsRefused) {
  for (const int tag : {0, 5, 255}) {
    std::string bytes(OneOfEach().bytes());
    bytes[0] = static_cast<char>(tag);
    Lines lines;
    EXPECT_FALSE(VisitChanges(bytes, lines).ok()) << tag;
  }
}

}  // namespace
}  // namespace kv::store::testing
