// BrokerSnapshot on files that a real broker wrote, and a real broker on the files that the other
// tests put together: so that both sides agree about the format.
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "plugin/broker_snapshot.h"
#include "tests/plugin/persistence_bytes.h"
#include "tests/support/broker_process.h"
#include "tests/support/mqtt_client.h"

namespace kv::plugin::testing {
namespace {

using kv::testing::BrokerProcess;
using kv::testing::MqttClient;
using kv::testing::Properties;
using kv::testing::ProtocolVersion;

constexpr std::int64_t kHour = 3600;  // seconds

std::int64_t NowSeconds() {
  return SystemClock().Now() / kSecond;
}

Properties WithRevision(std::string_view revision) {
  return Properties().User("kv-revision", revision);
}

class BrokerSnapshotMosquittoTest : public ::testing::Test {
 protected:
  void Start() {
    const auto started = broker_.Start();
    ASSERT_TRUE(started) << started.log;
    client_.emplace(broker_.port());
    ASSERT_TRUE(client_->Connect({.username = "ann"})) << client_->error();
  }
  // Ends the broker, which saves its file.
  void Stop() { ASSERT_EQ(broker_.Stop(), 0) << broker_.Log(); }

  void Publish(const std::string& topic,
               std::string_view payload,
               bool retain,
               const Properties& properties = {}) {
    const std::uint8_t first_failure = 0x80;  // below it: who received the message
    const auto reason =
        client_->Publish(topic, payload, {.retain = retain, .properties = properties});
    EXPECT_TRUE(reason && *reason < first_failure) << client_->error();
  }
  void Retain(const std::string& topic,
              std::string_view payload,
              const Properties& properties = {}) {
    Publish(topic, payload, true, properties);
  }
  // Leaves a session behind for which the broker keeps the messages of QoS 1.
  void SubscribeAndLeave(const std::string& client_id, const std::string& filter) {
    MqttClient durable(broker_.port());
    ASSERT_TRUE(durable.Connect(
        {.client_id = client_id, .version = ProtocolVersion::kMqtt311, .clean_start = false}));
    ASSERT_EQ(durable.Subscribe(filter), 1);
    ASSERT_TRUE(durable.Disconnect());
  }

  std::string path() const { return broker_.directory() / "mosquitto.db"; }
  void WriteFile(const std::string& contents) const {
    std::ofstream(path(), std::ios::binary) << contents;
  }
  std::string ReadFile() const {
    std::ostringstream contents;
    contents << std::ifstream(path(), std::ios::binary).rdbuf();
    return contents.str();
  }
  std::vector<Seen> WalkFile(const Clock& clock = SystemClock(),
                             std::string_view topic_prefix = "kv/",
                             bool damaged = false) const {
    auto snapshot = BrokerSnapshot::Open(path(), clock);
    if (!snapshot || !snapshot->has_value()) {
      ADD_FAILURE() << (snapshot ? "no file" : snapshot.error().message);
      return {};
    }
    auto seen = Walk(**snapshot, topic_prefix);
    EXPECT_EQ((*snapshot)->damaged(), damaged);
    return seen;
  }

 private:
  BrokerProcess broker_{{.global_configuration = "persistence true\npersistence_location ./\n"}};
  std::optional<MqttClient> client_;
};

TEST_F(BrokerSnapshotMosquittoTest, FindsRetainedMessagesAndTheirRevisions) {
  Start();
  Retain("kv/b/plain", "value");
  Retain("kv/b/seven", "value", WithRevision("7"));
  Retain("kv/b/two", "value", WithRevision("1").User("kv-revision", "2"));
  Retain("kv/b/word", "value", WithRevision("seven"));
  Retain("kv/b/rich",
         "{}",
         Properties()
             .PayloadFormat(1)
             .MessageExpiry(kHour)
             .ContentType("application/json")
             .ResponseTopic("reply/to")
             .CorrelationData(std::string_view("\0\1", 2))
             .User("pad", std::string(300, 'x'))
             .User("kv-revision", "9"));
  Retain("else/b/k", "value", WithRevision("8"));
  Publish("kv/b/event", "value", false, WithRevision("10"));
  Stop();
  EXPECT_EQ(WalkFile(),
            (std::vector<Seen>{{"kv/b/plain", "value", {}},
                               {"kv/b/rich", "{}", 9},
                               {"kv/b/seven", "value", 7},
                               {"kv/b/two", "value", {}},
                               {"kv/b/word", "value", {}}}));
  EXPECT_EQ(WalkFile(SystemClock(), "else/"), (std::vector<Seen>{{"else/b/k", "value", 8}}));
}

TEST_F(BrokerSnapshotMosquittoTest, FindsPayloadsOfAnyBytesAndSize) {
  std::string payload(200'000, '\0');
  for (std::size_t i = 0; i < payload.size(); ++i) {
    payload[i] = static_cast<char>((i * i) >> 3U);
  }
  Start();
  Retain("kv/b/k", payload);
  Stop();
  EXPECT_EQ(WalkFile(), (std::vector<Seen>{{"kv/b/k", payload, {}}}));
}

// What a session still has to get is in the file, too, with the retain flag of its PUBLISH.
TEST_F(BrokerSnapshotMosquittoTest, PassesOverMessagesThatAreOnlyQueued) {
  Start();
  SubscribeAndLeave("durable", "kv/#");
  Retain("kv/b/replaced", "old", WithRevision("1"));
  Retain("kv/b/replaced", "new", WithRevision("2"));
  Retain("kv/b/removed", "old", WithRevision("3"));
  Retain("kv/b/removed", "");
  Publish("kv/b/transient", "event", false);
  Stop();
  for (const char* topic : {"kv/b/replaced", "kv/b/removed", "kv/b/transient"}) {
    EXPECT_NE(ReadFile().find(topic), std::string::npos) << topic;
  }
  EXPECT_EQ(WalkFile(), (std::vector<Seen>{{"kv/b/replaced", "new", 2}}));
}

TEST_F(BrokerSnapshotMosquittoTest, LeavesOutWhatExpiredBeforeTheBrokerStarts) {
  Start();
  Retain("kv/b/ever", "value");
  Retain("kv/b/hour", "value", Properties().MessageExpiry(kHour));
  Stop();
  EXPECT_EQ(WalkFile().size(), 2U);
  EXPECT_EQ(WalkFile(FixedClock(NowSeconds() + 2 * kHour)),
            (std::vector<Seen>{{"kv/b/ever", "value", {}}}));
}

TEST_F(BrokerSnapshotMosquittoTest, FindsNothingInTheFileOfABrokerWithoutMessages) {
  Start();
  Stop();
  EXPECT_TRUE(WalkFile(SystemClock(), "").empty());
}

// The broker loads a file that was put together here, and saves what it took from it.
TEST_F(BrokerSnapshotMosquittoTest, FindsWhatTheBrokerLoads) {
  const std::int64_t now = NowSeconds();
  for (const std::uint32_t version : {5U, 6U}) {
    std::string file = FileStart(version);
    file += MessageOf({.store_id = 11, .topic = "kv/b/plain"});
    file += MessageOf({.store_id = 12,
                       .topic = "kv/b/k",
                       .properties = RevisionProperty("7"),
                       .expiry_time = now + kHour,
                       .source_username = "ann"});
    file += MessageOf({.store_id = 13, .topic = "kv/b/expired", .expiry_time = now - kHour});
    file += MessageOf({.store_id = 14, .topic = "kv/b/far", .expiry_time = now + (kHour << 32U)});
    file += MessageOf({.store_id = 15, .topic = "kv/b/before-1970", .expiry_time = -5});
    file += MessageOf({.store_id = 16, .topic = "kv/b/empty", .payload = ""});
    file += MessageOf({.store_id = 17, .topic = "kv/b/unmarked"});
    file += ClientOf(version, "durable") + SubscriptionOf("durable", "kv/#");
    file += ChunkOf(77, "from the future");
    for (const std::uint64_t store_id : {11U, 12U, 13U, 14U, 15U, 16U, 999U}) {
      file += RetainOf(store_id);
    }
    WriteFile(file);
    const auto before = WalkFile();
    Start();
    Stop();
    // At a time long before anything expires this is all that the broker saved.
    EXPECT_EQ(WalkFile(FixedClock(1)), before) << "version " << version;
    EXPECT_EQ(before,
              (std::vector<Seen>{{"kv/b/before-1970", "value", {}},
                                 {"kv/b/k", "value", 7},
                                 {"kv/b/plain", "value", {}}}));
  }
}

TEST_F(BrokerSnapshotMosquittoTest, FindsWhatTheBrokerLoadsFromAFileThatEndsInHalfAChunkHeader) {
  WriteFile(FileStart() + MessageOf({.store_id = 11, .topic = "kv/b/k"}) + RetainOf(11) + "cut");
  const auto before = WalkFile(SystemClock(), "kv/", /*damaged=*/true);
  EXPECT_EQ(before.size(), 1U);
  Start();
  Stop();
  EXPECT_EQ(WalkFile(), before);
}

}  // namespace
}  // namespace kv::plugin::testing
