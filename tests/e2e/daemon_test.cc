// The broker as distributions start it: by root, which gives up its rights, and in the background.
#include <poll.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "tests/e2e/kv_broker.h"

namespace kv::testing {
namespace {

namespace fs = std::filesystem;

constexpr const char* kUser = "mosquitto";
constexpr int kEndTimeoutMilliseconds = 60'000;

std::string EnvironmentOr(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody changes it
  return value == nullptr ? otherwise : value;
}

class DaemonTest : public ::testing::Test {
 protected:
  void SetUp() override {
    user_ = getpwnam(kUser);  // NOLINT(concurrency-mt-unsafe)
    if (geteuid() != 0 || user_ == nullptr) {
      GTEST_SKIP() << "only root can give up its rights, and to a user " << kUser;
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1);  // the daemon becomes our child, to be waited for
    std::ofstream(directory() / "broker.conf")
        << "user " << kUser << "\npid_file " << PidFile().string() << "\nlog_dest file "
        << LogFile().string() << "\nlistener " << port_.number()
        << " 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n"
        << "persistence true\npersistence_location " << directory().string() << "/\nplugin "
        << PluginPath() << "\nplugin_opt_store_path " << (directory() / "store").string()
        << "\nplugin_opt_broker_snapshot " << (directory() / "mosquitto.db").string() << "\n";
    ASSERT_EQ(chown(directory().c_str(), user_->pw_uid, user_->pw_gid), 0);
  }

  void TearDown() override {
    if (pid_) {
      kill(*pid_, SIGKILL);
      WaitEnd();
    }
  }

  const fs::path& directory() const { return directory_.path(); }
  fs::path PidFile() const { return directory() / "broker.pid"; }
  fs::path LogFile() const { return directory() / "broker.log"; }

  std::string Log() const {
    std::ifstream file(LogFile());
    return {std::istreambuf_iterator<char>(file), {}};
  }

  // The command returns when the broker has gone into the background.
  void Start() {
    const std::string preload = EnvironmentOr("MOSQUITTO_PRELOAD", "");
    const std::string command = (preload.empty() ? "" : "LD_PRELOAD=" + preload + " ") +
                                EnvironmentOr("MOSQUITTO_BINARY", "/usr/sbin/mosquitto") +
                                " -d -c " + (directory() / "broker.conf").string();
    ASSERT_EQ(std::system(command.c_str()), 0);  // NOLINT(concurrency-mt-unsafe,cert-env33-c)
    ASSERT_TRUE(Eventually([this] { return client_.Connect(); })) << Log();
    pid_t pid = 0;
    std::ifstream(PidFile()) >> pid;
    ASSERT_GT(pid, 0);
    pid_ = pid;
  }

  // The exit status as a shell counts.
  int WaitEnd() {
    const auto process = static_cast<int>(syscall(SYS_pidfd_open, *pid_, 0));
    pollfd entry{.fd = process, .events = POLLIN, .revents = 0};
    poll(&entry, 1, kEndTimeoutMilliseconds);
    close(process);
    int status = 0;
    const bool ended = waitpid(*pid_, &status, WNOHANG) == *pid_;
    pid_.reset();
    return ended && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  int Stop(int signal) {
    kill(*pid_, signal);
    return WaitEnd();
  }

  const passwd* user_ = nullptr;
  TemporaryDirectory directory_;
  ReservedPort port_;
  KvClient client_{port_.number()};
  std::optional<pid_t> pid_;
};

TEST_F(DaemonTest, WorksWithoutTheRightsOfRoot) {
  ASSERT_NO_FATAL_FAILURE(Start());
  ASSERT_TRUE(client_.Put("b/k", "v").ok()) << client_.error();
  EXPECT_EQ(client_.Get("b/k").value, "v");
  struct stat info {};
  ASSERT_EQ(stat(("/proc/" + std::to_string(*pid_)).c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, user_->pw_uid);
  for (const auto& file : fs::recursive_directory_iterator(directory() / "store")) {
    ASSERT_EQ(stat(file.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_uid, user_->pw_uid) << file.path();
  }
}

TEST_F(DaemonTest, KeepsItsValuesOverBothEnds) {
  ASSERT_NO_FATAL_FAILURE(Start());
  ASSERT_TRUE(client_.Put("b/1", "before the first end").ok());
  EXPECT_EQ(Stop(SIGTERM), 0) << Log();
  ASSERT_NO_FATAL_FAILURE(Start());
  EXPECT_EQ(client_.Get("b/1").value, "before the first end");
  ASSERT_TRUE(client_.Put("b/2", "before the second end").ok());
  Stop(SIGKILL);
  ASSERT_NO_FATAL_FAILURE(Start());
  EXPECT_EQ(client_.Get("b/2").value, "before the second end");
  ASSERT_NO_FATAL_FAILURE(ExpectRetainedEqualsStore(port_.number(), "b"));
}

}  // namespace
}  // namespace kv::testing
