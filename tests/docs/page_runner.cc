#include "tests/docs/page_runner.h"

#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <regex>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "tests/docs/output.h"
#include "tests/docs/page.h"
#include "tests/docs/page_broker.h"
#include "tests/docs/terminal.h"

namespace kv::testing {
namespace {

using std::chrono::steady_clock;

void WriteFile(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

class PageRunner {
 public:
  Report Run(std::string_view page);

 private:
  // Each returns what is wrong, or reports it with its line.
  void RunBlock(const Block& block);
  std::string CheckConfiguration(const std::string& text) const;
  std::string WriteFileOf(const Block& block) const;
  void RunConsole(const Block& block);
  void RunInTerminal(const Block& block);
  std::string RunStep(const Step& step);
  std::string ShowStep(Terminal& terminal, const Step& step);
  void CloseTerminals();

  TerminalOptions Options(bool has_keyboard) const;
  std::string Printed(Terminal& terminal) const;
  bool WaitUntilItSubscribes(Terminal& terminal, std::size_t before) const;
  void Add(std::size_t line, const std::string& what);

  PageBroker broker_;
  std::optional<Terminal> shell_;
  struct Window {
    explicit Window(const TerminalOptions& options) : terminal(options) {}
    Terminal terminal;
    std::size_t line = 0;  // of its last block
  };
  std::map<std::string, Window> windows_;
  Report report_;
};

std::string Difference(const std::string& command,
                       const std::string& shown,
                       const std::string& printed) {
  return command + "\nprints\n" + printed + "and not\n" + Normalized(shown);
}

// The tools take their defaults from files of these names.
void WriteToolDefaults(const std::filesystem::path& home, const std::string& port) {
  std::filesystem::create_directory(home / ".config");
  for (const char* tool :
       {"mosquitto_pub", "mosquitto_sub", "mosquitto_rr", "mosquitto_ctrl", "mosquitto_kv"}) {
    WriteFile(home / ".config" / tool, port);
  }
}

// Where the command-line tool was built, before all others.
std::string PathWithTool() {
  const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe)
  return std::string(KV_TOOL_DIRECTORY ":") + (path == nullptr ? "" : path);
}

Report PageRunner::Run(std::string_view page) {
  const std::vector<Block> blocks = ToBlocks(page);
  WriteToolDefaults(broker_.places().home(), broker_.places().ToTest("-p 1883\n"));
  Add(0, broker_.StartAfresh(DefaultConfiguration()));
  shell_.emplace(Options(false));
  for (const Block& block : blocks) {
    RunBlock(block);
  }
  CloseTerminals();
  return std::move(report_);
}

void PageRunner::Add(std::size_t line, const std::string& what) {
  if (!what.empty()) {
    report_.problems.push_back({line, what});
  }
}

TerminalOptions PageRunner::Options(bool has_keyboard) const {
  const std::filesystem::path home = broker_.places().home();
  return {.directory = home,
          .environment = {{"HOME", home.string()},
                          {"XDG_CONFIG_HOME", (home / ".config").string()},
                          {"PATH", PathWithTool()},
                          {"LC_ALL", "C.UTF-8"}},
          .has_keyboard = has_keyboard};
}

void PageRunner::RunBlock(const Block& block) {
  static const std::regex kPrompt(R"((^|\n)\$ )");
  if (block.mark == Mark::kNotRun) {
    report_.not_run.push_back(block.argument);
  } else if (block.mark == Mark::kFile) {
    Add(block.line, WriteFileOf(block));
  } else if (block.language == "console") {
    block.mark == Mark::kTerminal ? RunInTerminal(block) : RunConsole(block);
  } else if (block.language == "conf") {
    ++report_.files;
    Add(block.line,
        block.mark == Mark::kBroker ? broker_.StartAfresh(block.text)
                                    : CheckConfiguration(block.text));
  } else if (block.language == "json") {
    ++report_.files;
    Add(block.line, nlohmann::json::accept(block.text) ? "" : "this is not JSON");
  } else if (block.language != "text" && block.language != "mermaid") {
    Add(block.line,
        "a block of '" + block.language +
            "': accepted are console, conf, json, text and mermaid, and others marked as not run");
  } else if (std::regex_search(block.text, kPrompt)) {
    Add(block.line, "commands stand in a block of console");
  }
}

std::string PageRunner::CheckConfiguration(const std::string& text) const {
  PageBroker scratch;
  scratch.places().CopySettingsFrom(broker_.places());
  return scratch.StartAfresh(text);
}

std::string PageRunner::WriteFileOf(const Block& block) const {
  WriteFile(broker_.places().home() / broker_.places().ToTest(block.argument),
            broker_.places().ToTest(block.text));
  return block.language == "json" && !nlohmann::json::accept(block.text) ? "this is not JSON" : "";
}

void PageRunner::RunConsole(const Block& block) {
  for (const Step& step : ToSteps(block)) {
    Add(step.line, RunStep(step));
  }
}

std::string PageRunner::RunStep(const Step& step) {
  static const std::regex kControl("systemctl (start|stop|restart) mosquitto");
  if (step.command.empty()) {
    return "a block that does not begin with a command belongs to a terminal of its own";
  }
  ++report_.commands;
  if (std::smatch match; std::regex_match(step.command, match, kControl)) {
    return Normalized(step.output).empty() ? broker_.Control(match[1]) : "systemctl prints nothing";
  }
  if (shell_->is_running()) {
    return "not run: a command before it did not end";
  }
  shell_->Run(broker_.places().ToTest(step.command));
  const std::optional<int> exit_code = shell_->WaitFinished();
  const std::string printed = Printed(*shell_);
  if (!exit_code) {
    return step.command + "\ndoes not end, and has printed\n" + printed;
  }
  if (!Matches(step.output, printed)) {
    return Difference(step.command, step.output, printed);
  }
  if (*exit_code != 0 && Normalized(step.output).empty()) {
    return step.command + "\nfails with exit code " + std::to_string(*exit_code);
  }
  return "";
}

std::string PageRunner::Printed(Terminal& terminal) const {
  return Normalized(broker_.places().ToPage(terminal.TakeOutput()));
}

void PageRunner::RunInTerminal(const Block& block) {
  Window& window = windows_.try_emplace(block.argument, Options(true)).first->second;
  window.line = block.line;
  for (const Step& step : ToSteps(block)) {
    Add(step.line, ShowStep(window.terminal, step));
  }
}

std::string PageRunner::ShowStep(Terminal& terminal, const Step& step) {
  const std::size_t subscriptions = broker_.Subscriptions();
  if (step.is_interrupt) {
    if (!terminal.Interrupt()) {
      return "^C does not end it";
    }
  } else if (!step.command.empty()) {
    if (terminal.is_running()) {
      return step.command + "\nis typed while another command runs; press ^C before";
    }
    ++report_.commands;
    terminal.Run(broker_.places().ToTest(step.command));
  }
  const auto deadline = steady_clock::now() + Terminal::kTimeout;
  while (!Matches(step.output, broker_.places().ToPage(terminal.output())) &&
         terminal.Wait(deadline)) {}
  const bool subscribes = step.command.find("mosquitto_sub") != std::string::npos;
  if (subscribes && !WaitUntilItSubscribes(terminal, subscriptions)) {
    return step.command + "\ndoes not subscribe";
  }
  const std::string printed = Printed(terminal);
  return Matches(step.output, printed)
             ? ""
             : Difference("the terminal " + step.command, step.output, printed);
}

// So that it misses nothing of what the page does next.
bool PageRunner::WaitUntilItSubscribes(Terminal& terminal, std::size_t before) const {
  constexpr std::chrono::milliseconds pause{5};
  const auto deadline = steady_clock::now() + Terminal::kTimeout;
  while (terminal.is_running() && broker_.Subscriptions() == before) {
    if (steady_clock::now() > deadline) {
      return false;
    }
    terminal.Wait(steady_clock::now() + pause);
  }
  return true;
}

void PageRunner::CloseTerminals() {
  for (auto& [name, window] : windows_) {
    if (!window.terminal.Interrupt()) {
      Add(window.line, "^C does not end the terminal " + name);
    }
    if (const std::string rest = Printed(window.terminal); !rest.empty()) {
      std::string what = "the terminal " + name;
      what.append(" prints what the page does not show:\n").append(rest);
      Add(window.line, what);
    }
  }
}

}  // namespace

Report RunPage(std::string_view page) {
  return PageRunner().Run(page);
}

}  // namespace kv::testing
