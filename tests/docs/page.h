// A page of the documentation as its test sees it: the fenced blocks of code, in order.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace kv::testing {

// How a block differs from what its language says. README.md has the meanings.
enum class Mark {
  kNone,
  kBroker,
  kFile,
  kTerminal,
  kNotRun
};

struct Block {
  std::size_t line = 0;  // of the fence
  std::string language = {};
  Mark mark = Mark::kNone;
  std::string argument = {};  // the file's path, the terminal's name, the reason
  std::string text = {};
};

// Throws std::runtime_error, which names the line, for a mark that is unknown or lacks its
// argument, and for a block that does not end.
std::vector<Block> ToBlocks(std::string_view page);

// One command of a console block and what it prints.
struct Step {
  std::size_t line = 0;
  std::string command = {};   // empty: goes on with what runs already
  bool is_interrupt = false;  // ^C is typed instead of a command
  std::string output = {};
};

std::vector<Step> ToSteps(const Block& block);

std::string ReadFile(const std::filesystem::path& path);

}  // namespace kv::testing
