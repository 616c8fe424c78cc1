// $KV/checkpoint.
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "store/store.h"
#include "tests/plugin/full_disk.h"
#include "tests/plugin/service_test.h"

namespace kv::plugin::testing {
namespace {

class BackupsTest : public ServiceTest {
 protected:
  void StartWithBackups() {
    const auto path = directory_.path() / "backups";
    std::filesystem::create_directory(path);
    options_.backup_path = path.string();
    ASSERT_NO_FATAL_FAILURE(Start());
    Settle();
  }
  std::vector<std::string> Copies() const {
    std::vector<std::string> names;
    for (const auto& item : std::filesystem::directory_iterator(*options_.backup_path)) {
      names.push_back(item.path().filename().string());
    }
    return names;
  }
  std::vector<Sent> Replies() const {
    std::vector<Sent> replies;
    for (const auto& one : broker_.sent) {
      one.to.empty() ? void() : replies.push_back(one);
    }
    return replies;
  }
  void Begin() { Handle({.topic = "$KV/checkpoint", .qos = 1, .response_topic = "replies"}); }
};

TEST_F(BackupsTest, WithoutADirectoryAreNotSupported) {
  ASSERT_NO_FATAL_FAILURE(Start());
  const Sent reply = Ask("$KV/checkpoint").at(0);
  EXPECT_EQ(ValueOf(reply, "kv-status"), "not-supported");
  EXPECT_NE(ValueOf(reply, "kv-error").value_or("").find("backup_path"), std::string::npos);
}

TEST_F(BackupsTest, HoldWhatWasWrittenAndAreNamedInTheReply) {
  ASSERT_NO_FATAL_FAILURE(StartWithBackups());
  Put("kv/b/k", "v");
  const Sent reply = AskLater("$KV/checkpoint");
  EXPECT_EQ(TextOf(reply.user), "kv-status=ok");
  EXPECT_EQ(Copies(), std::vector<std::string>{reply.payload});
  EXPECT_EQ(reply.payload.rfind("checkpoint-20270115T080000", 0), 0U) << reply.payload;
  EXPECT_EQ(broker_.Lines(LogLevel::kNotice, reply.payload + " written").size(), 1U);
  Stop();
  options_.store_path = *options_.backup_path + "/" + reply.payload;
  ASSERT_NO_FATAL_FAILURE(Restart());
  EXPECT_EQ(Ask("$KV/b/get/k").at(0).payload, "v");
}

TEST_F(BackupsTest, WhileOneRunsAnotherIsUnavailable) {
  ASSERT_NO_FATAL_FAILURE(StartWithBackups());
  Put("kv/b/k", "v");
  broker_.Take();
  Begin();
  Begin();
  ASSERT_EQ(Replies().size(), 1U) << "until a tick the first one counts as running";
  EXPECT_EQ(ValueOf(Replies()[0], "kv-status"), "unavailable");
  ASSERT_TRUE(TickUntil([this] { return Replies().size() == 2; }));
  EXPECT_EQ(ValueOf(Replies()[1], "kv-status"), "ok");
  Advance(kSecond);
  EXPECT_EQ(ValueOf(AskLater("$KV/checkpoint"), "kv-status"), "ok");
  EXPECT_EQ(Copies().size(), 2U);
}

TEST_F(BackupsTest, OnesOfTheSameMomentDoNotOverwriteEachOther) {
  ASSERT_NO_FATAL_FAILURE(StartWithBackups());
  EXPECT_EQ(ValueOf(AskLater("$KV/checkpoint"), "kv-status"), "ok");
  EXPECT_EQ(ValueOf(AskLater("$KV/checkpoint"), "kv-status"), "storage-error");
  EXPECT_EQ(Copies().size(), 1U);
  EXPECT_EQ(broker_.Lines(LogLevel::kError, "is there already").size(), 1U);
}

TEST_F(BackupsTest, OnAFullDiskAreAnErrorAndLeaveNothing) {
  ASSERT_NO_FATAL_FAILURE(StartWithBackups());
  Put("kv/b/k", "v");
  {
    const FullDisk full;
    EXPECT_EQ(ValueOf(AskLater("$KV/checkpoint"), "kv-status"), "storage-error");
    EXPECT_TRUE(Copies().empty());
    EXPECT_EQ(ValueOf(AskLater("$KV/checkpoint"), "kv-status"), "storage-error");
  }
  ASSERT_TRUE(
      TickUntil([this] { return ValueOf(AskLater("$KV/checkpoint"), "kv-status") == "ok"; }));
  EXPECT_EQ(Copies().size(), 1U);
}

TEST_F(BackupsTest, NobodyNeedsToWaitForThem) {
  ASSERT_NO_FATAL_FAILURE(StartWithBackups());
  Handle({.topic = "$KV/checkpoint", .qos = 0});
  ASSERT_TRUE(TickUntil([this] { return !broker_.Lines(LogLevel::kNotice, "written").empty(); }));
  EXPECT_TRUE(Replies().empty());
}

}  // namespace
}  // namespace kv::plugin::testing
