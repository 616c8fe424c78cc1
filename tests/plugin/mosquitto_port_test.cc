// Messages on their way to the broker: what it is handed, and who owns it.
#include "plugin/mosquitto_port.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <mosquitto.h>

#include "tests/plugin/fake_mosquitto.h"

namespace kv::plugin::testing {
namespace {

using Texts = std::vector<std::string>;

class MosquittoPortTest : public ::testing::Test {
 protected:
  MosquittoPortTest() { Calls() = {}; }
  ~MosquittoPortTest() override { EXPECT_EQ(Calls().allocated, 0U) << "somebody leaks"; }

  MosquittoPort port_;
  const Properties own_{.payload_format = 1,
                        .content_type = "text/plain",
                        .user = {{"b", "1"}, {"a", "2"}}};
  const std::vector<UserProperty> user_{{"kv-op", "PUT"}};
};

TEST_F(MosquittoPortTest, PublishesToEverybody) {
  ASSERT_TRUE(port_.Publish({.topic = "kv/b/k",
                             .payload = std::string_view("a\0b", 3),
                             .qos = 2,
                             .retain = true,
                             .own = &own_,
                             .user = &user_}));
  ASSERT_EQ(Calls().published.size(), 1U);
  const auto& published = Calls().published[0];
  EXPECT_FALSE(published.client);
  EXPECT_EQ(published.topic, "kv/b/k");
  EXPECT_EQ(published.payload, std::string("a\0b", 3));
  EXPECT_EQ(published.qos, 2);
  EXPECT_TRUE(published.retain);
  EXPECT_EQ(published.properties,
            (Texts{"payload-format 1", "content-type text/plain", "b=1", "a=2", "kv-op=PUT"}));
}

TEST_F(MosquittoPortTest, SendsToOneSession) {
  ASSERT_TRUE(port_.SendTo("ann",
                           {.topic = "replies",
                            .payload = "v",
                            .qos = 1,
                            .own = &own_,
                            .user = &user_,
                            .own_user = false,
                            .correlation_data = std::string_view("c\0d", 3)}));
  ASSERT_EQ(Calls().published.size(), 1U);
  const auto& published = Calls().published[0];
  EXPECT_EQ(published.client, "ann");
  EXPECT_FALSE(published.retain);
  EXPECT_EQ(published.properties,
            (Texts{std::string("correlation-data c\0d", 20),
                   "payload-format 1",
                   "content-type text/plain",
                   "kv-op=PUT"}));
}

TEST_F(MosquittoPortTest, PublishesAnEmptyPayloadWithoutProperties) {
  ASSERT_TRUE(port_.Publish({.topic = "kv/b/k", .retain = true}));
  ASSERT_EQ(Calls().published.size(), 1U);
  EXPECT_EQ(Calls().published[0].payload, "");
  EXPECT_EQ(Calls().published[0].properties, Texts{});
}

TEST_F(MosquittoPortTest, KeepsWhatTheBrokerRefused) {
  Calls().refuse_publish = true;
  EXPECT_FALSE(port_.Publish({.topic = "t", .payload = "v", .own = &own_, .user = &user_}));
  EXPECT_EQ(Calls().allocated, 0U);
}

TEST_F(MosquittoPortTest, SaysSoWhenMemoryIsShort) {
  Calls().no_memory = true;
  EXPECT_FALSE(port_.Publish({.topic = "t", .payload = "v", .own = &own_}));
  EXPECT_TRUE(Calls().published.empty());
}

TEST_F(MosquittoPortTest, LogsWhateverALineHoldsAtItsLevel) {
  port_.Log(LogLevel::kDebug, "100%s %n");
  port_.Log(LogLevel::kInfo, "i");
  port_.Log(LogLevel::kNotice, "n");
  port_.Log(LogLevel::kWarning, "w");
  port_.Log(LogLevel::kError, "e");
  const std::vector<std::pair<int, std::string>> expected{{MOSQ_LOG_DEBUG, "kv: 100%s %n"},
                                                          {MOSQ_LOG_INFO, "kv: i"},
                                                          {MOSQ_LOG_NOTICE, "kv: n"},
                                                          {MOSQ_LOG_WARNING, "kv: w"},
                                                          {MOSQ_LOG_ERR, "kv: e"}};
  EXPECT_EQ(Calls().log, expected);
}

}  // namespace
}  // namespace kv::plugin::testing
