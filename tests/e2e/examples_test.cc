// The examples do what they say, against a real broker.
#include <sys/wait.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "tests/e2e/kv_broker.h"

namespace kv::testing {
namespace {

struct CloseProcess {
  void operator()(std::FILE* process) const { ::pclose(process); }
};

// A running program whose output is read line by line.
class Program {
 public:
  explicit Program(const std::string& command) : pipe_(::popen((command + " 2>&1").c_str(), "r")) {}

  // Nothing is waited for longer than CTest lets the test run.
  bool ReadUntil(const std::string& text) {
    std::array<char, 4096> line{};
    while (std::fgets(line.data(), line.size(), pipe_.get()) != nullptr) {
      output_ += line.data();
      if (std::string(line.data()).find(text) != std::string::npos) {
        return true;
      }
    }
    return false;
  }

  // Reads to the end; the exit code.
  int Finish() {
    ReadUntil("\n\n\n no line is this");
    return WEXITSTATUS(::pclose(pipe_.release()));
  }

  const std::string& output() const { return output_; }

 private:
  std::unique_ptr<std::FILE, CloseProcess> pipe_;
  std::string output_;
};

class Examples : public KvBrokerTest {
 protected:
  void SetUp() override { ASSERT_NO_FATAL_FAILURE(StartBroker()); }
};

TEST_F(Examples, DeviceCreatesItsDefaultsKeepsWhatIsThereAndFollowsChanges) {
  ASSERT_TRUE(client().Put("config/lamp-7/interval", "15").ok());
  Program device(std::string(KV_DEVICE_CONFIG) +
                 " mqtt://127.0.0.1:" + std::to_string(broker().port()) + " lamp-7");
  ASSERT_TRUE(device.ReadUntil("power = on")) << device.output();
  const Answer changed = client().Put("config/lamp-7/interval", "30");
  EXPECT_TRUE(device.ReadUntil("interval = 30 (revision " + std::to_string(changed.revision)))
      << device.output();
  ASSERT_TRUE(client().Delete("config/lamp-7/interval").ok());
  EXPECT_TRUE(device.ReadUntil("interval was deleted")) << device.output();
  ASSERT_TRUE(client().Put("config/lamp-7/power", "off").ok());
  EXPECT_EQ(device.Finish(), 0);
  EXPECT_NE(device.output().find("kept interval"), std::string::npos) << device.output();
  EXPECT_NE(device.output().find("created power"), std::string::npos) << device.output();
  EXPECT_NE(device.output().find("interval = 15"), std::string::npos) << device.output();
}

TEST_F(Examples, PresenceIsSeenAndItsEnd) {
  Program presence(std::string(KV_SOURCE_DIRECTORY) + "/examples/presence.sh " +
                   std::to_string(broker().port()));
  ASSERT_EQ(presence.Finish(), 0) << presence.output();
  for (const char* expected : {"ann is online:  [online] kv-op:PUT kv-revision:1",
                               "ann is gone:    [] kv-op:DEL kv-revision:2",
                               "kv-reason:disconnected"}) {
    EXPECT_NE(presence.output().find(expected), std::string::npos)
        << expected << "\nis missing in\n"
        << presence.output();
  }
}

TEST_F(Examples, LockIsHeldByOneAndLeftBehindByNobody) {
  const std::string lock = "exec " + std::string(KV_LOCK) +
                           " mqtt://127.0.0.1:" + std::to_string(broker().port()) + " job ";
  // The first holder says who he is, and never ends by himself.
  Program first(lock + "'echo holder $PPID; exec tail -f /dev/null'");
  ASSERT_TRUE(first.ReadUntil("holder ")) << first.output();
  EXPECT_NE(first.output().find("locked job with token 1\n"), std::string::npos) << first.output();
  Program second(lock + "'echo token $KV_FENCING_TOKEN'");
  ASSERT_TRUE(second.ReadUntil("waiting for job")) << second.output();
  const std::size_t at = first.output().find("holder ") + 7;
  ASSERT_EQ(::kill(std::stoi(first.output().substr(at)), SIGKILL), 0);
  EXPECT_TRUE(second.ReadUntil("token 3")) << second.output();
  EXPECT_EQ(second.Finish(), 0) << second.output();
  EXPECT_EQ(client().Get("locks/job").status, "key-not-found");
}

TEST_F(Examples, SharedCounterCountsItsRunsAndLeavesNothingButThem) {
  const std::string line =
      "exec " + std::string(KV_SHARED_COUNTER) + " " + std::to_string(broker().port()) + " ";
  for (const std::string name : {"ann", "bob"}) {
    Program program(line + name);
    ASSERT_EQ(program.Finish(), 0) << program.output();
    const std::string run = name == "ann" ? "this is run 1\n" : "this is run 2\n";
    EXPECT_NE(program.output().find(run), std::string::npos) << program.output();
    EXPECT_NE(program.output().find("that is all so far\n"), std::string::npos) << program.output();
    EXPECT_NE(program.output().find("done\n"), std::string::npos) << program.output();
  }
  EXPECT_EQ(client().Keys("counters"), (std::vector<std::string>{"report", "runs"}));
  EXPECT_EQ(client().Get("counters/report").value, "by bob");
}

TEST_F(Examples, WalkthroughShowsWhatItSays) {
  Program walk(std::string(KV_SOURCE_DIRECTORY) + "/examples/walkthrough.sh " +
               std::to_string(broker().port()));
  ASSERT_EQ(walk.Finish(), 0) << walk.output();
  for (const char* expected : {"on kv-op:PUT kv-revision:1",
                               "kv-status:ok kv-revision:2",
                               "kv-status:wrong-last-revision",
                               "/lamp/1/state on kv-op:PUT kv-revision:1",
                               "/lamp/1/state off kv-op:PUT kv-revision:2",
                               "kv-status:ok kv-revision:3",
                               "[\"lamp/1/state\",\"lamp/2/state\"]",
                               "\"keys\":[\"lamp/1/state\",\"lamp/2/state\"]",
                               "kv-status:key-not-found",
                               "\"status\":\"end\",\"count\":4",
                               "\"last_revision\":4"}) {
    EXPECT_NE(walk.output().find(expected), std::string::npos) << expected << "\n" << walk.output();
  }
}

}  // namespace
}  // namespace kv::testing
