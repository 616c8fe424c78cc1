// Malformed and hostile requests, of both kinds of clients.
#include <chrono>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/e2e/kv_broker.h"
#include "tests/e2e/reasons.h"

namespace kv::testing {
namespace {

using Json = nlohmann::json;

std::string Repeated(std::string_view text, std::size_t count) {
  std::string all;
  all.reserve(text.size() * count);
  for (std::size_t i = 0; i < count; ++i) {
    all += text;
  }
  return all;
}

class HostileRequest : public KvBrokerTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(StartBroker());
    older_.emplace(broker().port());
    ASSERT_TRUE(older_->Connect({.version = ProtocolVersion::kMqtt311})) << older_->error();
    ASSERT_TRUE(client().Put("b/k", "v").ok());
    ASSERT_TRUE(client().Put("b/l/m", "v").ok());
  }

  void TearDown() override {
    if (HasFatalFailure()) {
      return;  // there may be nothing to look at
    }
    EXPECT_TRUE(broker().process().IsRunning());
    EXPECT_EQ(client().Get("b/k").value, "v") << "the same connection";
    EXPECT_TRUE(older().Ping()) << "the same connection";
    EXPECT_EQ(client().Info("b")["last_revision"], 2);
    EXPECT_EQ(broker().process().Log().find("kv: a message was refused"), std::string::npos)
        << "an exception";
  }

  // The status that a v5 client and that an older one gets.
  std::string Status(const std::string& topic,
                     const std::string& payload = {},
                     const Properties& properties = {}) {
    const Answer answer = ToAnswer(client().Request(topic, payload, properties));
    if (answer.status != "ok" && answer.status != "end") {
      EXPECT_NE(answer.error, "") << topic;
    }
    return answer.status;
  }

  std::string OlderStatus(const std::string& topic, const std::string& payload = {}) {
    EXPECT_TRUE(IsSuccess(older_->Publish(topic, payload))) << older_->error();
    const auto reply = older_->WaitMessage();
    if (!reply) {
      return "no reply: " + older_->error();
    }
    EXPECT_EQ(reply->topic, "$KV/reply/" + topic.substr(4));
    const Json json = Json::parse(reply->payload, nullptr, false);
    EXPECT_TRUE(json.is_object()) << reply->payload;
    return json.is_object() ? json.value("status", "none") : "not JSON";
  }

  void ExpectBoth(const std::string& topic, const std::string& payload, const std::string& status) {
    SCOPED_TRACE(topic.substr(0, 60) + " " + payload.substr(0, 60));
    EXPECT_EQ(Status(topic, payload), status) << client().error();
    EXPECT_EQ(OlderStatus(topic, payload), status);
  }

  MqttClient& older() { return *older_; }

 private:
  std::optional<MqttClient> older_;
};

TEST_F(HostileRequest, OddTopics) {
  ExpectBoth("$KV/", "", "invalid-bucket");
  ExpectBoth("$KV//", "", "invalid-bucket");
  ExpectBoth("$KV//get/x", "", "invalid-bucket");
  ExpectBoth("$KV/b/", "", "bad-request");
  ExpectBoth("$KV/b//", "", "bad-request");
  ExpectBoth("$KV/b//get/x", "", "bad-request");
  ExpectBoth("$KV/b/get", "", "invalid-key");
  ExpectBoth("$KV/b/get/", "", "invalid-key");
  ExpectBoth("$KV/b/get//", "", "invalid-key");
  ExpectBoth("$KV/b/getx/k", "", "bad-request");
  ExpectBoth("$KV/b/history/", "", "invalid-key");
  ExpectBoth("$KV/b/" + std::string(60'000, 'v'), "", "bad-request");
  ExpectBoth("$KV/" + std::string(60'000, 'b'), "", "invalid-bucket");
  ExpectBoth("$KV/b/get/" + std::string(60'000, 'k'), "", "invalid-key");
  ExpectBoth("$KV/b/history/" + std::string(1025, 'k'), "", "invalid-key");
  ExpectBoth("$KV/buckets/", "", "bad-request");
  ExpectBoth("$KV/b/\xF0\x9F\x98\x80/k", "", "bad-request");
  ExpectBoth("$KV/reply/b/get/k", "", "bad-request");
  ExpectBoth("$KV/$KV/get/k", "", "invalid-bucket");
}

TEST_F(HostileRequest, ThingsThatAreNoObjectOfOptions) {
  for (const std::string& payload : {std::string("null"),
                                     std::string("0"),
                                     std::string("\"limit\""),
                                     std::string("[]"),
                                     std::string("{"),
                                     std::string("{}{}"),
                                     std::string("{\"limit\"}"),
                                     std::string("\0", 1),
                                     std::string("\xEF\xBB\xBF"),
                                     std::string(" "),
                                     std::string(1'000'000, ' '),
                                     std::string(1'000'000, '{'),
                                     Repeated("[", 1'000'000),
                                     Repeated("{\"a\":", 200'000),
                                     Repeated("[", 100'000) + Repeated("]", 100'000)}) {
    ExpectBoth("$KV/b/keys", payload, "bad-request");
  }
}

TEST_F(HostileRequest, OptionsOfTheWrongKind) {
  for (const std::string payload : {R"({"limit": null})",
                                    R"({"limit": {}})",
                                    R"({"limit": -1})",
                                    R"({"limit": 1e2})",
                                    R"({"limit": 18446744073709551616})",
                                    R"({"limit": 99999999999999999999999999})",
                                    R"({"limit": true})",
                                    R"({"meta_only": 1})",
                                    R"({"meta_only": "yes"})",
                                    R"({"from_revision": -7})",
                                    R"({"from_revision": 1.5})",

                                    R"({"filter": ["a"]})",
                                    R"({"filter": ""})",
                                    R"({"cursor": 5})",
                                    R"({"cursor": ""})",
                                    R"({"": 1})",
                                    R"({"limit ": 1})",
                                    "{\"limit\": \"1\\u0000\"}",
                                    "{\"filter\": \"\xC3\x28\"}",
                                    "{\"\xFF\": 1}",
                                    R"({"filter": "\ud800"})"}) {
    ExpectBoth("$KV/b/keys", payload, "bad-request");
  }
  ExpectBoth("$KV/b/keys", R"({"filter": "\u006b"})", "ok");
}

TEST_F(HostileRequest, AMemberThatIsAWholeDeepTree) {
  const std::string deep = R"({"limit": )" + Repeated("[", 100'000) + Repeated("]", 100'000) + "}";
  ExpectBoth("$KV/b/keys", deep, "bad-request");
  ExpectBoth("$KV/b/info", deep, "bad-request");
}

TEST_F(HostileRequest, FiltersWithWildcardsInTheWrongPlace) {
  for (const std::string filter : {"a+",
                                   "+a",
                                   "a/b+/c",
                                   "#/a",
                                   "a/#/b",
                                   "a#",
                                   "#a",
                                   "##",
                                   "++",
                                   "/",
                                   "a//b",
                                   "/a",
                                   "a/",
                                   "",
                                   "a/#/",
                                   "\x01"}) {
    SCOPED_TRACE(filter);
    const std::string json = Json{{"filter", filter}}.dump();
    ExpectBoth("$KV/b/keys", json, "bad-request");
    ExpectBoth("$KV/b/entries/k", json, "bad-request");
    ExpectBoth("$KV/b/history", json, "bad-request");
  }
  const std::string long_filter(60'000, 'f');
  EXPECT_EQ(Status("$KV/b/keys", {}, Properties().User("kv-filter", long_filter)), "bad-request");
}

TEST_F(HostileRequest, AFilterThatInvitesBacktracking) {
  ASSERT_TRUE(IsSuccess(client().Publish("other/b", "not ours")));
  const std::string pluses = Repeated("+/", 180) + "#";  // as many levels as there may be
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(Status("$KV/b/keys", {}, Properties().User("kv-filter", pluses)), "ok");
  EXPECT_EQ(Status("$KV/b/history", {}, Properties().User("kv-filter", pluses)), "end");
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
}

TEST_F(HostileRequest, MadeUpCursors) {
  std::mt19937 random(20261122);
  const std::string alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/";
  for (int round = 0; round < 300; ++round) {
    std::string cursor(1 + random() % 40, 'A');
    for (char& c : cursor) {
      c = alphabet[random() % alphabet.size()];
    }
    const auto properties = Properties().User("kv-cursor", cursor);
    ASSERT_EQ(Status("$KV/b/keys", {}, properties), "bad-request") << cursor;
    ASSERT_EQ(Status("$KV/b/history", {}, properties), "bad-request") << cursor;
    ASSERT_EQ(Status("$KV/buckets", {}, properties), "bad-request") << cursor;
  }
  EXPECT_EQ(Status("$KV/b/keys", {}, Properties().User("kv-cursor", std::string(65'535, 'A'))),
            "bad-request");
}

TEST_F(HostileRequest, EveryVerbWithEveryOptionGoneWrong) {
  const std::vector<std::string> verbs = {"get/k", "keys", "entries", "history", "info"};
  const std::vector<std::string> options = {"kv-filter",
                                            "kv-revision",
                                            "kv-from-revision",
                                            "kv-limit",
                                            "kv-cursor",
                                            "kv-meta-only",
                                            "kv-ignore-deletes",
                                            "kv-include-deleted"};
  const std::string huge(65'535, '7');
  for (const std::string& verb : verbs) {
    const bool is_paged = verb != "get/k" && verb != "info";
    for (const std::string& option : options) {
      if (option == "kv-cursor" && !is_paged) {
        continue;  // of no use there, so nothing is wrong with it
      }
      for (const std::string& value : {std::string(), std::string("#/#"), huge}) {
        ASSERT_EQ(Status("$KV/b/" + verb, {}, Properties().User(option, value)), "bad-request")
            << verb << " " << option << "=" << value.substr(0, 20);
      }
      ASSERT_EQ(Status("$KV/b/" + verb, {}, Properties().User(option, "1").User(option, "1")),
                "bad-request")
          << verb << " " << option << " twice";
    }
  }
}

TEST_F(HostileRequest, ABurstOfRequestsFromAClientThatDoesNotListen) {
  MqttClient deaf(broker().port());
  ASSERT_TRUE(deaf.Connect({.automatic_acks = false})) << deaf.error();
  const auto to_replies = Properties().ResponseTopic("r").User("kv-limit", "500");
  for (int i = 0; i < 3000; ++i) {
    ASSERT_TRUE(deaf.PublishAsync("$KV/b/history", "", {.properties = to_replies}));
  }
  // The broker drops what it cannot queue for that session; everyone else is served.
  EXPECT_EQ(Status("$KV/b/history"), "end");
}

}  // namespace
}  // namespace kv::testing
