#include "tests/docs/page.h"

#include <array>
#include <fstream>
#include <iterator>
#include <optional>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace kv::testing {
namespace {

struct MarkName {
  const char* name;
  Mark mark;
  bool has_argument;
};
constexpr std::array<MarkName, 4> kMarkNames = {{{"broker", Mark::kBroker, false},
                                                 {"file", Mark::kFile, true},
                                                 {"terminal", Mark::kTerminal, true},
                                                 {"not run", Mark::kNotRun, true}}};

[[noreturn]] void Fail(std::size_t line, const std::string& what) {
  throw std::runtime_error("line " + std::to_string(line) + ": " + what);
}

void SetMark(Block& block, std::size_t line, const std::string& comment) {
  const std::size_t colon = comment.find(": ");
  const std::string name = comment.substr(0, colon);
  for (const MarkName& known : kMarkNames) {
    if (name == known.name) {
      block.mark = known.mark;
      block.argument = colon == std::string::npos ? "" : comment.substr(colon + 2);
      if (block.argument.empty() == known.has_argument) {
        Fail(line, name + (known.has_argument ? " needs an argument" : " takes no argument"));
      }
      return;
    }
  }
  Fail(line, "unknown mark '" + name + "'; accepted are broker, file, terminal and not run");
}

// Without the indentation that the fence has.
std::string_view Unindented(std::string_view line, std::size_t indentation) {
  const std::size_t spaces = std::min(line.find_first_not_of(' '), line.size());
  return line.substr(std::min(spaces, indentation));
}

}  // namespace

std::vector<Block> ToBlocks(std::string_view page) {
  static const std::regex kComment(R"(^ *<!-- (.*\S) -->\s*$)");
  static const std::regex kFence(R"(^( *)(```+)(\S*)\s*$)");
  std::vector<Block> blocks;
  std::optional<Block> open;
  std::string end_of_open;
  std::size_t indentation = 0;
  std::optional<std::pair<std::size_t, std::string>> comment;
  std::istringstream lines{std::string(page)};
  std::string line;
  for (std::size_t number = 1; std::getline(lines, line); ++number) {
    std::smatch match;
    if (open) {
      const std::string_view content = Unindented(line, indentation);
      if (content == end_of_open) {
        blocks.push_back(*std::exchange(open, std::nullopt));
      } else {
        open->text.append(content).append("\n");
      }
    } else if (std::regex_match(line, match, kFence)) {
      open = Block{.line = number, .language = match[3]};
      indentation = static_cast<std::size_t>(match[1].length());
      end_of_open = match[2];
      if (comment) {
        SetMark(*open, comment->first, comment->second);
      }
      comment.reset();
    } else if (std::regex_match(line, match, kComment)) {
      comment.emplace(number, match[1]);
    } else if (line.find_first_not_of(' ') != std::string::npos) {
      comment.reset();  // of the text, not of a block
    }
  }
  if (open) {
    Fail(open->line, "the block does not end");
  }
  return blocks;
}

std::vector<Step> ToSteps(const Block& block) {
  std::vector<Step> steps;
  std::istringstream lines(block.text);
  std::string line;
  for (std::size_t number = block.line + 1; std::getline(lines, line); ++number) {
    if (line.starts_with("$ ")) {
      Step step{.line = number, .command = line.substr(2)};
      while (line.ends_with('\\') && std::getline(lines, line)) {
        ++number;
        step.command += "\n" + line;
      }
      steps.push_back(std::move(step));
    } else if (line == "^C") {
      steps.push_back({.line = number, .is_interrupt = true});
    } else {
      if (steps.empty()) {
        steps.push_back({.line = number});
      }
      steps.back().output += line + "\n";
    }
  }
  return steps;
}

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw std::runtime_error("cannot read " + path.string());
  }
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace kv::testing
