// The restore of a store that takes longer than a moment: clients are served while it goes on.
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/kv_broker.h"

namespace kv::testing {
namespace {

// More than is restored before clients are let in; a comparison with the file is quicker.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kKeys = 20'000;
constexpr int kKeysWithFile = 60'000;
#else
constexpr int kKeys = 150'000;
constexpr int kKeysWithFile = 600'000;
#endif
constexpr const char* kRestored = "retained messages restored";

std::string KeyOf(int number) {
  return std::to_string(number % 100) + "/" + std::to_string(number);
}

// The parameter: whether the broker has a mosquitto.db of which the plugin knows. It is from
// before the last tenth of the keys was written.
class LargeRestore : public KvBrokerTest, public ::testing::WithParamInterface<bool> {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(StartBroker({.persistence = GetParam(),
                                         .configuration = "max_queued_messages 1000000",
                                         .debug_log = false}));
    ASSERT_NO_FATAL_FAILURE(PutKeys(0, keys_ * 9 / 10));
    if (GetParam()) {
      ASSERT_TRUE(broker().Save());
    }
    ASSERT_NO_FATAL_FAILURE(PutKeys(keys_ * 9 / 10, keys_));
    // Some that the broker's file has and the store has not or not so any more.
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(client().PublishAsync("kv/b/" + KeyOf(i * 7), "", {.qos = 0}));
      ASSERT_TRUE(client().PublishAsync("kv/b/" + KeyOf(i * 7 + 1), "changed", {.qos = 0}));
    }
    ASSERT_TRUE(client().Ping());
  }

  void PutKeys(int first, int end) {
    for (int i = first; i < end; ++i) {
      ASSERT_TRUE(client().PublishAsync("kv/b/" + KeyOf(i), std::string(100, 'v'), {.qos = 0}));
      if (i % 1000 == 0) {
        ASSERT_TRUE(client().Ping());  // no further ahead of the broker than this
      }
    }
    ASSERT_TRUE(client().Ping());
  }

  const int keys_ = GetParam() ? kKeysWithFile : kKeys;

  bool IsRestoring() { return broker().process().Log().find(kRestored) == std::string::npos; }
};

std::string NameOfCase(const ::testing::TestParamInfo<bool>& info) {
  return info.param ? "WithItsFile" : "WithoutItsFile";
}
INSTANTIATE_TEST_SUITE_P(Broker, LargeRestore, ::testing::Bool(), NameOfCase);

TEST_P(LargeRestore, ServesClientsAndNeverOverwritesWhatTheyWrite) {
  const auto started = broker().KillAndStart();
  ASSERT_TRUE(started) << started.log;
  KvClient watcher(broker().port());
  ASSERT_TRUE(watcher.Connect()) << watcher.error();
  ASSERT_EQ(watcher.Subscribe({.filter = "kv/b/#", .qos = 0, .retain_handling = 2}), 0);
  ASSERT_NO_FATAL_FAILURE(Reconnect());

  std::mt19937 random(7);
  std::map<std::string, Revision> written;
  int during = 0;
  while (IsRestoring()) {
    const std::string key = KeyOf(static_cast<int>(random() % static_cast<unsigned>(keys_)));
    const Answer answer =
        random() % 3 == 0 ? client().Delete("b/" + key) : client().Put("b/" + key, "new");
    ASSERT_TRUE(answer.ok()) << answer;
    written[key] = answer.revision;
    during += IsRestoring() ? 1 : 0;
  }
  for (const auto& [key, revision] : written) {
    const Answer stored = client().Get("b/" + key);
    EXPECT_EQ(stored.revision, revision) << key;
  }
  ASSERT_NO_FATAL_FAILURE(ExpectRetainedEqualsEntries(broker().port(), "b"));

  std::map<std::string, Revision> seen;
  for (const Message& message : watcher.TakeMessages()) {
    const auto revision = RevisionOf(message);
    auto& last = seen[message.topic];
    EXPECT_GT(revision, last) << message.topic;
    last = revision;
  }
  for (const auto& [key, revision] : written) {
    EXPECT_EQ(seen["kv/b/" + key], revision) << key;
  }
  if (during == 0) {
    GTEST_SKIP()
        << "this machine had restored everything before the first write: raise the number of keys";
  }
}

}  // namespace
}  // namespace kv::testing
