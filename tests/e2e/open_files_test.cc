// The broker's thread shares its table of open files with nobody (kv/own_files.h).
#include "tests/support/open_files.h"

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "kv/own_files.h"
#include "tests/e2e/kv_broker.h"

namespace kv::testing {
namespace {

class OpenFilesTest : public KvBrokerTest {
 protected:
  void SetUp() override {
    bool taken = false;
    std::thread([&taken] { taken = TakeOwnFiles(); }).join();
    if (!taken) {
      GTEST_SKIP() << "here no thread may have a table of its own";
    }
  }

  std::vector<std::string> OpenOf(::pid_t thread) {
    return OpenFilesOf(broker().process().pid(), thread);
  }
  static std::size_t Count(const std::vector<std::string>& files, const std::string& start) {
    return static_cast<std::size_t>(std::count_if(
        files.begin(), files.end(), [&](const auto& file) { return file.starts_with(start); }));
  }
  void WriteAndRead() {
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(client().Put("b/" + std::to_string(i), "v").ok()) << client().error();
      ASSERT_EQ(client().Get("b/" + std::to_string(i)).value, "v");
    }
  }

  // With the broker's thread are its sockets, and none of the store's files but what it reads.
  void ExpectThatNothingIsShared() {
    const ::pid_t brokers = broker().process().pid();
    const auto its = OpenOf(brokers);
    EXPECT_GE(Count(its, "socket:"), 2U);  // where it listens, and our connection
    for (const std::string& file : its) {
      EXPECT_TRUE(!file.starts_with(broker().store_path().string()) || file.ends_with(".sst"))
          << file;
    }
    std::size_t with_the_store = 0;
    for (const ::pid_t thread : ThreadsOf(brokers)) {
      const auto files = OpenOf(thread);
      with_the_store += Count(files, (broker().store_path() / "db").string()) > 0 ? 1U : 0U;
      for (const std::string& file : files) {
        const bool is_the_brokers = thread != brokers && file.starts_with("socket:") &&
                                    std::count(its.begin(), its.end(), file) > 0;
        EXPECT_FALSE(is_the_brokers) << file << " is open in thread " << thread;
      }
    }
    EXPECT_GE(with_the_store, 3U);  // the committer, and RocksDB's own
  }
};

TEST_F(OpenFilesTest, NoThreadOfThePluginSharesTheBrokers) {
  ASSERT_NO_FATAL_FAILURE(StartBroker());
  WriteAndRead();
  ExpectThatNothingIsShared();
}

TEST_F(OpenFilesTest, NorDoesTheOneThatListensForWills) {
  ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"wills", "true"}}}));
  ASSERT_TRUE(broker().process().WaitForLog("wills to kv/# are stored"));
  WriteAndRead();
  ExpectThatNothingIsShared();
}

}  // namespace
}  // namespace kv::testing
