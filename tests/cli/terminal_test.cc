// What is special on a terminal: script(1) gives the tool one.
#include <string>

#include <gtest/gtest.h>

#include "tests/cli/cli_fixture.h"

namespace kv::testing {
namespace {

class CliTerminal : public CliTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(CliTest::SetUp());
    client().Put("config/lamp", "on");
  }
  std::string OnTerminal(const std::string& arguments, const std::string& environment = "") {
    return WithoutTimes(OutputOf(environment + " script -qec 'stty cols 100; " + ToBroker() +
                                 arguments + "' /dev/null < /dev/null"));
  }
};

TEST_F(CliTerminal, AValueEndsWithALineBreak) {
  EXPECT_EQ(OnTerminal("get config lamp"), "on\r\n");
  client().Put("config/lamp", "on\n");
  EXPECT_EQ(OnTerminal("get config lamp"), "on\r\n");
}

TEST_F(CliTerminal, TablesHaveHeadingsAndColours) {
  const std::string table = OnTerminal("ls");
  EXPECT_EQ(table.find("\x1b[1mBUCKET\x1b[0m  \x1b[1mKEYS\x1b[0m  "), 0U) << table;
  EXPECT_NE(table.find("\n\x1b[1mconfig\x1b[0m     1 "), std::string::npos) << table;
  EXPECT_NE(OnTerminal("history config").find("\x1b[32mPUT\x1b[0m"), std::string::npos);
}

TEST_F(CliTerminal, ColoursCanBeSwitchedOffAndOn) {
  EXPECT_EQ(OnTerminal("ls --color never").find('\x1b'), std::string::npos);
  EXPECT_EQ(OnTerminal("ls", "NO_COLOR=1").find('\x1b'), std::string::npos);
  EXPECT_NE(OnTerminal("ls --color always", "NO_COLOR=1").find('\x1b'), std::string::npos);
  EXPECT_EQ(Run("ls").find('\x1b'), std::string::npos);
}

TEST_F(CliTerminal, LongValuesAreCutToItsWidth) {
  client().Put("config/lamp", std::string(500, 'x'));
  const std::string history = OnTerminal("history config --color never");
  EXPECT_NE(history.find("xx…\r\n"), std::string::npos) << history;
  EXPECT_NE(Run("history config").find(std::string(500, 'x')), std::string::npos);
}

TEST_F(CliTerminal, ControlCharactersDoNotGetThrough) {
  client().Put("config/lamp", "\x1b[2J");
  const std::string history = OnTerminal("history config --color never");
  EXPECT_NE(history.find("\\x1b[2J"), std::string::npos) << history;
}

TEST_F(CliTerminal, CopiesShowAProgressBar) {
  const std::string file = path("config.jsonl");
  const std::string out = OnTerminal("export config -o " + file);
  EXPECT_NE(out.find("export config: 100 % [========================] 1 entries"),
            std::string::npos)
      << out;
  const std::string in = OnTerminal("import copy " + file);
  EXPECT_NE(in.find("import copy: 100 % [========================] 1 entries"), std::string::npos)
      << in;
  EXPECT_EQ(OnTerminal("import copy --quiet " + file), "1 written, 0 skipped\r\n");
  EXPECT_EQ(Run("import copy " + file + " 2>&1"), "1 written, 0 skipped\n") << "not in a pipe";
}

}  // namespace
}  // namespace kv::testing
