// Buckets of two brokers that both have the plugin, with a bridge between them.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/kv_broker.h"
#include "tests/e2e/reasons.h"

namespace kv::testing {
namespace {

// The broker `here` has the bridge, to `there`.
class Bridges : public ::testing::Test {
 protected:
#ifdef __SANITIZE_THREAD__
  // Without any plugin, too: it asks for addresses on threads of the C library's own.
  void SetUp() override {
    GTEST_SKIP() << "a broker that has a bridge crashes under ThreadSanitizer";
  }
#endif

  void Start(const std::string& direction, const std::string& version, int qos = 1) {
    const auto far = there_.Start();
    ASSERT_TRUE(far) << far.log;
    here_.options().more_configuration =
        "connection mirror\naddress 127.0.0.1:" + std::to_string(there_.port()) + "\ntopic kv/# " +
        direction + " " + std::to_string(qos) + "\nbridge_protocol_version " + version +
        "\nnotifications false\nrestart_timeout 1\n";
    const auto near = here_.Start();
    ASSERT_TRUE(near) << near.log;
    ASSERT_TRUE(here_.process().WaitForLog("Received CONNACK on connection local."));
    if (direction != "out") {
      ASSERT_TRUE(here_.process().WaitForLog("Received SUBACK from local."));
    }
    ASSERT_TRUE(here_client_.Connect()) << here_client_.error();
    ASSERT_TRUE(there_client_.Connect()) << there_client_.error();
  }

  // What both brokers hold: `key=value`, by `entries`.
  static std::vector<std::string> ContentOf(KvClient& client) {
    std::vector<std::string> content;
    for (const Message& entry : client.Entries("b")) {
      content.push_back(entry.Property("kv-key").value_or("?") + "=" + entry.payload + " " +
                        entry.Property("kv-op").value_or("?"));
    }
    std::sort(content.begin(), content.end());
    return content;
  }
  // As many at once as a client may have under way, each a change of its own.
  static void Burst(KvClient& client, const std::vector<std::string>& topics, std::uint8_t qos) {
    constexpr std::size_t at_once = 15;
    std::vector<std::uint16_t> pending;
    for (int i = 0; i < kBurst; ++i) {
      const auto id = client.PublishAsync(
          topics[static_cast<std::size_t>(i) % topics.size()], std::to_string(i), {.qos = qos});
      ASSERT_TRUE(id) << client.error();
      pending.push_back(*id);
      if (qos > 0 && pending.size() == at_once) {
        for (const std::uint16_t one : std::exchange(pending, {})) {
          ASSERT_TRUE(IsSuccess(client.WaitPublished(one))) << client.error();
        }
      }
    }
    for (const std::uint16_t one : pending) {
      ASSERT_TRUE(qos == 0 || IsSuccess(client.WaitPublished(one))) << client.error();
    }
    ASSERT_TRUE(client.Ping());
  }

  static Revision LastOf(KvClient& client) {
    return client.Info("b")["last_revision"];
  }
  static bool Shows(KvClient& client, const std::string& path, const std::string& value) {
    return Eventually([&] { return client.Get(path).value == value; });
  }

  // After a restart: what is published before the bridge has connected again may be lost, since the
  // killed broker has forgotten its session.
  void WaitLinked() {
    const std::string text = "linked " + std::to_string(++rounds_);
    EXPECT_TRUE(Eventually([&] {
      return here_client_.Put("marks/here", text).ok() &&
             there_client_.Get("marks/here").value == text;
    }));
    EXPECT_TRUE(Eventually([&] {
      return there_client_.Put("marks/there", text).ok() &&
             here_client_.Get("marks/there").value == text;
    }));
  }

  // A message to and fro, so that whatever was under way before it has arrived; and what that set
  // going, too.
  void Circulate() {
    for (int round = 0; round < 5; ++round) {
      const std::string text = std::to_string(++rounds_);
      ASSERT_TRUE(here_client_.Put("marks/here", text).ok());
      ASSERT_TRUE(Shows(there_client_, "marks/here", text));
      ASSERT_TRUE(there_client_.Put("marks/there", text).ok());
      ASSERT_TRUE(Shows(here_client_, "marks/there", text));
    }
  }

  // Nothing goes round any more: both brokers take no further revision.
  void ExpectQuiet() {
    ASSERT_NO_FATAL_FAILURE(Circulate());
    const Revision here = LastOf(here_client_);
    const Revision there = LastOf(there_client_);
    ASSERT_NO_FATAL_FAILURE(Circulate());
    EXPECT_EQ(LastOf(here_client_), here);
    EXPECT_EQ(LastOf(there_client_), there);
  }

  // For a second Start(), on empty stores.
  void BeginAnew() {
    for (KvBroker* broker : {&here_, &there_}) {
      ASSERT_EQ(broker->process().Stop(), 0);
      std::filesystem::remove_all(broker->store_path());
    }
  }

  static constexpr int kBurst = 200;

  KvBroker here_;
  KvBroker there_;
  KvClient here_client_{here_.port()};
  KvClient there_client_{there_.port()};
  int rounds_ = 0;
};

TEST_F(Bridges, AOneWayMirrorKeepsValuesDeletesAndProperties) {
  for (const std::string direction : {"out", "in"}) {
    ASSERT_NO_FATAL_FAILURE(Start(direction, "mqttv50"));
    KvClient& source = direction == "out" ? here_client_ : there_client_;
    KvClient& mirror = direction == "out" ? there_client_ : here_client_;
    ASSERT_EQ(mirror.Subscribe("kv/b/#", 1), 1);
    ASSERT_TRUE(source.Put("b/kept", "1", Properties().User("room", "hall")).ok());
    ASSERT_TRUE(source.Put("b/deleted", "2").ok());
    ASSERT_TRUE(source.Put("b/empty", "").ok());
    ASSERT_TRUE(source.Delete("b/deleted").ok());
    ASSERT_TRUE(source.Put("b/gone", "3", Properties().User("kv-ttl", "50ms")).ok());
    ASSERT_TRUE(Eventually([&] { return source.Get("b/gone").status == "key-not-found"; }));
    ASSERT_TRUE(Eventually([&] {
      return ContentOf(mirror).size() == 4 && ContentOf(mirror) == ContentOf(source);
    })) << direction;
    EXPECT_EQ(mirror.Get("b/kept").Property("room"), "hall");
    EXPECT_EQ(mirror.Get("b/empty").status, "ok") << "an empty value is none that was deleted";
    EXPECT_EQ(mirror.Get("b/gone").status, "key-not-found");
    EXPECT_EQ(RetainedMessages(direction == "out" ? there_.port() : here_.port(), "kv/b/#").size(),
              1U);
    const auto live = mirror.WaitMessage();
    ASSERT_TRUE(live) << mirror.error();
    EXPECT_EQ(live->properties.UserValues("kv-revision").size(), 1U);
    EXPECT_EQ(live->properties.UserValues("kv-time").size(), 1U);
    ASSERT_TRUE(source.Put("b/kept", "again").ok());
    ASSERT_TRUE(Shows(mirror, "b/kept", "again"));
    EXPECT_EQ(LastOf(source), 7U) << "nothing came back";
    ASSERT_NO_FATAL_FAILURE(BeginAnew());
  }
}

TEST_F(Bridges, ReconnectingAMirrorWritesNothingThatItHas) {
  ASSERT_NO_FATAL_FAILURE(Start("in", "mqttv50"));
  for (const std::string key : {"b/1", "b/2", "b/3"}) {
    ASSERT_TRUE(there_client_.Put(key, "v").ok());
  }
  ASSERT_TRUE(Shows(here_client_, "b/3", "v"));
  const auto again = here_.Restart();
  ASSERT_TRUE(again) << again.log;
  ASSERT_TRUE(here_client_.Connect());
  ASSERT_TRUE(there_client_.Put("b/4", "v").ok());  // behind the retained messages
  ASSERT_TRUE(Shows(here_client_, "b/4", "v"));
  EXPECT_EQ(LastOf(here_client_), 4U);
}

TEST_F(Bridges, InBothDirectionsEachChangeIsWrittenOnceAtEachEnd) {
  ASSERT_NO_FATAL_FAILURE(Start("both", "mqttv50"));
  ASSERT_NO_FATAL_FAILURE(Circulate());
  for (const std::string value : {"1", "2", "3"}) {
    ASSERT_TRUE(here_client_.Put("b/k", value).ok());
    ASSERT_TRUE(Shows(there_client_, "b/k", value));
    ASSERT_TRUE(there_client_.Put("b/k", value + " there").ok());
    ASSERT_TRUE(Shows(here_client_, "b/k", value + " there"));
  }
  ASSERT_TRUE(here_client_.Delete("b/k").ok());
  ASSERT_NO_FATAL_FAILURE(ExpectQuiet());
  EXPECT_EQ(LastOf(here_client_), 7U);
  EXPECT_EQ(LastOf(there_client_), 7U);
  EXPECT_EQ(here_client_.Get("b/k").status, "key-not-found");
}

TEST_F(Bridges, InBothDirectionsABurstOfDifferentValuesComesToRest) {
  for (int qos = 0; qos < 3; ++qos) {
    SCOPED_TRACE(qos);
    ASSERT_NO_FATAL_FAILURE(Start("both", "mqttv50", 2));
    ASSERT_NO_FATAL_FAILURE(Circulate());
    ASSERT_NO_FATAL_FAILURE(
        Burst(here_client_, {"kv/b/0", "kv/b/1", "kv/b/2"}, static_cast<std::uint8_t>(qos)));
    ASSERT_NO_FATAL_FAILURE(ExpectQuiet());
    EXPECT_EQ(LastOf(here_client_), Revision{kBurst}) << "nothing was written a second time";
    EXPECT_EQ(ContentOf(here_client_), ContentOf(there_client_));
    ASSERT_NO_FATAL_FAILURE(BeginAnew());
  }
}

TEST_F(Bridges, InBothDirectionsARestartSetsNothingGoing) {
  ASSERT_NO_FATAL_FAILURE(Start("both", "mqttv50"));
  ASSERT_NO_FATAL_FAILURE(Circulate());
  ASSERT_TRUE(here_client_.Put("b/1", "here").ok());
  ASSERT_TRUE(there_client_.Put("b/2", "there").ok());
  ASSERT_TRUE(Shows(there_client_, "b/1", "here"));
  ASSERT_TRUE(Shows(here_client_, "b/2", "there"));
  const auto here = here_.KillAndStart();
  ASSERT_TRUE(here) << here.log;
  ASSERT_TRUE(here_client_.Connect());
  WaitLinked();
  ASSERT_NO_FATAL_FAILURE(ExpectQuiet());
  const auto there = there_.KillAndStart();
  ASSERT_TRUE(there) << there.log;
  ASSERT_TRUE(there_client_.Connect());
  WaitLinked();
  ASSERT_NO_FATAL_FAILURE(ExpectQuiet());
  EXPECT_EQ(ContentOf(here_client_), (std::vector<std::string>{"1=here PUT", "2=there PUT"}));
}

TEST_F(Bridges, OfMqtt311InBothDirectionsComeToRestToo) {
  for (int qos = 1; qos < 3; ++qos) {
    SCOPED_TRACE(qos);
    ASSERT_NO_FATAL_FAILURE(Start("both", "mqttv311", qos));
    ASSERT_NO_FATAL_FAILURE(Circulate());
    for (KvClient* client : {&here_client_, &there_client_}) {
      ASSERT_TRUE(client->Put("b/anew", "v").ok());  // and what follows at once goes anew, too
      ASSERT_NO_FATAL_FAILURE(
          Burst(*client, {"kv/b/0", "kv/b/1", "kv/b/2"}, static_cast<std::uint8_t>(qos)));
    }
    ASSERT_NO_FATAL_FAILURE(ExpectQuiet());
    ASSERT_NO_FATAL_FAILURE(BeginAnew());
  }
}

}  // namespace
}  // namespace kv::testing
