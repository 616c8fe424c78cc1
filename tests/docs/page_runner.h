// Does what a page of the documentation says, and reports where it is not true.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace kv::testing {

struct Problem {
  std::size_t line = 0;  // of the page
  std::string what = {};
};

struct Report {
  std::size_t commands = 0;               // run
  std::size_t files = 0;                  // configurations loaded, files written, JSON parsed
  std::vector<std::string> not_run = {};  // why, of each block
  std::vector<Problem> problems = {};
};

// tests/docs/README.md says what is done with a block. Takes a broker and a directory of its own.
Report RunPage(std::string_view page);

}  // namespace kv::testing
