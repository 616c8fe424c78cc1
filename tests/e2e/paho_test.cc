// Paho's C++ client, as an application uses it.
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <mqtt/async_client.h>
#include <nlohmann/json.hpp>

#include "tests/e2e/kv_broker.h"
#include "tests/e2e/reasons.h"

namespace kv::testing {
namespace {

using Json = nlohmann::json;

constexpr auto kWait = std::chrono::seconds(60);

std::string UserProperty(const mqtt::const_message_ptr& message, const std::string& wanted) {
  const mqtt::properties& properties = message->get_properties();
  for (std::size_t i = 0; i < properties.count(mqtt::property::USER_PROPERTY); ++i) {
    const auto [name, value] =
        mqtt::get<mqtt::string_pair>(properties, mqtt::property::USER_PROPERTY, i);
    if (name == wanted) {
      return value;
    }
  }
  return {};
}

class Paho : public KvBrokerTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"bucket_b", "history=5"}}}));
    Connect(MQTTVERSION_5);
  }

  void TearDown() override {
    if (paho_ && paho_->is_connected()) {
      paho_->disconnect()->wait_for(kWait);
    }
  }

  void Connect(int version) {
    TearDown();
    paho_ =
        std::make_unique<mqtt::async_client>("tcp://127.0.0.1:" + std::to_string(broker().port()),
                                             UniqueClientId(),
                                             mqtt::create_options(version));
    paho_->start_consuming();
    auto options = mqtt::connect_options_builder().mqtt_version(version);
    if (version == MQTTVERSION_5) {
      options.clean_start(true);
    } else {
      options.clean_session(true);
    }
    paho_->connect(options.finalize())->wait();
  }

  void Subscribe(const std::string& filter, int qos = 1) {
    ASSERT_TRUE(paho_->subscribe(filter, qos)->wait_for(kWait));
  }

  // Waits for the acknowledgement; its reason code, 0 before version 5.
  int Publish(const std::string& topic,
              const std::string& value,
              const std::map<std::string, std::string>& user = {},
              int qos = 1) {
    mqtt::properties properties;
    for (const auto& [name, text] : user) {
      properties.add({mqtt::property::USER_PROPERTY, name, text});
    }
    const auto message = mqtt::message::create(topic, value, qos, false, properties);
    const auto token = paho_->publish(message);
    try {
      EXPECT_TRUE(token->wait_for(kWait));
    } catch (const mqtt::exception& error) {
      return error.get_reason_code();
    }
    return token->get_reason_code();
  }

  mqtt::const_message_ptr Next() {
    mqtt::const_message_ptr message;
    EXPECT_TRUE(paho_->try_consume_message_for(&message, kWait));
    return message ? message : mqtt::make_message("nothing came", "");
  }

  // All messages of the reply.
  std::vector<mqtt::const_message_ptr> Request(
      const std::string& topic,
      const std::string& payload = {},
      const std::map<std::string, std::string>& user = {}) {
    mqtt::properties properties;
    properties.add({mqtt::property::RESPONSE_TOPIC, "answers/" + paho_->get_client_id()});
    properties.add({mqtt::property::CORRELATION_DATA, "17"});
    for (const auto& [name, text] : user) {
      properties.add({mqtt::property::USER_PROPERTY, name, text});
    }
    paho_->publish(mqtt::message::create(topic, payload, 1, false, properties))->wait_for(kWait);
    std::vector<mqtt::const_message_ptr> replies;
    do {
      replies.push_back(Next());
      EXPECT_EQ(mqtt::get<mqtt::binary>(replies.back()->get_properties(),
                                        mqtt::property::CORRELATION_DATA),
                "17");
    } while (UserProperty(replies.back(), "kv-status") == "entry");
    return replies;
  }

  mqtt::async_client& paho() { return *paho_; }

 private:
  std::unique_ptr<mqtt::async_client> paho_;
};

TEST_F(Paho, PutsAndWatches) {
  Publish("kv/b/k", "first", {{"unit", "K"}});
  ASSERT_NO_FATAL_FAILURE(Subscribe("kv/b/#"));
  const auto retained = Next();
  EXPECT_TRUE(retained->is_retained());
  EXPECT_EQ(retained->to_string(), "first");
  EXPECT_EQ(UserProperty(retained, "unit"), "K");
  EXPECT_EQ(UserProperty(retained, "kv-revision"), "1");
  for (int qos = 0; qos < 3; ++qos) {
    Publish("kv/b/k", "at QoS " + std::to_string(qos), {}, qos);
    EXPECT_EQ(Next()->to_string(), "at QoS " + std::to_string(qos));
  }
  Publish("kv/b/k", "");
  const auto deleted = Next();
  EXPECT_EQ(UserProperty(deleted, "kv-op"), "DEL");
  EXPECT_EQ(deleted->to_string(), "");
}

TEST_F(Paho, ComparesAndSets) {
  const auto created = Request("kv/b/k", "1", {{"kv-op", "create"}});
  ASSERT_EQ(created.size(), 1U);
  EXPECT_EQ(UserProperty(created[0], "kv-status"), "ok");
  EXPECT_EQ(UserProperty(created[0], "kv-revision"), "1");
  const std::map<std::string, std::string> update = {{"kv-op", "update"},
                                                     {"kv-expected-revision", "1"}};
  EXPECT_EQ(UserProperty(Request("kv/b/k", "2", update)[0], "kv-revision"), "2");
  const auto late = Request("kv/b/k", "3", update);
  EXPECT_EQ(UserProperty(late[0], "kv-status"), "wrong-last-revision");
  EXPECT_EQ(UserProperty(late[0], "kv-revision"), "2");
  EXPECT_EQ(Publish("kv/b/k", "3", update, 1), kRefused);
  EXPECT_EQ(Publish("kv/b/k", "3", update, 2), kRefused);
  EXPECT_TRUE(paho().is_connected());
  EXPECT_EQ(Request("$KV/b/get/k")[0]->to_string(), "2");
}

TEST_F(Paho, ReadsHistoryKeysAndInfo) {
  for (const std::string value : {"1", "2", "3"}) {
    Publish("kv/b/k", value);
  }
  const auto history = Request("$KV/b/history", "", {{"kv-from-revision", "2"}});
  ASSERT_EQ(history.size(), 3U);
  EXPECT_EQ(history[0]->to_string(), "2");
  EXPECT_EQ(history[1]->to_string(), "3");
  EXPECT_EQ(UserProperty(history[2], "kv-status"), "end");
  EXPECT_EQ(UserProperty(history[2], "kv-count"), "2");
  EXPECT_EQ(Request("$KV/b/keys")[0]->to_string(), R"(["k"])");
  EXPECT_EQ(Json::parse(Request("$KV/b/info")[0]->to_string())["last_revision"], 3);
}

TEST_F(Paho, OfVersion311PutsWatchesAndReadsAsJson) {
  Connect(MQTTVERSION_3_1_1);
  Publish("kv/b/k", "first");
  ASSERT_NO_FATAL_FAILURE(Subscribe("kv/b/#", 2));
  EXPECT_EQ(Next()->to_string(), "first");
  for (int qos = 0; qos < 3; ++qos) {
    Publish("kv/b/k", "at QoS " + std::to_string(qos), {}, qos);
    EXPECT_EQ(Next()->to_string(), "at QoS " + std::to_string(qos));
  }
  Publish("kv/bad name/k", "refused", {}, 2);
  EXPECT_TRUE(paho().is_connected());
  const auto ask = [&](const std::string& request, const std::string& options) {
    Publish("$KV/" + request, options);
    const auto reply = Next();
    EXPECT_EQ(reply->get_topic(), "$KV/reply/" + request);
    return Json::parse(reply->to_string());
  };
  EXPECT_EQ(ask("b/get/k", "")["value"], "at QoS 2");
  EXPECT_EQ(ask("b/get/none", "")["status"], "key-not-found");
  const Json history = ask("b/history", R"({"limit": 2})");
  EXPECT_EQ(history["entries"].size(), 2U);
  EXPECT_EQ(ask("b/history", Json{{"cursor", history["cursor"]}}.dump())["count"], 2);
  Publish("kv/b/k", "");
  EXPECT_EQ(Next()->to_string(), "");
  EXPECT_EQ(ask("b/keys", "")["keys"], Json::array());
}

}  // namespace
}  // namespace kv::testing
