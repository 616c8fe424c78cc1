// $KV/<bucket>/txn.
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/plugin/service_test.h"

namespace kv::plugin::testing {
namespace {

class TxnTest : public ServiceTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(Start());
    Settle();
  }
  // The JSON of the reply, or the error's code.
  std::string Txn(std::string_view json, std::vector<UserProperty> options = {}) {
    const Sent reply = AskLater("$KV/b/txn", json, std::move(options));
    const std::string status = ValueOf(reply, "kv-status").value_or("none");
    duplicate_ = ValueOf(reply, "kv-duplicate") == "true";
    return status == "ok" ? reply.payload : status;
  }
  static std::string Results(bool succeeded, std::string_view list) {
    return std::string(R"({"succeeded":)") + (succeeded ? "true" : "false") + R"(,"results":[)" +
           std::string(list) + "]}";
  }
  bool duplicate_ = false;
};

constexpr std::string_view kPutTwo =
    R"({"then":[{"op":"put","key":"a","value":"1"},{"op":"put","key":"b","value_base64":"AP8="}]})";

TEST_F(TxnTest, WritesAllInOrderAndPublishesEach) {
  EXPECT_EQ(Txn(kPutTwo), Results(true, R"({"key":"a","revision":1},{"key":"b","revision":2})"));
  EXPECT_EQ(
      Published(),
      (Texts{"kv/b/a '1' qos 1 retain [" + Change("PUT", 1) + "]",
             "kv/b/b '" + std::string("\0\xFF", 2) + "' qos 1 retain [" + Change("PUT", 2) + "]"}));
}

TEST_F(TxnTest, IfDecidesBetweenThenAndElse) {
  Put("kv/b/a", "1");
  const std::string txn = R"({"if":[{"key":"a","revision":1},{"key":"x","revision":0}],
    "then":[{"op":"delete","key":"a"}],"else":[{"op":"put","key":"x","value":"late"}]})";
  EXPECT_EQ(Txn(txn), Results(true, R"({"key":"a","revision":2})"));
  EXPECT_EQ(Txn(txn), Results(false, R"({"key":"x","revision":3})"));
  EXPECT_EQ(Txn(R"({"if":[{"key":"a","revision":9}],"then":[{"op":"purge","key":"a"}]})"),
            Results(false, ""));
}

TEST_F(TxnTest, OneImpossibleOperationAndNothingHappens) {
  Put("kv/b/a", "1");
  EXPECT_EQ(Txn(R"({"then":[{"op":"put","key":"n","value":"1"},
                            {"op":"create","key":"a","value":"2"}]})",
                {{"kv-msg-id", "id"}}),
            "key-exists");
  EXPECT_TRUE(Published().empty());
  EXPECT_EQ(ValueOf(Ask("$KV/b/get/n").at(0), "kv-status"), "key-not-found");
  EXPECT_EQ(Txn(kPutTwo, {{"kv-msg-id", "id"}}),
            Results(true, R"({"key":"a","revision":2},{"key":"b","revision":3})"));
  EXPECT_FALSE(duplicate_);
}

TEST_F(TxnTest, LeavesNoBucketBehindWhenItIsRefused) {
  EXPECT_EQ(Txn(R"({"then":[{"op":"put","key":"n","value":"1"},
                            {"op":"update","key":"a","value":"2","expected_revision":7}]})"),
            "wrong-last-revision");
  EXPECT_EQ(ValueOf(Ask("$KV/b/info").at(0), "kv-status"), "bucket-not-found");
}

TEST_F(TxnTest, WithNothingToDoTheReplySaysSo) {
  EXPECT_EQ(Txn("{}"), Results(true, ""));
  EXPECT_EQ(Txn(R"({"then":[{"op":"delete","key":"a"}]})"),
            Results(true, R"({"key":"a","revision":0})"));
  EXPECT_EQ(ValueOf(Ask("$KV/b/info").at(0), "kv-status"), "bucket-not-found");
  Put("kv/b/k", "1");
  EXPECT_EQ(Txn("{}"), Results(true, ""));
  EXPECT_EQ(Txn(R"({"then":[{"op":"delete","key":"a"}]})"),
            Results(true, R"({"key":"a","revision":0})"));
}

TEST_F(TxnTest, TheSameMessageIdGetsTheFirstReplyWhateverHoldsNow) {
  const std::string txn = R"({"if":[{"key":"a","revision":0}],
    "then":[{"op":"put","key":"a","value":"1"}],"else":[{"op":"delete","key":"a"}]})";
  const std::string first = Results(true, R"({"key":"a","revision":1})");
  EXPECT_EQ(Txn(txn, {{"kv-msg-id", "id"}}), first);
  EXPECT_FALSE(duplicate_);
  for (int life = 0; life < 2; ++life) {
    EXPECT_EQ(Txn(txn, {{"kv-msg-id", "id"}}), first);
    EXPECT_TRUE(duplicate_);
    EXPECT_TRUE(Published().empty());
    ASSERT_NO_FATAL_FAILURE(Restart());
  }
}

TEST_F(TxnTest, AMessageIdOfAWriteIsAnsweredAsThatWriteWas) {
  AskLater("$KV/b/put/a", "1", {{"kv-msg-id", "id"}});
  const Sent reply = AskLater("$KV/b/txn", kPutTwo, {{"kv-msg-id", "id"}});
  EXPECT_EQ(TextOf(reply),
            "-> ann: replies '' qos 1 [kv-status=ok kv-revision=1 kv-time=" +
                wire::FormatTime(clock_.now) + " kv-duplicate=true]");
}

TEST_F(TxnTest, WhatIsNoTransactionIsABadRequest) {
  for (const auto* const json : {"",
                                 "x",
                                 "[]",
                                 "{\"then\":1}",
                                 R"({"then":[{"key":"a"}]})",
                                 R"({"then":[{"op":"put","key":"a","value":"1"},
                                             {"op":"delete","key":"a"}]})",
                                 R"({"unknown":[]})"}) {
    EXPECT_EQ(Txn(json), "bad-request") << json;
  }
  EXPECT_EQ(Txn(R"({"then":[{"op":"put","key":"a//b","value":"1"}]})"), "invalid-key");
}

TEST_F(TxnTest, LimitsHoldForTheWholeOfIt) {
  Declare("b", "max_keys=1");
  ASSERT_NO_FATAL_FAILURE(Restart());
  EXPECT_EQ(Txn(kPutTwo), "bucket-full");
  EXPECT_EQ(Txn(R"({"then":[{"op":"put","key":"a","value":"1"}]})"),
            Results(true, R"({"key":"a","revision":1})"));
  EXPECT_EQ(Txn(R"({"then":[{"op":"delete","key":"a"},{"op":"put","key":"b","value":"1"}]})"),
            Results(true, R"({"key":"a","revision":2},{"key":"b","revision":3})"));
}

TEST_F(TxnTest, AnOldClientGetsTheResultsBesideTheStatus) {
  broker_.Take();
  HandleV3({.topic = "$KV/b/txn", .payload = kPutTwo, .qos = 1});
  ASSERT_TRUE(TickUntil([this] { return LastReply().has_value(); }));
  const auto json = nlohmann::json::parse(LastReply()->payload);
  EXPECT_EQ(json.at("status").get<std::string>(), "ok");
  EXPECT_EQ(json.at("succeeded").get<bool>(), true);
  EXPECT_EQ(json.at("results").size(), 2U);
}

}  // namespace
}  // namespace kv::plugin::testing
