// $KV/<bucket>/txn: all or nothing.
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/request_clients.h"

namespace kv::testing {
namespace {

using Texts = std::vector<std::string>;

Json Put(const std::string& key, const std::string& value) {
  return {{"op", "put"}, {"key", key}, {"value", value}};
}

class TxnTest : public RequestTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(StartBroker(
        {.plugin = {{"bucket_b", "history=5"}}, .configuration = "max_queued_messages 10000"}));
  }

  Json Transact(const Json& txn, const Properties& properties = {}) {
    const Answer answer = Ask("b/txn", txn.dump(), properties);
    EXPECT_TRUE(answer.ok()) << answer;
    return Json::parse(answer.value, nullptr, false);
  }
};

TEST_F(TxnTest, DoesAllOfItInOrderEachWithARevision) {
  ASSERT_TRUE(client().Put("b/old", "1").ok());
  ASSERT_TRUE(client().Put("b/older", "2").ok());
  const auto watcher = Watch("kv/b/#");
  ASSERT_EQ(watcher->WaitMessages(2).size(), 2U) << "the retained ones";
  const Json done =
      Transact({{"then",
                 {Put("z", "last"),
                  {{"op", "create"}, {"key", "a"}, {"value_base64", "AP8="}},
                  {{"op", "update"}, {"key", "old"}, {"value", "new"}, {"expected_revision", 1}},
                  {{"op", "delete"}, {"key", "older"}},
                  {{"op", "delete"}, {"key", "never"}}}}});
  EXPECT_EQ(done["succeeded"], true);
  EXPECT_EQ(done["results"],
            Json({{{"key", "z"}, {"revision", 3}},
                  {{"key", "a"}, {"revision", 4}},
                  {{"key", "old"}, {"revision", 5}},
                  {{"key", "older"}, {"revision", 6}},
                  {{"key", "never"}, {"revision", 0}}}));
  EXPECT_EQ(
      ChangeTexts(watcher->TakeMessages()),
      (Texts{
          "z@3 PUT last", "a@4 PUT " + std::string("\0\xff", 2), "old@5 PUT new", "older@6 DEL"}));
  EXPECT_EQ(client().Get("b/z").Property("kv-time"), client().Get("b/a").Property("kv-time"));
  ExpectRetainedEqualsStore(broker().port(), "b");
}

TEST_F(TxnTest, DoesNothingIfOneOperationIsImpossible) {
  ASSERT_TRUE(Ask("b/admin/update", R"({"max_value_size": 10, "max_keys": 3})").ok());
  ASSERT_TRUE(client().Put("b/k", "1").ok());
  const auto watcher = Watch("kv/b/#");
  ASSERT_TRUE(watcher->WaitMessage());
  const Json good = Put("good", "x");
  struct Row {
    Json operation;
    std::string code;
  };
  const std::vector<Row> rows = {
      {{{"op", "create"}, {"key", "k"}, {"value", "2"}}, "key-exists"},
      {{{"op", "update"}, {"key", "k"}, {"value", "2"}, {"expected_revision", 9}},
       "wrong-last-revision"},
      {{{"op", "delete"}, {"key", "k"}, {"expected_revision", 9}}, "wrong-last-revision"},
      {{{"op", "update"}, {"key", "k"}, {"value", "2"}}, "bad-request"},
      {{{"op", "put"}, {"key", "k"}, {"value", "longer than ten"}}, "value-too-large"},
      {{{"op", "put"}, {"key", "k//"}, {"value", "2"}}, "invalid-key"},
      {{{"op", "put"}, {"key", "good"}, {"value", "2"}}, "bad-request"},
      {{{"op", "add"}, {"key", "k"}, {"value", "2"}}, "bad-request"},
      {{{"op", "put"}, {"key", "k"}}, "bad-request"},
      {{{"op", "put"}, {"key", "k"}, {"value", "2"}, {"ttl", "soon"}}, "bad-request"},
      {{{"op", "put"}, {"key", "k"}, {"value_base64", "%"}}, "bad-request"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.operation.dump());
    const Answer answer = Ask("b/txn", Json{{"then", Json::array({good, row.operation})}}.dump());
    EXPECT_EQ(answer.status, row.code) << answer;
    EXPECT_NE(answer.error, "");
  }
  const Json many = {{"then", {Put("1", "x"), Put("2", "x"), Put("3", "x")}}};
  EXPECT_EQ(Ask("b/txn", many.dump()).status, "bucket-full") << "all of them count";
  for (const std::string payload : {"", "[]", "{", R"({"then": {}})", R"({"than": []})"}) {
    EXPECT_EQ(Ask("b/txn", payload).status, "bad-request") << payload;
  }
  EXPECT_TRUE(watcher->TakeMessages().empty());
  EXPECT_EQ(client().Info("b")["last_revision"], 1);
  EXPECT_EQ(Ask("none/txn", R"({"then": [{"op": "update", "key": "k", "value": "",
                                 "expected_revision": 3}]})")
                .status,
            "wrong-last-revision");
  EXPECT_EQ(Ask("none/info").status, "bucket-not-found");
}

TEST_F(TxnTest, ThenIfAllConditionsHoldAndElseOtherwise) {
  ASSERT_TRUE(client().Put("b/lock", "mine").ok());
  ASSERT_TRUE(client().Put("b/gone", "x").ok());
  ASSERT_TRUE(client().Delete("b/gone").ok());
  const auto with = [](Json conditions) {
    return Json({{"if", std::move(conditions)},
                 {"then", Json::array({Put("k", "then")})},
                 {"else", Json::array({Put("k", "else")})}});
  };
  const Json holds = {{"key", "lock"}, {"revision", 1}};
  const Json marker = {{"key", "gone"}, {"revision", 3}};
  const Json nothing = {{"key", "never"}, {"revision", 0}};
  const Json fails = {{"key", "gone"}, {"revision", 0}};
  EXPECT_EQ(Transact(with({holds, marker, nothing}))["succeeded"], true);
  EXPECT_EQ(client().Get("b/k").value, "then");
  EXPECT_EQ(Transact(with({holds, fails}))["succeeded"], false);
  EXPECT_EQ(client().Get("b/k").value, "else");
  EXPECT_EQ(Transact(with(Json::array()))["succeeded"], true) << "nothing to ask for";
  const Json no_else = {{"if", Json::array({fails})}, {"then", Json::array({Put("k", "never")})}};
  const Json undone = Transact(no_else);
  EXPECT_EQ(undone["succeeded"], false);
  EXPECT_EQ(undone["results"], Json::array());
  EXPECT_EQ(client().Get("b/k").value, "then");
}

TEST_F(TxnTest, NothingComesBetweenItsEntriesWhileAnotherClientWrites) {
  constexpr std::size_t transactions = 100;
  constexpr std::size_t size = 10;
  const auto watcher = Watch("kv/b/#");
  MqttClient other(broker().port());
  ASSERT_TRUE(other.Connect()) << other.error();
  Json txn = {{"then", Json::array()}};
  for (std::size_t i = 0; i < size; ++i) {
    txn["then"].push_back(Put("t/" + std::to_string(i), "x"));
  }
  // Both without waiting, over two connections: the broker serves them as they come.
  for (std::size_t i = 0; i < transactions; ++i) {
    ASSERT_TRUE(client().PublishAsync("$KV/b/txn", txn.dump()));
    for (int j = 0; j < 3; ++j) {
      ASSERT_TRUE(other.PublishAsync("kv/b/other", "x", {.qos = 1}));
    }
  }
  const auto changes = watcher->WaitMessages(transactions * (size + 3));
  ASSERT_EQ(changes.size(), transactions * (size + 3));
  std::size_t next = 0;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    ASSERT_EQ(RevisionOf(changes[i]), i + 1);
    if (changes[i].topic == "kv/b/other") {
      ASSERT_EQ(next, 0U) << "in the middle of a transaction, at revision " << i + 1;
    } else {
      ASSERT_EQ(changes[i].topic, "kv/b/t/" + std::to_string(next));
      next = (next + 1) % size;
    }
  }
  ExpectRetainedEqualsStore(broker().port(), "b");
}

TEST_F(TxnTest, ANewBucketIsMadeAndATtlEndsAValue) {
  const Answer answer =
      Ask("fresh/txn", R"({"then": [{"op": "put", "key": "k", "value": "x", "ttl": "200ms"}]})");
  ASSERT_TRUE(answer.ok()) << answer;
  EXPECT_TRUE(Eventually([&] { return client().Get("fresh/k").status == "key-not-found"; }));
}

TEST_F(TxnTest, OfVersion311IsAnsweredInJson) {
  JsonClient old(broker().port());
  ASSERT_TRUE(old.Connect()) << old.error();
  const Json done = old.Ask("b/txn", Json{{"then", Json::array({Put("k", "x")})}}.dump());
  EXPECT_EQ(done["status"], "ok");
  EXPECT_EQ(done["succeeded"], true);
  EXPECT_EQ(done["results"].dump(), R"([{"key":"k","revision":1}])");
  const Json failed = old.Ask("b/txn", "{");
  EXPECT_EQ(failed["status"], "bad-request");
}

}  // namespace
}  // namespace kv::testing
