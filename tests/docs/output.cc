#include "tests/docs/output.h"

#include <array>
#include <regex>
#include <sstream>

namespace kv::testing {
namespace {

constexpr std::string_view kAny = "…";

struct Replacement {
  std::regex pattern;
  const char* by;
};

const std::array<Replacement, 5>& Replacements() {
  static const std::array<Replacement, 5> kReplacements = {{
      {std::regex(R"(checkpoint-\d{8}T\d{6}\.\d{9}Z)"), "checkpoint-TIME"},
      {std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z)"), "TIME"},
      {std::regex(R"([0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})"), "UUID"},
      {std::regex(R"((\$SYS/broker/kv/\w+) \d+)"), "$1 NUMBER"},
      {std::regex(R"((^|\n)\d{10}: )"), "$1SECONDS: "},  // a line of the broker's log
  }};
  return kReplacements;
}

std::string Escaped(const std::string& text) {
  static const std::regex kSpecial(R"([.^$|()\[\]{}*+?\\])");
  return std::regex_replace(text, kSpecial, R"(\$&)");
}

std::string PatternOfLine(std::string line) {
  std::string pattern;
  for (std::size_t at = line.find(kAny); at != std::string::npos; at = line.find(kAny)) {
    pattern += Escaped(line.substr(0, at)) + "[^\n]*";
    line.erase(0, at + kAny.size());
  }
  return pattern + Escaped(line) + "\n";
}

}  // namespace

std::string Normalized(std::string_view output) {
  std::string text(output);
  for (const Replacement& replacement : Replacements()) {
    text = std::regex_replace(text, replacement.pattern, replacement.by);
  }
  text.erase(text.find_last_not_of('\n') + 1);
  return text.empty() ? text : text + "\n";
}

bool Matches(std::string_view shown, std::string_view printed) {
  std::string pattern;
  std::istringstream lines(Normalized(shown));
  for (std::string line; std::getline(lines, line);) {
    pattern += line == kAny ? "(?:[^\n]*\n)*" : PatternOfLine(line);
  }
  return std::regex_match(Normalized(printed), std::regex(pattern));
}

}  // namespace kv::testing
