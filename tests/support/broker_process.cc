#include "tests/support/broker_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include "tests/support/exec_list.h"

namespace kv::testing {
namespace {

using std::chrono::steady_clock;
using Milliseconds = BrokerProcess::Milliseconds;

constexpr const char* kDefaultBinary = "/usr/sbin/mosquitto";
constexpr Milliseconds kTick{5};  // between two looks at what cannot be polled
constexpr int kExecFailed = 127;
constexpr int kSignalBase = 128;

// Below the range from which the kernel takes the ports of outgoing connections.
constexpr unsigned kFirstPort = 10'000;
constexpr unsigned kPortCount = 20'000;

std::string Environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody changes it
  return value == nullptr ? "" : value;
}

int PollMilliseconds(steady_clock::time_point deadline) {
  const auto rest = std::chrono::ceil<Milliseconds>(deadline - steady_clock::now()).count();
  return static_cast<int>(std::max<decltype(rest)>(rest, 0));
}

// True if `file` became readable, which for a pidfd means that the process has ended.
bool WaitReadable(int file, steady_clock::time_point deadline) {
  pollfd entry{.fd = file, .events = POLLIN, .revents = 0};
  while (true) {
    const int ready = poll(&entry, 1, PollMilliseconds(deadline));
    if (ready >= 0 || errno != EINTR) {
      return ready > 0;
    }
  }
}

sockaddr_in LoopbackAddress(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool CanBind(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;  // as the broker does: connections that linger are no obstacle
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const sockaddr_in address = LoopbackAddress(port);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the sockets API
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  const bool bound = bind(socket, generic, sizeof(address)) == 0;
  close(socket);
  return bound;
}

// A name in the abstract namespace belongs to one process at a time and goes with it: a lock
// between tests that run in parallel, without files that could be left behind.
int LockPort(std::uint16_t port) {
  const std::string name = "kv-test-port-" + std::to_string(port);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(name.begin(), name.end(), std::next(std::begin(address.sun_path)));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  const int lock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the sockets API
  if (bind(lock, reinterpret_cast<const sockaddr*>(&address), size) != 0) {
    close(lock);
    return -1;
  }
  return lock;
}

// Connects, says goodbye at once, and waits for the broker to close too: only its main loop does
// that, while the listening socket alone accepts connections already before the plugins are loaded.
bool BrokerAnswers(std::uint16_t port, steady_clock::time_point deadline) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = LoopbackAddress(port);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the sockets API
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  bool answers = false;
  if (connect(socket, generic, sizeof(address)) == 0 && shutdown(socket, SHUT_WR) == 0 &&
      WaitReadable(socket, deadline)) {
    char byte = 0;
    answers = recv(socket, &byte, 1, 0) == 0;  // a reset: it died before it accepted
  }
  close(socket);
  return answers;
}

std::vector<std::string> SplitWords(const std::string& text) {
  std::istringstream words(text);
  return {std::istream_iterator<std::string>(words), std::istream_iterator<std::string>()};
}

// A test that preloads something itself sees to the sanitizer's runtime, too.
bool HasOwnPreload(const BrokerOptions& options) {
  return std::any_of(options.extra_environment.begin(),
                     options.extra_environment.end(),
                     [](const auto& variable) { return variable.first == "LD_PRELOAD"; });
}

std::vector<std::string> CommandLine(const BrokerOptions& options,
                                     const std::filesystem::path& configuration) {
  std::vector<std::string> words = options.command_prefix;
  if (words.empty()) {
    words = SplitWords(Environment("MOSQUITTO_PREFIX"));
  }
  // Not before what stands in front of it: a shell does not survive every sanitizer's runtime.
  const std::string preload = Environment("MOSQUITTO_PRELOAD");
  if (!preload.empty() && !words.empty() && !HasOwnPreload(options)) {
    words.insert(words.end(), {"env", "LD_PRELOAD=" + preload});
  }
  const std::string binary = Environment("MOSQUITTO_BINARY");
  words.push_back(binary.empty() ? kDefaultBinary : std::filesystem::absolute(binary).string());
  words.emplace_back("-c");
  words.push_back(configuration.string());
  return words;
}

void SetVariable(std::vector<std::string>& environment,
                 const std::string& name,
                 const std::string& value) {
  const std::string start = name + "=";
  std::erase_if(environment, [&](const std::string& entry) { return entry.starts_with(start); });
  environment.push_back(start + value);
}

std::vector<std::string> BrokerEnvironment(const BrokerOptions& options) {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    environment.emplace_back(*entry);
  }
  const std::string preload = Environment("MOSQUITTO_PRELOAD");
  const bool has_prefix =
      !options.command_prefix.empty() || !Environment("MOSQUITTO_PREFIX").empty();
  if (!preload.empty() && !has_prefix) {
    SetVariable(environment, "LD_PRELOAD", preload);
  }
  for (const auto& [name, value] : options.extra_environment) {
    SetVariable(environment, name, value);
  }
  return environment;
}

// By the system call, as glibc 2.36 declares its wrapper for C only.
int OpenProcess(pid_t pid) {
  return static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
}

struct Launch {
  std::vector<char*> arguments;
  std::vector<char*> environment;
  const char* directory = nullptr;
  int log = -1;
  pid_t parent = -1;
};

// Runs between fork and exec, possibly of a program with several threads: system calls only.
[[noreturn]] void ExecuteBroker(const Launch& launch) {
  // Counts from the end of the *thread* that forked. The parent may have ended before this call.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() == launch.parent && chdir(launch.directory) == 0 &&
      dup2(launch.log, STDOUT_FILENO) >= 0 && dup2(launch.log, STDERR_FILENO) >= 0) {
    execvpe(launch.arguments.front(), launch.arguments.data(), launch.environment.data());
    constexpr std::string_view message = "cannot execute the broker\n";
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, message.data(), message.size());
  }
  _exit(kExecFailed);
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "kv-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) {
    throw std::system_error(errno, std::generic_category(), name);
  }
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  if (Environment("KEEP_TEST_DIRECTORIES").empty()) {
    std::error_code ignored;  // a destructor cannot report it, and the test is over
    std::filesystem::remove_all(path_, ignored);
  }
}

ReservedPort::ReservedPort() {
  static std::atomic<unsigned> next{static_cast<unsigned>(getpid()) * 7U};
  for (unsigned attempt = 0; attempt < kPortCount; ++attempt) {
    const auto candidate = static_cast<std::uint16_t>(kFirstPort + next++ % kPortCount);
    lock_ = LockPort(candidate);
    if (lock_ < 0) {
      continue;
    }
    if (CanBind(candidate)) {
      number_ = candidate;
      return;
    }
    close(lock_);
  }
  throw std::runtime_error("no free port");
}

ReservedPort::~ReservedPort() {
  close(lock_);
}

void BrokerProcess::WriteConfiguration() const {
  std::ofstream file(ConfigurationPath());
  file << options_.global_configuration << '\n'
       << "log_dest stderr\n"
       << (options_.debug_log ? "log_type all\n"
                              : "log_type error\nlog_type warning\nlog_type notice\n"
                                "log_type information\n");
  if (geteuid() == 0) {
    file << "user root\n";  // or it changes to a user that cannot write to the directory
  }
  file << "listener " << port() << " 127.0.0.1\n"
       << "allow_anonymous " << (options_.allow_anonymous ? "true" : "false") << '\n'
       << options_.configuration << '\n';
}

bool BrokerProcess::Spawn() {
  std::vector<std::string> arguments = CommandLine(options_, ConfigurationPath());
  std::vector<std::string> environment = BrokerEnvironment(options_);
  const std::string directory = directory_.path().string();
  Launch launch;
  launch.arguments = ExecList(arguments);
  launch.environment = ExecList(environment);
  launch.directory = directory.c_str();
  launch.log = open(LogPath().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  launch.parent = getpid();
  pid_ = fork();
  if (pid_ == 0) {
    ExecuteBroker(launch);
  }
  close(launch.log);
  process_ = pid_ > 0 ? OpenProcess(pid_) : -1;
  return process_ >= 0;
}

BrokerProcess::StartResult BrokerProcess::Start(Milliseconds timeout) {
  if (IsRunning()) {
    return {.ok = false, .log = "the broker runs already"};
  }
  WaitExit();  // nobody asked how the last one ended
  std::error_code absent;
  const auto size = std::filesystem::file_size(LogPath(), absent);
  log_start_ = absent ? 0 : static_cast<std::size_t>(size);
  WriteConfiguration();
  const bool ok = Spawn() && WaitServing(steady_clock::now() + timeout);
  return {.ok = ok, .log = Log()};
}

bool BrokerProcess::WaitServing(TimePoint deadline) const {
  while (steady_clock::now() < deadline) {
    if (BrokerAnswers(port(), deadline)) {
      return true;
    }
    if (WaitReadable(process_, steady_clock::now() + kTick)) {
      return false;
    }
  }
  return false;
}

int BrokerProcess::Reap() {
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {}
  close(process_);
  process_ = -1;
  pid_ = -1;
  return WIFSIGNALED(status) ? kSignalBase + WTERMSIG(status) : WEXITSTATUS(status);
}

bool BrokerProcess::IsRunning() const {
  return process_ >= 0 && !WaitReadable(process_, steady_clock::now());
}

bool BrokerProcess::Signal(int signal) const {
  return pid_ > 0 && kill(pid_, signal) == 0;
}

int BrokerProcess::WaitExit(Milliseconds timeout) {
  if (process_ < 0 || !WaitReadable(process_, steady_clock::now() + timeout)) {
    return -1;
  }
  return Reap();
}

int BrokerProcess::Stop(Milliseconds timeout) {
  if (!Signal(SIGTERM)) {
    return -1;
  }
  if (!WaitReadable(process_, steady_clock::now() + timeout)) {
    return Kill();
  }
  const int status = Reap();
  if (status != 0) {
    std::cerr << "the broker ended with status " << status << ":\n" << Log();
  }
  return status;
}

int BrokerProcess::Kill() {
  if (!Signal(SIGKILL)) {
    return -1;
  }
  return Reap();
}

BrokerProcess::StartResult BrokerProcess::Restart(Milliseconds timeout) {
  const int status = Stop(timeout);
  if (status != 0) {
    return {.ok = false, .log = "exit status " + std::to_string(status) + "\n" + Log()};
  }
  return Start(timeout);
}

std::string BrokerProcess::FullLog() const {
  std::ifstream file(LogPath(), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string BrokerProcess::Log() const {
  const std::string full = FullLog();
  return full.substr(std::min(log_start_, full.size()));
}

bool BrokerProcess::WaitForLog(std::string_view substring, Milliseconds timeout) const {
  const TimePoint deadline = steady_clock::now() + timeout;
  while (Log().find(substring) == std::string::npos) {
    // A broker that has ended writes no more, so the look after that is the last.
    const bool ended = !IsRunning();
    if (ended || steady_clock::now() >= deadline) {
      return Log().find(substring) != std::string::npos;
    }
    WaitReadable(process_, steady_clock::now() + kTick);
  }
  return true;
}

}  // namespace kv::testing
