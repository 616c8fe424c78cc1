// A Mosquitto of a test's own: in a fresh directory, on a free port of 127.0.0.1, gone when the
// test is.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kv::testing {

// Removed with everything in it, unless the environment has KEEP_TEST_DIRECTORIES.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// A port of 127.0.0.1 that nobody listens on, and that no other ReservedPort on this machine has.
class ReservedPort {
 public:
  ReservedPort();
  ~ReservedPort();
  ReservedPort(const ReservedPort&) = delete;
  ReservedPort& operator=(const ReservedPort&) = delete;

  std::uint16_t number() const { return number_; }

 private:
  int lock_ = -1;
  std::uint16_t number_ = 0;
};

// Environment, for running all tests another way:
//   MOSQUITTO_BINARY   instead of /usr/sbin/mosquitto
//   MOSQUITTO_PREFIX   a command that the broker is run by, words separated by spaces
//   MOSQUITTO_PRELOAD  LD_PRELOAD of the broker alone (a sanitizer's runtime)
struct BrokerOptions {
  // The broker runs in its directory(), so paths in here may be relative. `configuration` follows
  // the listener and applies to it if `global_configuration` has "per_listener_settings true".
  std::string configuration = {};
  std::string global_configuration = {};
  std::vector<std::string> command_prefix = {};  // replaces MOSQUITTO_PREFIX if not empty
  std::vector<std::pair<std::string, std::string>> extra_environment = {};
  bool allow_anonymous = true;
  bool debug_log = true;  // every packet; off for a test of very many
};

class BrokerProcess {
 public:
  using Milliseconds = std::chrono::milliseconds;
  // Only a failing test waits so long; a broker under valgrind takes seconds.
  static constexpr Milliseconds kDefaultTimeout{60'000};

  struct StartResult {
    bool ok = false;
    std::string log;
    explicit operator bool() const { return ok; }
  };

  explicit BrokerProcess(BrokerOptions options = {}) : options_(std::move(options)) {}
  ~BrokerProcess() { Stop(); }
  BrokerProcess(const BrokerProcess&) = delete;
  BrokerProcess& operator=(const BrokerProcess&) = delete;

  // Waits until the broker serves connections (its plugins are loaded then) or has ended.
  StartResult Start(Milliseconds timeout = kDefaultTimeout);
  // SIGTERM. Returns the exit status as a shell counts: the exit code, or 128 + the signal that
  // ended it, SIGKILL if it did not end in time. One that has ended by itself is reported the same
  // way; -1 if there is nothing to stop.
  int Stop(Milliseconds timeout = kDefaultTimeout);
  int Kill();  // SIGKILL
  // Stop() and Start() with the same port and directory; false also if it did not stop cleanly.
  StartResult Restart(Milliseconds timeout = kDefaultTimeout);
  // Waits for the broker to end by itself, also after a failed Start(); -1 if it does not.
  int WaitExit(Milliseconds timeout = kDefaultTimeout);
  bool IsRunning() const;
  bool Signal(int signal) const;

  // What the broker has written to stderr since the last Start(), and since the first one.
  std::string Log() const;
  std::string FullLog() const;
  // Searches Log().
  bool WaitForLog(std::string_view substring, Milliseconds timeout = kDefaultTimeout) const;

  std::uint16_t port() const { return port_.number(); }
  pid_t pid() const { return pid_; }  // -1 before Start() and after Stop()
  const std::filesystem::path& directory() const { return directory_.path(); }
  // For the next Start().
  BrokerOptions& options() { return options_; }

 private:
  using TimePoint = std::chrono::steady_clock::time_point;

  void WriteConfiguration() const;
  bool Spawn();
  bool WaitServing(TimePoint deadline) const;
  int Reap();

  std::filesystem::path LogPath() const { return directory_.path() / "broker.log"; }
  std::filesystem::path ConfigurationPath() const { return directory_.path() / "broker.conf"; }

  BrokerOptions options_;
  TemporaryDirectory directory_;
  ReservedPort port_;
  std::size_t log_start_ = 0;
  pid_t pid_ = -1;
  int process_ = -1;  // pidfd
};

}  // namespace kv::testing
