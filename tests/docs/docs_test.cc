// What the documentation says is true: its commands are run, its configurations loaded.
#include <filesystem>
#include <iostream>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/docs/page.h"
#include "tests/docs/page_runner.h"

namespace kv::testing {
namespace {

const std::filesystem::path kSource = KV_SOURCE_DIRECTORY;

// Relative to the source directory, in a fixed order.
std::vector<std::string> Pages() {
  std::set<std::string> pages = {"README.md"};
  for (const auto& file : std::filesystem::directory_iterator(kSource / "docs")) {
    if (file.path().extension() == ".md") {
      pages.insert("docs/" + file.path().filename().string());
    }
  }
  return {pages.begin(), pages.end()};
}

std::string TestName(const ::testing::TestParamInfo<std::string>& page) {
  return std::regex_replace(page.param, std::regex("[^A-Za-z0-9]"), "_");
}

class Docs : public ::testing::TestWithParam<std::string> {};

TEST_P(Docs, EveryCommandDoesWhatThePageShows) {
  const std::filesystem::path path = kSource / GetParam();
  const Report report = RunPage(ReadFile(path));
  for (const Problem& problem : report.problems) {
    ADD_FAILURE_AT(path.c_str(), static_cast<int>(problem.line)) << problem.what;
  }
  std::cout << GetParam() << ": " << report.commands << " commands run, " << report.files
            << " configurations loaded, " << report.not_run.size() << " blocks not run\n";
  for (const std::string& why : report.not_run) {
    std::cout << "  not run: " << why << "\n";
  }
}

INSTANTIATE_TEST_SUITE_P(Page, Docs, ::testing::ValuesIn(Pages()), TestName);

}  // namespace
}  // namespace kv::testing
