// $KV/<bucket>/increment/<key>.
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/plugin/service_test.h"

namespace kv::plugin::testing {
namespace {

class IncrementTest : public ServiceTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(Start());
    Settle();
  }
  // The new value, or the error's code.
  std::string Increment(std::string_view key,
                        std::string_view delta = "",
                        std::vector<UserProperty> options = {}) {
    const Sent reply = AskLater("$KV/b/increment/" + std::string(key), delta, std::move(options));
    const std::string status = ValueOf(reply, "kv-status").value_or("none");
    EXPECT_EQ(status == "ok", !ValueOf(reply, "kv-error").has_value());
    return status == "ok" ? reply.payload : status;
  }
  std::string Get(const std::string& key) { return Ask("$KV/b/get/" + key).at(0).payload; }
};

TEST_F(IncrementTest, AddsOneOrThePayloadAndPublishesTheSum) {
  EXPECT_EQ(TextOf(AskLater("$KV/b/increment/n")),
            "-> ann: replies '1' qos 1 [kv-status=ok kv-revision=1 kv-time=" +
                wire::FormatTime(clock_.now) + "]");
  EXPECT_EQ(Published(), Texts{"kv/b/n '1' qos 1 retain [" + Change("PUT", 1) + "]"});
  EXPECT_EQ(Increment("n", "41"), "42");
  EXPECT_EQ(Published(), Texts{"kv/b/n '42' qos 1 retain [" + Change("PUT", 2) + "]"});
  EXPECT_EQ(Increment("n", "-50"), "-8");
  EXPECT_EQ(Get("n"), "-8");
}

TEST_F(IncrementTest, CountsFromZeroAfterADelete) {
  Put("kv/b/n", "7");
  Put("kv/b/n", "");
  EXPECT_EQ(Increment("n", "2"), "2");
}

TEST_F(IncrementTest, RefusesADeltaThatIsNotADecimalInteger) {
  for (const auto* const delta : {"x",
                                  "1.5",
                                  " 1",
                                  "1 ",
                                  "+1",
                                  "0x1",
                                  "--1",
                                  "-",
                                  "1e3",
                                  "9223372036854775808",
                                  "-9223372036854775809"}) {
    EXPECT_EQ(Increment("n", delta), "bad-request") << delta;
  }
  EXPECT_TRUE(Published().empty());
  EXPECT_EQ(ValueOf(Ask("$KV/b/get/n").at(0), "kv-status"), "bucket-not-found");
}

TEST_F(IncrementTest, RefusesAValueThatIsNotADecimalIntegerAndLeavesIt) {
  for (const auto* const value : {"text", "1.5", "9223372036854775808"}) {
    Put("kv/b/n", value);
    EXPECT_EQ(Increment("n"), "bad-request") << value;
    EXPECT_EQ(Get("n"), value);
  }
  Handle({.topic = "kv/b/n", .qos = 1, .options = {{"kv-op", "put"}}});
  EXPECT_EQ(Increment("n"), "bad-request") << "an empty value is no number";
}

TEST_F(IncrementTest, RefusesASumThatDoesNotFit) {
  Put("kv/b/n", "9223372036854775807");
  EXPECT_EQ(Increment("n"), "bad-request");
  EXPECT_EQ(Increment("n", "-9223372036854775808"), "-1");
  Put("kv/b/n", "-9223372036854775808");
  EXPECT_EQ(Increment("n", "-1"), "bad-request");
  EXPECT_EQ(Increment("n", "9223372036854775807"), "-1");
}

TEST_F(IncrementTest, ConditionsHold) {
  Put("kv/b/n", "7");
  const Sent refused = AskLater("$KV/b/increment/n", "1", {{"kv-expected-revision", "5"}});
  EXPECT_EQ(ValueOf(refused, "kv-status"), "wrong-last-revision");
  EXPECT_EQ(ValueOf(refused, "kv-revision"), "1");
  EXPECT_EQ(Increment("n", "1", {{"kv-expected-revision", "1"}}), "8");
}

TEST_F(IncrementTest, TheSameMessageIdAddsOnceAndGetsTheFirstSum) {
  EXPECT_EQ(Increment("n", "5", {{"kv-msg-id", "id"}}), "5");
  Put("kv/b/n", "not a number");
  const TimePoint first = clock_.now;
  Advance(kSecond);
  for (int life = 0; life < 2; ++life) {
    const Sent again = AskLater("$KV/b/increment/n", "5", {{"kv-msg-id", "id"}});
    EXPECT_EQ(TextOf(again),
              "-> ann: replies '5' qos 1 [kv-status=ok kv-revision=1 kv-time=" +
                  wire::FormatTime(first) + " kv-duplicate=true]");
    EXPECT_TRUE(Published().empty());
    EXPECT_EQ(Get("n"), "not a number");
    ASSERT_NO_FATAL_FAILURE(Restart());
  }
}

TEST_F(IncrementTest, ARefusedOneLeavesItsMessageIdFree) {
  Put("kv/b/n", "x");
  EXPECT_EQ(Increment("n", "1", {{"kv-msg-id", "id"}}), "bad-request");
  Put("kv/b/n", "1");
  EXPECT_EQ(Increment("n", "1", {{"kv-msg-id", "id"}}), "2");
}

TEST_F(IncrementTest, AnOldClientGetsTheSumAsJson) {
  broker_.Take();
  HandleV3({.topic = "$KV/b/increment/n", .payload = "3", .qos = 1});
  ASSERT_TRUE(TickUntil([this] { return LastReply().has_value(); }));
  EXPECT_EQ(LastReply()->topic, "$KV/reply/b/increment/n");
  EXPECT_NE(LastReply()->payload.find(R"("value":"3")"), std::string::npos) << LastReply()->payload;
}

}  // namespace
}  // namespace kv::plugin::testing
