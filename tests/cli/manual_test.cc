// The manual page is well-formed and leaves nothing out.
#include <regex>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "tests/e2e/command.h"

namespace kv::testing {
namespace {

const std::string kManual = KV_SOURCE_DIRECTORY "/cli/mosquitto_kv.1";

std::string Manual() {
  // Without overstrikes, hyphens as typed, and lines long enough for none to be broken.
  return OutputOf("groff -mdoc -Tascii -P-cbou -rLL=2000n -rHY=0 " + kManual);
}

TEST(CliManual, IsWellFormed) {
  EXPECT_EQ(OutputOf("groff -mdoc -ww -z -Tutf8 " + kManual + " 2>&1"), "");
}

TEST(CliManual, HasEveryOption) {
  const std::string manual = Manual();
  const std::string help = OutputOf("HOME=/nonexistent " KV_CLI " --help-all");
  static const std::regex kOption(R"([\s,](--?[A-Za-z][a-z-]*))");
  std::set<std::string> options;
  for (std::sregex_iterator match(help.begin(), help.end(), kOption), end; match != end; ++match) {
    options.insert((*match)[1]);
  }
  EXPECT_GT(options.size(), 60U) << help;
  for (const std::string& option : options) {
    const std::regex word("(^|[\\s(,])" + option + "($|[\\s,.:)])");
    EXPECT_TRUE(std::regex_search(manual, word)) << option << " is not in the manual";
  }
}

TEST(CliManual, HasEveryVerbAndExitCode) {
  const std::string manual = Manual();
  const std::string help = OutputOf("HOME=/nonexistent " KV_CLI " --help");
  for (const char* part : {"Subcommands:", "Exit codes:"}) {
    static const std::regex kRow(R"(\n  (\S+)  )");
    const std::size_t start = help.find(part);
    const std::string rows = help.substr(start, help.find("\n\n", start) - start);
    int count = 0;
    for (std::sregex_iterator row(rows.begin(), rows.end(), kRow), end; row != end; ++row) {
      ++count;
      EXPECT_TRUE(std::regex_search(manual, std::regex("\n +" + (*row)[1].str() + "\\b")))
          << (*row)[1];
    }
    EXPECT_GT(count, 5) << part;
  }
}

}  // namespace
}  // namespace kv::testing
