// mosquitto_kv: the buckets of a broker, from a shell.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "cli/command_line.h"
#include "cli/complete.h"
#include "cli/terminal.h"
#include "cli/tool.h"

#include <CLI/CLI.hpp>

namespace kv::cli {
namespace {

void LookAtTerminal(Tool& tool) {
  tool.output.on_terminal = IsTerminal(STDOUT_FILENO);
  const bool automatic = tool.output.on_terminal &&
                         std::getenv("NO_COLOR") == nullptr;  // NOLINT(concurrency-mt-unsafe)
  tool.output.coloured = tool.colour == "always" || (tool.colour == "auto" && automatic);
}

ExitCode Fail(const Tool& tool, const Error& error) {
  tool.output.Fail(error);
  return ExitCodeOf(error.code);
}

ExitCode Complete(CLI::App& app, Tool& tool, const std::vector<std::string>& words) {
  auto connection = ConnectionWords(app, words);
  connection.emplace_back("ls");  // a verb there has to be
  if (auto parsed = Parse(app, std::move(connection)); !parsed) {
    return ExitCode::kUsage;  // in the middle of a line nobody wants to read about it
  }
  PrintCandidates(app, tool, words);
  return ExitCode::kOk;
}

ExitCode Main(const std::vector<std::string>& arguments) {
  Tool tool;
  CLI::App app;
  BuildCommandLine(app, tool);
  if (auto taken = TakeDefaults(tool); !taken) {
    return Fail(tool, taken.error());
  }
  if (!arguments.empty() && arguments.front() == kCompleteVerb) {
    return Complete(app, tool, {arguments.begin() + 1, arguments.end()});
  }
  auto parsed = Parse(app, arguments);
  LookAtTerminal(tool);
  if (!parsed) {
    return Fail(tool, parsed.error());
  }
  if (!tool.action) {
    return ExitCode::kOk;
  }
  const auto done = tool.action();
  return done ? *done : Fail(tool, done.error());
}

}  // namespace
}  // namespace kv::cli

int main(int argc, char** argv) {
  try {
    return static_cast<int>(kv::cli::Main({argv + 1, argv + argc}));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "mosquitto_kv: %s\n", error.what());
    return static_cast<int>(kv::cli::ExitCode::kRefused);
  }
}
