// Transactions as JSON.
#include "wire/txn.h"

#include <string>

#include <gtest/gtest.h>

namespace kv::wire::testing {
namespace {

std::string ErrorOf(const std::string& payload) {
  const auto txn = ParseTxn(payload);
  return txn ? "none" : std::string(txn.error().token()) + " " + txn.error().message;
}

TEST(TxnTest, IsReadWhole) {
  const auto txn = ParseTxn(
      R"({"if": [{"key": "a/b", "revision": 7}, {"key": "c", "revision": 0}],)"
      R"( "then": [{"op": "put", "key": "a", "value": "1", "ttl": "500ms"},)"
      R"( {"op": "DEL", "key": "b"}, {"op": "create", "key": "c", "value_base64": "AP8="}],)"
      R"( "else": [{"op": "update", "key": "a", "value": "", "expected_revision": 3},)"
      R"( {"op": "purge", "key": "p"}, {"op": "put", "key": "e", "value": "x", "ttl": 9,)"
      R"( "ephemeral": true}]})");
  ASSERT_TRUE(txn.ok()) << txn.error().message;
  ASSERT_EQ(txn->conditions.size(), 2U);
  EXPECT_EQ(txn->conditions[0].key, "a/b");
  EXPECT_EQ(txn->conditions[0].revision, 7U);
  ASSERT_EQ(txn->then.size(), 3U);
  EXPECT_EQ(txn->then[0].ttl, 500 * kMillisecond);
  EXPECT_EQ(txn->then[1].verb, WriteVerb::kDelete);
  EXPECT_EQ(txn->then[2].value, std::string("\0\xFF", 2));
  ASSERT_EQ(txn->otherwise.size(), 3U);
  EXPECT_EQ(txn->otherwise[0].expected, 3U);
  EXPECT_EQ(txn->otherwise[1].verb, WriteVerb::kPurge);
  EXPECT_EQ(txn->otherwise[2].ttl, 9 * kSecond);
  EXPECT_TRUE(txn->otherwise[2].ephemeral);
}

TEST(TxnTest, IsReadAsItWasWritten) {
  Txn txn;
  txn.conditions = {{"a/b", 7}, {"c", 0}};
  txn.then = {{.key = "a", .verb = WriteVerb::kPut, .value = "1", .ttl = 500 * kMillisecond},
              {.key = "b", .verb = WriteVerb::kDelete},
              {.key = "c", .verb = WriteVerb::kCreate, .value = std::string("\0\xFF", 2)},
              {.key = "d", .verb = WriteVerb::kPut, .value = "", .ephemeral = true}};
  txn.otherwise = {{.key = "a", .verb = WriteVerb::kUpdate, .value = "x", .expected = 3},
                   {.key = "p", .verb = WriteVerb::kPurge}};
  const auto read = ParseTxn(TxnRequestJson(txn));
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(TxnRequestJson(*read), TxnRequestJson(txn));
  ASSERT_EQ(read->then.size(), 4U);
  EXPECT_EQ(read->then[0].ttl, 500 * kMillisecond);
  EXPECT_EQ(read->then[2].value, txn.then[2].value);
  EXPECT_TRUE(read->then[3].ephemeral);
  EXPECT_EQ(read->otherwise[0].expected, 3U);
  EXPECT_EQ(ErrorOf(TxnRequestJson({})), "none");
}

TEST(TxnTest, OutcomeIsReadAsItWasWritten) {
  const auto reply = ReadTxnReply(TxnJson(true, {{"a", 7}, {"b", 0}}));
  ASSERT_TRUE(reply.ok()) << reply.error().message;
  EXPECT_TRUE(reply->succeeded);
  EXPECT_EQ(reply->results, (std::vector<std::pair<std::string, Revision>>{{"a", 7}, {"b", 0}}));
  for (const char* text : {"",
                           "[]",
                           "{}",
                           R"({"succeeded":1,"results":[]})",
                           R"({"succeeded":true,"results":[{"key":"a"}]})"}) {
    EXPECT_FALSE(ReadTxnReply(text).ok()) << text;
  }
}

TEST(TxnTest, OfNothingIsFine) {
  EXPECT_EQ(ErrorOf("{}"), "none");
  EXPECT_EQ(ErrorOf(R"({"if": [], "then": [], "else": []})"), "none");
}

TEST(TxnTest, NamesTheListAndWhatIsAccepted) {
  const auto then = [](const std::string& item) {
    return ErrorOf(R"({"then": [)" + item + "]}");
  };
  EXPECT_EQ(then(R"({"op": "put", "key": "k"})"),
            "bad-request then: a put, create or update needs one of value and value_base64");
  EXPECT_EQ(then(R"({"op": "put", "key": "k", "value": "", "value_base64": ""})"),
            "bad-request then: a put, create or update needs one of value and value_base64");
  EXPECT_EQ(then(R"({"op": "put", "key": "k", "value": 1})"),
            "bad-request then: value and value_base64 are texts");
  EXPECT_EQ(then(R"({"op": "put", "key": "k", "value_base64": "?"})"),
            "bad-request then: value_base64 is not base64");
  EXPECT_EQ(then(R"({"op": "delete", "key": "k", "value": ""})"),
            "bad-request then: a delete or purge takes no value");
  EXPECT_EQ(then(R"({"op": "increment", "key": "k"})"),
            "bad-request then: op: accepted is put, create, update, delete or purge");
  EXPECT_EQ(then(R"({"op": "update", "key": "k", "value": "v"})"),
            "bad-request then: an update needs expected_revision");
  EXPECT_EQ(then(R"({"op": "put", "value": "v"})"), "bad-request then: needs a key, a text");
  EXPECT_EQ(then(R"({"op": "put", "key": "a/#", "value": "v"})").substr(0, 17),
            "invalid-key then:");
  EXPECT_EQ(then(R"({"op": "delete", "key": "k", "x": 1})"),
            "bad-request then: has an unknown member: accepted are ephemeral, expected_revision, "
            "key, op, ttl, value, value_base64");
  EXPECT_EQ(then(R"({"op": "delete", "key": "k"}, {"op": "delete", "key": "k"})"),
            "bad-request then: a key stands twice, accepted is once");
  EXPECT_EQ(ErrorOf(R"({"if": [{"key": "k", "revision": -1}]})"),
            "bad-request if: needs a revision, a whole number, 0 for a key without an entry");
  EXPECT_EQ(ErrorOf(R"({"if": {"key": "k", "revision": 1}})"),
            "bad-request if: accepted is a list of at most 500");
  EXPECT_EQ(ErrorOf(R"({"if": [7]})"), "bad-request if: is not a list of objects");
  EXPECT_EQ(ErrorOf(R"({"unless": []})"),
            "bad-request the transaction: has an unknown member: accepted are else, if, then");
}

TEST(TxnTest, RefusesAMemberThatStandsTwice) {
  const auto twice = [](const std::string& member) {
    return "bad-request the JSON has " + member + " twice in one object: accepted is once";
  };
  EXPECT_EQ(ErrorOf(R"({"then": [], "then": []})"), twice("the member then"));
  EXPECT_EQ(ErrorOf(R"({"then": [{"op": "put", "key": "a", "key": "b", "value": "v"}]})"),
            twice("the member key"));
  const std::string other = "\"" + std::string(41, 'x') + "\": 1";
  EXPECT_EQ(ErrorOf("{" + other + ", " + other + "}"), twice("a member"));
  EXPECT_EQ(ErrorOf(R"({"then": [{"op": "delete", "key": "a"}, {"op": "delete", "key": "b"}]})"),
            "none");
}

TEST(TxnTest, ThatIsNoJsonIsABadRequest) {
  for (const char* payload : {"", "{", "[]", "1", "null", "{\"if\": \"\xFF\"}", "{}x"}) {
    EXPECT_EQ(ErrorOf(payload).substr(0, 11), "bad-request") << payload;
  }
  EXPECT_EQ(ErrorOf(std::string(100'000, '[')).substr(0, 11), "bad-request");
  EXPECT_EQ(ErrorOf(std::string(kMaxTxnBytes + 1, ' ')).substr(0, 11), "bad-request");
}

TEST(TxnTest, AnswersInTheOrderOfItsOperations) {
  EXPECT_EQ(TxnJson(true, {{"b", 7}, {"a", 0}}),
            R"({"succeeded":true,"results":[{"key":"b","revision":7},{"key":"a","revision":0}]})");
  EXPECT_EQ(TxnJson(false, {}), R"({"succeeded":false,"results":[]})");
}

}  // namespace
}  // namespace kv::wire::testing
