// The links between the pages lead somewhere.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "tests/docs/page.h"

namespace kv::testing {
namespace {

const std::filesystem::path kSource = KV_SOURCE_DIRECTORY;

// As GitHub makes it of a heading.
std::string AnchorOf(const std::string& heading) {
  std::string anchor;
  for (const char c : heading) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '_' || byte >= 0x80) {
      anchor += static_cast<char>(std::tolower(byte));
    } else if (c == ' ') {
      anchor += '-';
    }
  }
  return anchor;
}

std::set<std::string> AnchorsOf(const std::string& page) {
  static const std::regex kLink(R"(\[([^\]]*)\]\([^)]*\))");
  std::set<std::string> anchors;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) {
      const std::string heading = line.substr(line.find_first_not_of('#'));
      anchors.insert(AnchorOf(std::regex_replace(heading.substr(1), kLink, "$1")));
    }
  }
  return anchors;
}

std::string WithoutBlocks(const std::string& page) {
  static const std::regex kBlock("```[^`]*```");
  return std::regex_replace(page, kBlock, "");
}

void ExpectTarget(const std::filesystem::path& page, const std::string& link) {
  const std::size_t hash = link.find('#');
  const std::string file = link.substr(0, hash);
  const std::filesystem::path target = file.empty() ? page : page.parent_path() / file;
  if (!std::filesystem::exists(target)) {
    ADD_FAILURE() << page << ": there is no " << link;
  } else if (hash != std::string::npos) {
    EXPECT_TRUE(AnchorsOf(ReadFile(target)).contains(link.substr(hash + 1)))
        << page << ": there is no heading for " << link;
  }
}

std::size_t ExpectTargetsOf(const std::filesystem::path& page) {
  static const std::regex kLink(R"(\]\(([^)\s]+)\))");
  const std::string text = WithoutBlocks(ReadFile(page));
  std::size_t count = 0;
  for (std::sregex_iterator link(text.begin(), text.end(), kLink), end; link != end; ++link) {
    if ((*link)[1].str().find("://") == std::string::npos) {
      ExpectTarget(page, (*link)[1]);
      ++count;
    }
  }
  return count;
}

TEST(Links, LeadToAFileAndAHeadingThatAreThere) {
  EXPECT_GT(ExpectTargetsOf(kSource / "README.md"), 0U);
  for (const char* folder : {"docs", "examples", "tests/docs"}) {
    for (const auto& file : std::filesystem::recursive_directory_iterator(kSource / folder)) {
      if (file.path().extension() == ".md") {
        ExpectTargetsOf(file.path());
      }
    }
  }
}

TEST(Links, AnAnchorIsMadeAsGitHubDoes) {
  EXPECT_EQ(
      AnchorsOf("# One\ntext\n## `$KV/<bucket>/get/<key>`\n### Replies of MQTT 3.1 and [5](x)\n"),
      (std::set<std::string>{"one", "kvbucketgetkey", "replies-of-mqtt-31-and-5"}));
}

}  // namespace
}  // namespace kv::testing
