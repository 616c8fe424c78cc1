// Requests of MQTT 3.1 and 3.1.1 clients: options and replies as JSON.
#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/e2e/kv_broker.h"
#include "tests/e2e/reasons.h"

namespace kv::testing {
namespace {

using Json = nlohmann::json;

// Keys, values and properties of every kind, written by a v5 client; read by the older ones.
class RequestJson : public KvBrokerTest, public ::testing::WithParamInterface<ProtocolVersion> {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"bucket_b", "history=3"}}}));
    reader_.emplace(broker().port());
    ASSERT_TRUE(reader_->Connect({.version = GetParam()})) << reader_->error();
  }

  Json Ask(const std::string& request, const std::string& options = {}, std::uint8_t qos = 1) {
    const auto reason = reader_->Publish("$KV/" + request, options, {.qos = qos});
    EXPECT_TRUE(IsSuccess(reason)) << reader_->error();
    const auto reply = reader_->WaitMessage();
    if (!reply) {
      ADD_FAILURE() << request << ": " << reader_->error();
      return Json::object();
    }
    EXPECT_EQ(reply->topic, "$KV/reply/" + request);
    EXPECT_EQ(reply->qos, qos == 0 ? 0 : 1);
    EXPECT_FALSE(reply->retain);
    Json json = Json::parse(reply->payload, nullptr, false);
    EXPECT_TRUE(json.is_object()) << reply->payload;
    return json;
  }

  MqttClient& reader() { return *reader_; }

 private:
  std::optional<MqttClient> reader_;
};

TEST_P(RequestJson, GetGivesTextAsValueAndOtherBytesAsBase64) {
  ASSERT_TRUE(IsSuccess(client().Publish("kv/b/text", "grün \"x\"")));
  ASSERT_TRUE(IsSuccess(client().Publish("kv/b/bytes", std::string("\0\xff\xfe", 3))));
  ASSERT_TRUE(client().Put("b/empty", "").ok());
  for (std::uint8_t qos = 0; qos < 3; ++qos) {
    const Json text = Ask("b/get/text", "", qos);
    EXPECT_EQ(text["status"], "ok");
    EXPECT_EQ(text["key"], "text");
    EXPECT_EQ(text["op"], "PUT");
    EXPECT_EQ(text["revision"], 1) << "a number";
    EXPECT_EQ(text["time"], client().Get("b/text").Property("kv-time"));
    EXPECT_EQ(text["value"], "grün \"x\"");
    EXPECT_FALSE(text.contains("value_base64"));
  }
  const Json bytes = Ask("b/get/bytes");
  EXPECT_EQ(bytes["value_base64"], "AP/+");
  EXPECT_FALSE(bytes.contains("value"));
  EXPECT_EQ(Ask("b/get/empty")["value"], "");
}

TEST_P(RequestJson, AValueThatIsTextWithAZeroByteIsStillText) {
  ASSERT_TRUE(IsSuccess(client().Publish("kv/b/k", std::string("a\0b", 3))));
  EXPECT_EQ(Ask("b/get/k")["value"], std::string("a\0b", 3));
}

TEST_P(RequestJson, OptionsAreMembersOfThePayload) {
  for (const std::string value : {"1", "2", "3", "4"}) {
    ASSERT_TRUE(IsSuccess(client().Publish("kv/b/k", value)));
  }
  ASSERT_TRUE(IsSuccess(client().Publish("kv/b/gone", "x")));
  ASSERT_TRUE(IsSuccess(client().Publish("kv/b/gone", "")));
  EXPECT_EQ(Ask("b/get/k", R"({"revision": 3})")["value"], "3");
  const Json from = Ask("b/history", R"({"from_revision": 3, "limit": 2})");
  EXPECT_EQ(from["status"], "end");
  EXPECT_EQ(from["count"], 2);
  EXPECT_EQ(from["entries"].size(), 2U);
  EXPECT_EQ(from["entries"][0]["revision"], 3);
  EXPECT_FALSE(from.contains("compacted"));
  EXPECT_EQ(Ask("b/history", R"({"from_revision": 1})")["compacted"], true);
  const Json meta = Ask("b/entries/k", R"({"meta_only": true})");
  ASSERT_EQ(meta["entries"].size(), 1U);
  EXPECT_FALSE(meta["entries"][0].contains("value"));
  EXPECT_EQ(meta["entries"][0]["revision"], 4);
  EXPECT_EQ(Ask("b/entries")["entries"].size(), 2U);
  EXPECT_EQ(Ask("b/entries", R"({"ignore_deletes": true})")["entries"].size(), 1U);
  EXPECT_EQ(Ask("b/keys")["keys"], Json({"k"}));
  EXPECT_EQ(Ask("b/keys", R"({"include_deleted": true})")["keys"], Json({"gone", "k"}));
  EXPECT_EQ(Ask("b/keys", R"({"include_deleted": true, "filter": "gone"})")["keys"],
            Json({"gone"}));
}

TEST_P(RequestJson, EntriesCarryTheirWritersProperties) {
  ASSERT_TRUE(IsSuccess(client().Publish("kv/b/k",
                                         "v",
                                         {.properties = Properties()
                                                            .ContentType("text/plain")
                                                            .PayloadFormat(1)
                                                            .User("a", "1")
                                                            .User("a", "2")})));
  const Json got = Ask("b/get/k");
  EXPECT_EQ(got["content_type"], "text/plain");
  EXPECT_EQ(got["payload_format"], 1);
  EXPECT_EQ(got["properties"], Json::parse(R"([["a", "1"], ["a", "2"]])"));
  EXPECT_EQ(Ask("b/history")["entries"][0]["properties"], got["properties"]);
}

TEST_P(RequestJson, AMarkerHasNoValue) {
  ASSERT_TRUE(IsSuccess(client().Publish("kv/b/k", "v")));
  ASSERT_TRUE(client().Purge("b/k").ok());
  const Json history = Ask("b/history");
  ASSERT_EQ(history["entries"].size(), 1U);
  EXPECT_EQ(history["entries"][0]["op"], "PURGE");
  EXPECT_FALSE(history["entries"][0].contains("value"));
  const Json gone = Ask("b/get/k");
  EXPECT_EQ(gone["status"], "key-not-found");
  EXPECT_EQ(gone["revision"], 2);
  EXPECT_NE(gone["error"], "");
}

TEST_P(RequestJson, InfoAndBucketsAreTheSameJsonAsForV5UnderTheirNames) {
  ASSERT_TRUE(IsSuccess(client().Publish("kv/b/k", "v")));
  ASSERT_TRUE(IsSuccess(client().Publish("kv/another/k", "v")));
  const Json info = Ask("b/info");
  EXPECT_EQ(info["status"], "ok");
  EXPECT_EQ(info["info"], client().Info("b"));
  EXPECT_FALSE(info.contains("content_type"));
  const Json buckets = Ask("buckets");
  EXPECT_EQ(buckets["count"], 2);
  EXPECT_EQ(buckets["buckets"], Json({client().Info("another"), client().Info("b")}));
}

TEST_P(RequestJson, ErrorsAreRepliesToo) {
  for (const auto& [request, options, code] :
       std::vector<std::array<std::string, 3>>{{"b/get/none", "", "key-not-found"},
                                               {"none/info", "", "bucket-not-found"},
                                               {"bad name/info", "", "invalid-bucket"},
                                               {"b/get", "", "invalid-key"},
                                               {"b/juggle", "", "bad-request"},
                                               {"b/keys", "not JSON", "bad-request"},
                                               {"b/keys", "{\"limit\": -1}", "bad-request"},
                                               {"b/keys", "{\"limit\": 1.5}", "bad-request"},
                                               {"b/keys", "{\"filter\": \"a\xff\"}", "bad-request"},
                                               {"b/keys", R"({"kv-limit": 1})", "bad-request"},
                                               {"b/keys", R"({"cursor": "x"})", "bad-request"}}) {
    SCOPED_TRACE(request + " " + options);
    const Json reply = Ask(request, options);
    EXPECT_EQ(reply["status"], code);
    EXPECT_NE(reply["error"].get<std::string>(), "");
  }
}

TEST_P(RequestJson, PagesGoOnWithTheCursorAndGiveEverythingOnce) {
  constexpr std::size_t key_count = 1200;
  for (std::size_t i = 0; i < key_count; ++i) {
    ASSERT_TRUE(
        client().PublishAsync("kv/b/k" + std::to_string(i), std::string(1000, 'v'), {.qos = 0}));
  }
  ASSERT_TRUE(client().Ping());
  for (const std::string verb : {"entries", "history", "keys"}) {
    SCOPED_TRACE(verb);
    std::set<std::string> keys;
    std::size_t pages = 0;
    Json options = {{"limit", 500}};
    while (true) {
      const Json page = Ask("b/" + verb, options.dump());
      ASSERT_TRUE(page.contains("count")) << page;
      ++pages;
      const Json& list = verb == "keys" ? page["keys"] : page["entries"];
      EXPECT_EQ(page["count"], list.size());
      EXPECT_LE(list.size(), 500U);
      for (const Json& item : list) {
        const std::string key = verb == "keys" ? item : item["key"];
        EXPECT_TRUE(keys.insert(key).second) << key << " twice";
      }
      if (!page.contains("cursor")) {
        break;
      }
      options["cursor"] = page["cursor"];
    }
    EXPECT_EQ(keys.size(), key_count);
    EXPECT_GT(pages, 2U);
  }
}

TEST_P(RequestJson, AnOlderClientsNeighbourGetsNothing) {
  ASSERT_TRUE(IsSuccess(client().Publish("kv/b/k", "v")));
  MqttClient other(broker().port());
  ASSERT_TRUE(other.Connect({.version = GetParam()})) << other.error();
  ASSERT_TRUE(other.Subscribe("$KV/reply/#"));
  ASSERT_TRUE(reader().Subscribe("$KV/reply/#"));
  EXPECT_EQ(Ask("b/get/k")["value"], "v");
  EXPECT_TRUE(reader().TakeMessages().empty()) << "once, whether subscribed or not";
  EXPECT_TRUE(other.TakeMessages().empty());
}

INSTANTIATE_TEST_SUITE_P(Versions,
                         RequestJson,
                         ::testing::Values(ProtocolVersion::kMqtt31, ProtocolVersion::kMqtt311),
                         [](const auto& version) {
                           return version.param == ProtocolVersion::kMqtt31 ? "Mqtt31" : "Mqtt311";
                         });

}  // namespace
}  // namespace kv::testing
