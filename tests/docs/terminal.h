// A shell that runs one command after another and keeps its variables in between.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kv::testing {

// Where and how the commands run.
struct TerminalOptions {
  std::filesystem::path directory = {};
  // Beside the test's own environment, and before it.
  std::vector<std::pair<std::string, std::string>> environment = {};
  // Somebody sits there and types nothing; otherwise commands find their input at its end.
  bool has_keyboard = false;
};

// Used by one thread. The shell and what it has started, also in the background, go with it.
class Terminal {
 public:
  // Only a failing test waits so long.
  static constexpr std::chrono::seconds kTimeout{60};

  // Throws std::system_error if there is no bash.
  explicit Terminal(const TerminalOptions& options);
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  // Only while nothing runs.
  void Run(const std::string& command);
  // Types ^C until the command ends: it may not have begun. False if it does not end.
  bool Interrupt();

  // Waits for more output or the command's end; false when the time is up or the shell has ended.
  bool Wait(std::chrono::steady_clock::time_point deadline);
  // Waits for the command's end and gives its exit code; nothing if it does not come.
  std::optional<int> WaitFinished();

  bool is_running() const { return is_running_; }
  // What was printed, errors and warnings too, since it was last taken.
  const std::string& output() const { return output_; }
  std::string TakeOutput() { return std::exchange(output_, {}); }

 private:
  void Write(const std::string& text) const;
  void TakeFinish();

  pid_t pid_ = -1;
  int script_ = -1;   // what the shell reads
  int printed_ = -1;  // what it and its commands print
  bool is_running_ = false;
  int exit_code_ = 0;
  std::string output_;
};

}  // namespace kv::testing
