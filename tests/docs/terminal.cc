#include "tests/docs/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <iterator>
#include <system_error>

#include "tests/support/exec_list.h"

namespace kv::testing {
namespace {

using std::chrono::steady_clock;

// Around the exit code of a command, behind its output: a character that no text has.
constexpr char kFinished = '\x1e';

void Check(int error, const char* what) {
  if (error != 0) {
    throw std::system_error(error, std::generic_category(), what);
  }
}

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    Check(pipe2(ends.data(), O_CLOEXEC) == 0 ? 0 : errno, "pipe");
    read = ends[0];
    write = ends[1];
  }
  int read = -1;
  int write = -1;
};

std::vector<std::string> EnvironmentWith(
    const std::vector<std::pair<std::string, std::string>>& ours) {
  std::vector<std::string> all;
  all.reserve(ours.size());
  for (const auto& [name, value] : ours) {
    all.emplace_back(name).append("=").append(value);
  }
  for (char** variable = environ; *variable != nullptr; std::advance(variable, 1)) {
    const std::string text = *variable;
    const auto is_same = [&](const auto& own) {
      return text.starts_with(own.first + "=");
    };
    if (std::none_of(ours.begin(), ours.end(), is_same)) {
      all.push_back(text);
    }
  }
  return all;
}

// bash as the leader of a process group of its own, which ^C and the end go to.
pid_t SpawnShell(const TerminalOptions& options, int input, int output) {
  posix_spawn_file_actions_t actions{};
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  posix_spawn_file_actions_addchdir_np(&actions, options.directory.c_str());
  posix_spawnattr_t attributes{};
  posix_spawnattr_init(&attributes);
  sigset_t signals{};
  sigaddset(&signals, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &signals);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
  std::vector<std::string> arguments = {"bash", "--noprofile", "--norc"};
  std::vector<std::string> environment = EnvironmentWith(options.environment);
  pid_t pid = -1;
  const int error = posix_spawnp(&pid,
                                 "bash",
                                 &actions,
                                 &attributes,
                                 ExecList(arguments).data(),
                                 ExecList(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  Check(error, "bash");
  return pid;
}

}  // namespace

Terminal::Terminal(const TerminalOptions& options) {
  signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c): a shell that has ended is no end of the test
  const Pipe script;
  const Pipe printed;
  script_ = script.write;
  printed_ = printed.read;
  pid_ = SpawnShell(options, script.read, printed.write);
  close(script.read);
  close(printed.write);
  // ^C ends the command, not the shell.
  Write("trap : INT\n");
  if (options.has_keyboard) {
    // A FIFO that is open at both ends is never at its end.
    Write("keyboard=$(mktemp -u) && mkfifo $keyboard && exec 3<>$keyboard && rm $keyboard\n");
  } else {
    Write("exec 3</dev/null\n");
  }
}

Terminal::~Terminal() {
  kill(-pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  close(script_);
  close(printed_);
}

void Terminal::Write(const std::string& text) const {
  // Far less than a pipe holds, and a shell that has ended shows when it is waited for.
  [[maybe_unused]] const ssize_t written = write(script_, text.data(), text.size());
}

void Terminal::Run(const std::string& command) {
  is_running_ = true;
  Write("{ " + command + "\n} <&3 3<&-; printf '\\036%d\\036' $?\n");
}

bool Terminal::Interrupt() {
  constexpr std::chrono::milliseconds pause{200};
  const auto deadline = steady_clock::now() + kTimeout;
  while (is_running_ && steady_clock::now() < deadline) {
    kill(-pid_, SIGINT);
    Wait(steady_clock::now() + pause);
  }
  return !is_running_;
}

bool Terminal::Wait(steady_clock::time_point deadline) {
  const auto rest = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
  pollfd entry{.fd = printed_, .events = POLLIN, .revents = 0};
  if (rest.count() <= 0 || poll(&entry, 1, static_cast<int>(rest.count())) <= 0) {
    return false;
  }
  std::array<char, 4096> bytes{};
  const ssize_t count = read(printed_, bytes.data(), bytes.size());
  if (count <= 0) {
    return false;
  }
  output_.append(bytes.data(), static_cast<std::size_t>(count));
  TakeFinish();
  return true;
}

void Terminal::TakeFinish() {
  const std::size_t begin = output_.find(kFinished);
  const std::size_t end = begin == std::string::npos ? begin : output_.find(kFinished, begin + 1);
  if (end != std::string::npos) {
    exit_code_ = std::stoi(output_.substr(begin + 1, end - begin - 1));
    output_.erase(begin, end - begin + 1);
    is_running_ = false;
  }
}

std::optional<int> Terminal::WaitFinished() {
  const auto deadline = steady_clock::now() + kTimeout;
  while (is_running_) {
    if (!Wait(deadline)) {
      return std::nullopt;
    }
  }
  return exit_code_;
}

}  // namespace kv::testing
