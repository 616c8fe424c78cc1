// Mosquitto's own command-line tools, as a user types them.
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "tests/e2e/command.h"
#include "tests/e2e/kv_broker.h"

namespace kv::testing {
namespace {

class MosquittoTools : public KvBrokerTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"bucket_defaults", "history=5"}}}));
  }

  std::string To(const std::string& tool) {
    return "mosquitto_" + tool + " -p " + std::to_string(broker().port()) + " ";
  }
  // mosquitto_<tool> with the arguments; errors and warnings are part of what it prints.
  std::string Run(const std::string& tool, const std::string& arguments, int expected_exit = 0) {
    return WithoutTimes(OutputOf(To(tool) + arguments + " 2>&1", expected_exit));
  }
  // With the reply's payload in brackets and its properties behind.
  std::string Ask(const std::string& arguments) {
    return Run("rr", "-V 5 -e my/replies -W 20 -F '[%p] %P' " + arguments);
  }
};

TEST_F(MosquittoTools, PublishAndReadBack) {
  EXPECT_EQ(Run("pub", "-t kv/config/lamp -m on"), "");
  EXPECT_EQ(Run("sub", "-t 'kv/config/#' -C 1 -W 20 -v"), "kv/config/lamp on\n");
  EXPECT_EQ(Run("sub", "-V 5 -t kv/config/lamp -C 1 -W 20 -F '%t %r [%p] %P'"),
            "kv/config/lamp 1 [on] kv-op:PUT kv-revision:1 kv-time:TIME\n");
  EXPECT_EQ(Run("sub", "-V mqttv31 -t kv/config/lamp -C 1 -W 20"), "on\n");
}

TEST_F(MosquittoTools, DeleteByANullMessageAsForARetainedOne) {
  Run("pub", "-q 1 -t kv/config/lamp -m on");
  Run("pub", "-q 1 -t kv/config/lamp -r -n");
  EXPECT_TRUE(RetainedMessages(broker().port(), "kv/#").empty());
  EXPECT_EQ(Ask("-t '$KV/config/get/lamp' -n"),
            "[] kv-status:key-not-found kv-error:the key has no value: its newest entry is a DEL "
            "kv-revision:2\n");
}

TEST_F(MosquittoTools, CompareAndSet) {
  Run("pub", "-q 1 -t kv/config/lamp -m on");
  const std::string update =
      "-t kv/config/lamp -m off -D publish user-property kv-op update "
      "-D publish user-property kv-expected-revision 1";
  EXPECT_EQ(Ask(update), "[] kv-status:ok kv-revision:2 kv-time:TIME\n");
  EXPECT_EQ(Ask(update),
            "[] kv-status:wrong-last-revision kv-error:expected revision 1, the key's newest is 2 "
            "kv-revision:2\n");
  EXPECT_EQ(Ask("-t '$KV/config/get/lamp' -n"),
            "[off] kv-status:ok kv-key:lamp kv-op:PUT kv-revision:2 kv-time:TIME\n");
}

TEST_F(MosquittoTools, ARefusalIsAWarningOfThePublisher) {
  Run("pub", "-q 1 -t kv/config/lamp -m on");
  const std::string create = "-t kv/config/lamp -m x -D publish user-property kv-op create";
  for (const std::string qos : {"1", "2"}) {
    EXPECT_EQ(Run("pub", "-V 5 -q " + qos + " " + create),
              "Warning: Publish 1 failed: Not authorized.\n");
  }
  EXPECT_EQ(Run("pub", "-V 5 -q 0 " + create), "");
  EXPECT_EQ(Run("pub", "-V 311 -q 2 -t 'kv/bad name/lamp' -m x"), "");
  EXPECT_EQ(Run("sub", "-t 'kv/#' -C 1 -W 20"), "on\n");
}

TEST_F(MosquittoTools, WatchLive) {
  Run("pub", "-q 1 -t kv/config/before -m 0");
  Command watcher(To("sub") +
                  "-i watcher -V 5 -q 1 -t 'kv/config/#' -C 5 -W 20 -F '%t %r [%p] %P' 2>&1");
  ASSERT_TRUE(broker().process().WaitForLog("Sending SUBACK to watcher"));
  Run("pub", "-V 5 -q 1 -t kv/config/a/b -m 1 -D publish user-property room kitchen");
  Run("pub", "-V 311 -q 2 -r -t kv/config/a/b -m 2");
  Run("pub", "-V mqttv31 -q 1 -t kv/config/a/b -n");
  Run("pub", "-V 5 -q 1 -t kv/config/a/b -n -D publish user-property kv-op purge");
  EXPECT_EQ(WithoutTimes(watcher.Output()),
            "kv/config/before 1 [0] kv-op:PUT kv-revision:1 kv-time:TIME\n"
            "kv/config/a/b 0 [1] room:kitchen kv-op:PUT kv-revision:2 kv-time:TIME\n"
            "kv/config/a/b 0 [2] kv-op:PUT kv-revision:3 kv-time:TIME\n"
            "kv/config/a/b 0 [] kv-op:DEL kv-revision:4 kv-time:TIME\n"
            "kv/config/a/b 0 [] kv-op:PURGE kv-revision:5 kv-time:TIME\n");
}

TEST_F(MosquittoTools, LinesOfAFileAreVersionsOfOneKey) {
  EXPECT_EQ(OutputOf("printf 'one\\ntwo\\n\\nthree\\n' | " + To("pub") + "-q 1 -t kv/log/k -l"),
            "");
  const auto history = client().History("log");
  ASSERT_EQ(history.size(), 4U);
  EXPECT_EQ(history[0].payload, "one");
  EXPECT_EQ(history[2].Property("kv-op"), "DEL") << "an empty line is an empty payload";
  EXPECT_EQ(history[3].payload, "three");
}

TEST_F(MosquittoTools, AFileGoesInAndComesOutAsItIs) {
  const auto in = broker().process().directory() / "in.bin";
  const auto out = broker().process().directory() / "out.bin";
  {
    std::ofstream file(in, std::ios::binary);
    for (int i = 0; i < 300'000; ++i) {
      file.put(static_cast<char>(i * 7 + i / 256));
    }
  }
  Run("pub", "-q 1 -t kv/files/x/y.bin -f " + in.string());
  OutputOf(To("sub") + "-t kv/files/x/y.bin -C 1 -W 20 -N > " + out.string());
  EXPECT_EQ(OutputOf("cmp " + in.string() + " " + out.string()), "");
}

TEST_F(MosquittoTools, ReadingRequests) {
  Run("pub", "-q 1 -t kv/config/lamp -m on");
  Run("pub", "-q 1 -t kv/config/door -m shut");
  EXPECT_EQ(Ask("-t '$KV/config/keys' -n"), "[[\"door\",\"lamp\"]] kv-status:ok kv-count:2\n");
  EXPECT_EQ(Ask("-t '$KV/config/keys' -n -D publish user-property kv-limit 1")
                .substr(0, std::string("[[\"door\"]] kv-status:ok kv-count:1 kv-cursor:").size()),
            "[[\"door\"]] kv-status:ok kv-count:1 kv-cursor:");
  EXPECT_EQ(Ask("-t '$KV/config/keys' -m '{\"filter\": \"l+\"}'"),
            "[] kv-status:bad-request kv-error:kv-filter: accepted is a key in which levels may be "
            "+ and the last may be #\n");
  EXPECT_EQ(Ask("-t '$KV/config/get/door' -n"),
            "[shut] kv-status:ok kv-key:door kv-op:PUT kv-revision:2 kv-time:TIME\n");
  // mosquitto_rr takes the first message of a reply.
  EXPECT_EQ(Ask("-t '$KV/config/history' -n"),
            "[on] kv-status:entry kv-key:lamp kv-op:PUT kv-revision:1 kv-time:TIME\n");
  const std::string info = Run("rr", "-V 5 -e r -W 20 -t '$KV/config/info' -n");
  EXPECT_EQ(nlohmann::json::parse(info)["last_revision"], 2);
  EXPECT_EQ(Ask("-t '$KV/nothing/info' -n"),
            "[] kv-status:bucket-not-found kv-error:there is no bucket nothing\n");
}

TEST_F(MosquittoTools, AnOlderSessionAsksWithOneToolAndListensWithTheOther) {
  Run("pub", "-q 1 -t kv/config/lamp -m on");
  // The same durable session: the reply waits for it.
  Run("sub", "-V 311 -i me -c -q 1 -t unrelated -E");
  Run("pub", "-V 311 -i me -c -q 1 -t '$KV/config/get/lamp' -n");
  EXPECT_EQ(Run("sub", "-V 311 -i me -c -q 1 -t unrelated -C 1 -W 20 -v"),
            "$KV/reply/config/get/lamp {\"status\":\"ok\",\"key\":\"lamp\",\"op\":\"PUT\","
            "\"revision\":1,\"time\":\"TIME\",\"value\":\"on\"}\n");
}

}  // namespace
}  // namespace kv::testing
