// A broker whose store is on a small disk: full, read-only, and well again.
#include <sys/mount.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/kv_broker.h"

namespace kv::testing {
namespace {

namespace fs = std::filesystem;

class DiskTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (mount("tmpfs", Disk().c_str(), "tmpfs", 0, "size=40m") != 0) {
      GTEST_SKIP() << "a file system of its own cannot be mounted: "
                   << std::generic_category().message(errno);
    }
    mounted_ = true;
    broker_.options().plugin = {{"store_path", (directory_.path() / "store").string()},
                                {"bucket_b", "history=1"}};
    broker_.options().debug_log = false;
  }
  void TearDown() override {
    client_.Drop();
    broker_.process().Stop();
    if (mounted_) {
      EXPECT_EQ(umount(Disk().c_str()), 0) << std::generic_category().message(errno);
    }
  }

  const std::string& Disk() const { return disk_; }
  fs::path Ballast() const { return directory_.path() / "ballast"; }

  // Takes all the room but so many bytes.
  void FillUp(std::uint64_t but) const {
    std::ofstream file(Ballast(), std::ios::binary);
    const std::string block(4096, 'x');
    for (auto room = fs::space(Disk()).available; room > but && file; room -= block.size()) {
      file << block;
    }
  }
  bool MakeReadOnly(bool read_only) const {
    const unsigned long flags =
        MS_REMOUNT | (read_only ? static_cast<unsigned long>(MS_RDONLY) : 0UL);
    return mount(nullptr, Disk().c_str(), nullptr, flags, nullptr) == 0;
  }

  void Start() {
    const auto started = broker_.Start();
    ASSERT_TRUE(started) << started.log;
    ASSERT_TRUE(client_.Connect()) << client_.error();
  }
  // It ends by itself and one line says why.
  void ExpectRefusal(const std::string& why) {
    const auto started = broker_.Start();
    ASSERT_FALSE(started);
    constexpr int plugin_refused = 3;
    EXPECT_EQ(broker_.process().WaitExit(), plugin_refused);
    const std::size_t line = started.log.find("plugin_opt_store_path: ");
    ASSERT_NE(line, std::string::npos) << started.log;
    EXPECT_EQ(started.log.find("plugin_opt_store_path: ", line + 1), std::string::npos);
    EXPECT_NE(started.log.find(why, line), std::string::npos) << started.log;
  }
  void ExpectAll(const std::vector<std::string>& keys) {
    for (const std::string& key : keys) {
      const Answer got = client_.Get("b/" + key);
      ASSERT_TRUE(got.ok()) << key << ": " << got;
      ASSERT_EQ(got.value, ValueOf(key));
    }
  }
  static std::string ValueOf(const std::string& key) { return key + std::string(100'000, 'v'); }

  TemporaryDirectory directory_;
  const std::string disk_ = directory_.path().string();
  bool mounted_ = false;
  KvBroker broker_;
  KvClient client_{broker_.port()};
};

TEST_F(DiskTest, AFullOneRefusesWritesAndTakesThemAgainWhenThereIsRoom) {
  ASSERT_NO_FATAL_FAILURE(Start());
  FillUp(4 << 20);
  std::vector<std::string> acknowledged;
  Answer refused;
  for (int i = 0; i < 1000; ++i) {
    const std::string key = std::to_string(i);
    refused = client_.Put("b/" + key, ValueOf(key));
    if (!refused.ok()) {
      break;
    }
    acknowledged.push_back(key);
  }
  ASSERT_EQ(refused.status, "storage-error") << refused;
  ASSERT_FALSE(acknowledged.empty());
  EXPECT_EQ(client_.Publish("kv/b/no", "x"), 0x87);
  EXPECT_EQ(client_.Keys("b").size(), client_.Info("b").at("keys"));
  // The rest of the broker goes on.
  ASSERT_EQ(client_.Subscribe("plain", 1), 1);
  ASSERT_EQ(client_.Publish("plain", "x"), 0);
  EXPECT_TRUE(client_.WaitMessage([](const Message& message) { return message.topic == "plain"; }));
  EXPECT_TRUE(RetainedMessages(broker_.port(), "kv/b/0").contains("kv/b/0"));

  fs::remove(Ballast());
  ASSERT_TRUE(Eventually([&] { return client_.Put("b/after", ValueOf("after")).ok(); }));
  acknowledged.emplace_back("after");
  ASSERT_NO_FATAL_FAILURE(ExpectAll(acknowledged));
  const auto again = broker_.KillAndStart();
  ASSERT_TRUE(again) << again.log;
  ASSERT_TRUE(client_.Connect()) << client_.error();
  ASSERT_NO_FATAL_FAILURE(ExpectAll(acknowledged));
  EXPECT_EQ(client_.Get("b/no").status, "key-not-found");
  ExpectRetainedEqualsEntries(broker_.port(), "b");
}

TEST_F(DiskTest, AFullOneRefusesTheStartAndLosesNothing) {
  ASSERT_NO_FATAL_FAILURE(Start());
  ASSERT_TRUE(client_.Put("b/k", ValueOf("k")).ok());
  ASSERT_EQ(broker_.process().Stop(), 0);
  FillUp(0);
  ASSERT_NO_FATAL_FAILURE(ExpectRefusal("No space left on device"));
  fs::remove(Ballast());
  ASSERT_NO_FATAL_FAILURE(Start());
  ExpectAll({"k"});
}

TEST_F(DiskTest, AReadOnlyOneRefusesTheStartAndLosesNothing) {
  ASSERT_NO_FATAL_FAILURE(Start());
  ASSERT_TRUE(client_.Put("b/k", ValueOf("k")).ok());
  ASSERT_EQ(broker_.process().Stop(), 0);
  ASSERT_TRUE(MakeReadOnly(true)) << std::generic_category().message(errno);
  ASSERT_NO_FATAL_FAILURE(ExpectRefusal("Read-only file system"));
  ASSERT_TRUE(MakeReadOnly(false)) << std::generic_category().message(errno);
  ASSERT_NO_FATAL_FAILURE(Start());
  ExpectAll({"k"});
}

}  // namespace
}  // namespace kv::testing
