// kv-msg-id of every writing verb of $KV/: asked again, it does nothing and gives the first result.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/request_clients.h"

namespace kv::testing {
namespace {

enum class Between {
  kNothing,
  kReconnect,
  kRestart,
  kKill,
};

struct Row {
  std::string request;
  std::string payload;
  Properties properties = {};
};

class RequestMessageId : public RequestTest, public ::testing::WithParamInterface<Between> {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"bucket_b", "history=20"}}}));
  }

  void Pass() {
    switch (GetParam()) {
      case Between::kNothing: break;
      case Between::kReconnect: ASSERT_NO_FATAL_FAILURE(Reconnect()); break;
      case Between::kRestart: ASSERT_NO_FATAL_FAILURE(RestartBroker(false)); break;
      case Between::kKill: ASSERT_NO_FATAL_FAILURE(RestartBroker(true)); break;
    }
  }

  static void ExpectSameResult(const Answer& first, const Answer& again) {
    EXPECT_EQ(again.status, "ok") << again;
    EXPECT_EQ(first.Property("kv-duplicate"), std::nullopt);
    EXPECT_EQ(again.Property("kv-duplicate"), "true") << again;
    EXPECT_EQ(again.Property("kv-revision"), first.Property("kv-revision"));
    EXPECT_EQ(again.Property("kv-time"), first.Property("kv-time"));
    EXPECT_EQ(again.Property("kv-count"), first.Property("kv-count"));
    EXPECT_EQ(again.value, first.value);
  }
};

std::string NameOf(const ::testing::TestParamInfo<Between>& info) {
  switch (info.param) {
    case Between::kNothing: return "AtOnce";
    case Between::kReconnect: return "AfterAReconnect";
    case Between::kRestart: return "AfterARestart";
    default: return "AfterAKill";
  }
}
INSTANTIATE_TEST_SUITE_P(
    Again,
    RequestMessageId,
    ::testing::Values(Between::kNothing, Between::kReconnect, Between::kRestart, Between::kKill),
    NameOf);

TEST_P(RequestMessageId, EveryVerbGivesTheFirstResultAndWritesNothing) {
  // Each would give something else, or be refused, if it were done again.
  const std::string txn =
      R"({"if": [{"key": "t", "revision": 0}], "then": [{"op": "put", "key": "t", "value": "1"},)"
      R"( {"op": "put", "key": "u", "value": "2"}], "else": [{"op": "delete", "key": "t"}]})";
  const std::string failing =
      R"({"if": [{"key": "t", "revision": 999}], "then": [], "else": [{"op": "put", "key": "e",)"
      R"( "value": "3"}]})";
  const std::vector<Row> rows = {
      {"put/p", "1"},
      {"create/c", "1"},
      {"update/1/p", "2"},
      {"put/p", "3", Properties().User("kv-expected-revision", "3")},
      {"increment/n", "5"},
      {"increment/n", "", Properties().User("kv-expected-revision", "5")},
      {"delete/c", ""},
      {"purge/p", ""},
      {"txn", txn},
      {"txn", failing},
  };
  std::vector<Answer> first;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Properties properties = rows[i].properties;
    properties.User("kv-msg-id", "m" + std::to_string(i));
    first.push_back(Ask("b/" + rows[i].request, rows[i].payload, properties));
    ASSERT_TRUE(first.back().ok()) << rows[i].request << ": " << first.back();
  }
  const auto history = client().History("b");
  ASSERT_NO_FATAL_FAILURE(Pass());
  const auto watcher = Watch("kv/b/#");
  watcher->TakeMessages();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    SCOPED_TRACE(rows[i].request);
    Properties properties = rows[i].properties;
    properties.User("kv-msg-id", "m" + std::to_string(i));
    ExpectSameResult(first[i], Ask("b/" + rows[i].request, rows[i].payload, properties));
  }
  EXPECT_TRUE(watcher->TakeMessages().empty());
  EXPECT_EQ(ChangeTexts(client().History("b")), ChangeTexts(history));
}

TEST_P(RequestMessageId, WhatFoundNothingToDoStaysSo) {
  ASSERT_TRUE(client().Put("b/other", "1").ok());
  const std::string txn =
      R"({"if": [{"key": "k", "revision": 7}], "then": [{"op": "put", "key": "k", "value": ""}]})";
  const std::vector<Row> rows = {{"delete/k", ""}, {"purge/k", ""}, {"txn", txn}};
  std::vector<Answer> first;
  for (const Row& row : rows) {
    first.push_back(Ask("b/" + row.request, row.payload, MessageId(row.request)));
    ASSERT_TRUE(first.back().ok()) << first.back();
  }
  ASSERT_NO_FATAL_FAILURE(Pass());
  ASSERT_TRUE(client().Put("b/k", "meanwhile").ok());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    SCOPED_TRACE(rows[i].request);
    const Answer again = Ask("b/" + rows[i].request, rows[i].payload, MessageId(rows[i].request));
    EXPECT_EQ(again.Property("kv-duplicate"), "true") << again;
    EXPECT_EQ(again.value, first[i].value);
    EXPECT_EQ(again.Property("kv-revision"), std::nullopt);
  }
  EXPECT_EQ(client().Get("b/k").value, "meanwhile");
}

TEST_P(RequestMessageId, PurgingABucketIsDoneOnce) {
  ASSERT_NO_FATAL_FAILURE(Fill("b", 2000));
  const Answer first = Ask("b/purge", "", MessageId("all"));
  EXPECT_EQ(first.Property("kv-count"), "2000") << first;
  ASSERT_NO_FATAL_FAILURE(Pass());
  ASSERT_TRUE(client().Put("b/new", "1").ok());
  const Answer again = Ask("b/purge", "", MessageId("all"));
  EXPECT_EQ(again.Property("kv-count"), "2000") << again;
  EXPECT_EQ(again.Property("kv-duplicate"), "true");
  EXPECT_EQ(client().Get("b/new").value, "1");
}

using RequestMessageIdOnce = RequestTest;

TEST_F(RequestMessageIdOnce, APurgeThatComesAgainWhileTheFirstIsAtWorkIsDoneOnce) {
  ASSERT_NO_FATAL_FAILURE(StartBroker({.debug_log = false}));
  ASSERT_NO_FATAL_FAILURE(Fill("b", 20'000));
  const PublishOptions options{.properties = MessageId("all").ResponseTopic("replies")};
  ASSERT_TRUE(client().PublishAsync("$KV/b/purge", "", options));
  ASSERT_TRUE(client().PublishAsync("$KV/b/purge", "", options));
  const auto replies = client().WaitMessages(2);
  ASSERT_EQ(replies.size(), 2U);
  EXPECT_EQ(replies[0].Property("kv-count"), "20000");
  EXPECT_EQ(replies[0].Property("kv-duplicate"), std::nullopt);
  EXPECT_EQ(replies[1].Property("kv-count"), "20000");
  EXPECT_EQ(replies[1].Property("kv-duplicate"), "true");
}

TEST_F(RequestMessageIdOnce, IsTheBucketsWhicheverPlaneItComesBy) {
  ASSERT_NO_FATAL_FAILURE(StartBroker());
  const Answer first = client().Write("b/k", "1", MessageId("m"));
  ASSERT_TRUE(first.ok()) << first;
  const Answer again = Ask("b/put/k", "2", MessageId("m"));
  EXPECT_EQ(again.revision, first.revision);
  EXPECT_EQ(again.Property("kv-duplicate"), "true");
  const Answer counted = Ask("b/increment/n", "4", MessageId("n"));
  EXPECT_EQ(client().Write("b/n", "9", MessageId("n")).revision, counted.revision);
  EXPECT_EQ(client().Get("b/n").value, "4");
}

TEST_F(RequestMessageIdOnce, IsLeftFreeByARefusal) {
  ASSERT_NO_FATAL_FAILURE(StartBroker());
  ASSERT_TRUE(client().Put("b/k", "text").ok());
  const std::string impossible = R"({"then": [{"op": "create", "key": "k", "value": "1"}]})";
  EXPECT_EQ(Ask("b/create/k", "1", MessageId("m")).status, "key-exists");
  EXPECT_EQ(Ask("b/update/7/k", "1", MessageId("m")).status, "wrong-last-revision");
  EXPECT_EQ(Ask("b/increment/k", "1", MessageId("m")).status, "bad-request");
  EXPECT_EQ(Ask("b/txn", impossible, MessageId("m")).status, "key-exists");
  const Answer answer = Ask("b/put/k", "2", MessageId("m"));
  EXPECT_EQ(answer.revision, 2U) << answer;
  EXPECT_EQ(answer.Property("kv-duplicate"), std::nullopt);
}

}  // namespace
}  // namespace kv::testing
