// How a page is read, and what of an output may differ.
#include "tests/docs/page.h"

#include <stdexcept>

#include <gtest/gtest.h>

#include "tests/docs/output.h"

namespace kv::testing {
namespace {

TEST(Page, BlocksComeInOrderWithTheirLanguageAndLine) {
  const auto blocks =
      ToBlocks("text\n```conf\na\n\nb\n```\n\n1. item\n\n   ```text\n   c\n     d\n   ```\n");
  ASSERT_EQ(blocks.size(), 2U);
  EXPECT_EQ(blocks[0].line, 2U);
  EXPECT_EQ(blocks[0].language, "conf");
  EXPECT_EQ(blocks[0].mark, Mark::kNone);
  EXPECT_EQ(blocks[0].text, "a\n\nb\n");
  EXPECT_EQ(blocks[1].text, "c\n  d\n") << "without the indentation of the list";
}

TEST(Page, AMarkBelongsToTheBlockThatFollowsIt) {
  const auto blocks = ToBlocks(
      "<!-- file: /etc/x -->\n```conf\n```\n\n<!-- a remark -->\ntext\n```text\n```\n"
      "<!-- not run: it installs -->\n\n```sh\n```\n");
  ASSERT_EQ(blocks.size(), 3U);
  EXPECT_EQ(blocks[0].mark, Mark::kFile);
  EXPECT_EQ(blocks[0].argument, "/etc/x");
  EXPECT_EQ(blocks[1].mark, Mark::kNone);
  EXPECT_EQ(blocks[2].mark, Mark::kNotRun);
  EXPECT_EQ(blocks[2].argument, "it installs");
}

TEST(Page, AMarkThatIsNoneIsAnError) {
  EXPECT_THROW(ToBlocks("<!-- terminall: x -->\n```console\n```\n"), std::runtime_error);
  EXPECT_THROW(ToBlocks("<!-- not run -->\n```console\n```\n"), std::runtime_error);
  EXPECT_THROW(ToBlocks("<!-- broker: x -->\n```conf\n```\n"), std::runtime_error);
  EXPECT_THROW(ToBlocks("```console\n"), std::runtime_error);
}

TEST(Page, ABlockIsCommandsWithTheirOutput) {
  const auto steps = ToSteps({.line = 10, .text = "$ a \\\n    b\none\n\ntwo\n$ c\n^C\nthree\n"});
  ASSERT_EQ(steps.size(), 3U);
  EXPECT_EQ(steps[0].line, 11U);
  EXPECT_EQ(steps[0].command, "a \\\n    b");
  EXPECT_EQ(steps[0].output, "one\n\ntwo\n");
  EXPECT_EQ(steps[1].line, 16U);
  EXPECT_EQ(steps[1].command, "c");
  EXPECT_TRUE(steps[2].is_interrupt);
  EXPECT_EQ(steps[2].output, "three\n");
}

TEST(Output, TimesAndNamesOfCheckpointsMayDiffer) {
  EXPECT_TRUE(Matches("kv-time:2026-11-22T21:14:12.331710183Z",
                      "kv-time:2031-01-02T03:04:05.000000001Z\n"));
  EXPECT_TRUE(
      Matches("checkpoint-20261124T153531.203929103Z", "checkpoint-20270101T000000.000000000Z"));
  EXPECT_TRUE(Matches("$SYS/broker/kv/writes 14", "$SYS/broker/kv/writes 0"));
  EXPECT_FALSE(Matches("kv-revision:1", "kv-revision:2"));
  EXPECT_FALSE(Matches("kv-time:2026-11-22T21:14:12.331710183Z", "kv-time:yesterday"));
}

TEST(Output, EveryLineCounts) {
  EXPECT_TRUE(Matches("a\nb\n\n", "a\nb\n"));
  EXPECT_TRUE(Matches("", ""));
  EXPECT_FALSE(Matches("", "a\n"));
  EXPECT_FALSE(Matches("a\n", ""));
  EXPECT_FALSE(Matches("a\n", "a\nb\n"));
  EXPECT_FALSE(Matches("a.c\n", "abc\n")) << "what is shown is no pattern";
}

TEST(Output, AnEllipsisIsAnyTextOfALineOrAnyLines) {
  EXPECT_TRUE(Matches("a … d\n", "a b c d\n"));
  EXPECT_FALSE(Matches("a … d\n", "a b\nc d\n"));
  EXPECT_TRUE(Matches("a\n…\nd\n", "a\nb\nc\nd\n"));
  EXPECT_TRUE(Matches("a\n…\nd\n", "a\nd\n"));
  EXPECT_FALSE(Matches("a\n…\nd\n", "a\nb\n"));
}

}  // namespace
}  // namespace kv::testing
