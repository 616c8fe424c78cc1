// The verbs of $KV/ that write one key.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/request_clients.h"
#include "tests/e2e/slow_disk.h"

namespace kv::testing {
namespace {

using Texts = std::vector<std::string>;

class WriteRequests : public RequestTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"bucket_b", "history=5"}}}));
  }
};

TEST_F(WriteRequests, EveryVerbAnswersItsRevisionAndTimeAndIsSeenByAWatcher) {
  const auto watcher = Watch("kv/b/#");
  const std::vector<std::pair<std::string, std::string>> requests = {
      {"put/k", "1"},
      {"update/1/k", "2"},
      {"delete/k", ""},
      {"create/k", "3"},
      {"purge/k", ""},
      {"increment/k", "40"},
      {"increment/k", ""},
      {"increment/k", "-50"},
  };
  Revision revision = 0;
  for (const auto& [request, payload] : requests) {
    SCOPED_TRACE(request);
    const Answer answer = Ask("b/" + request, payload);
    ASSERT_TRUE(answer.ok()) << answer;
    EXPECT_EQ(answer.revision, ++revision);
    const auto change = watcher->WaitMessage();
    ASSERT_TRUE(change) << watcher->error();
    EXPECT_EQ(change->topic, "kv/b/k");
    EXPECT_EQ(RevisionOf(*change), revision);
    EXPECT_EQ(change->Property("kv-time"), answer.Property("kv-time"));
    EXPECT_FALSE(change->Property("kv-status"));
    const auto retained = RetainedMessages(broker().port(), "kv/b/#");
    ASSERT_EQ(retained.size(), change->payload.empty() ? 0U : 1U);
    if (!change->payload.empty()) {
      EXPECT_TRUE(SameEntry(retained.at("kv/b/k"), *change));
    }
  }
  EXPECT_TRUE(watcher->TakeMessages().empty());
  EXPECT_EQ(client().Get("b/k").value, "-9");
}

TEST_F(WriteRequests, AWatcherSeesWhatTheVerbDid) {
  const auto watcher = Watch("kv/b/#");
  ASSERT_TRUE(Ask("b/put/a/b", "1").ok());
  ASSERT_TRUE(Ask("b/update/1/a/b", "2").ok());
  ASSERT_TRUE(Ask("b/increment/a/b", "5").ok());
  ASSERT_TRUE(Ask("b/delete/a/b").ok());
  ASSERT_TRUE(Ask("b/create/a/b", "3").ok());
  ASSERT_TRUE(Ask("b/purge/a/b").ok());
  EXPECT_EQ(
      ChangeTexts(watcher->TakeMessages()),
      (Texts{
          "a/b@1 PUT 1", "a/b@2 PUT 2", "a/b@3 PUT 7", "a/b@4 DEL", "a/b@5 PUT 3", "a/b@6 PURGE"}));
  EXPECT_EQ(client().History("b").size(), 1U) << "a purge drops the history";
}

TEST_F(WriteRequests, KeepTheWritersPropertiesAndEmptyValuesAndPassOnNoRequest) {
  const auto watcher = Watch("kv/b/#");
  const auto own =
      Properties().ContentType("text/x").PayloadFormat(1).User("z", "1").User("a", "2").User(
          "kv-revision", "77");
  const std::string value("\0\x80", 2);
  ASSERT_TRUE(Ask("b/put/k", value, own).ok());
  ASSERT_TRUE(Ask("b/put/empty", "").ok());
  const auto changes = watcher->WaitMessages(2);
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes[0].payload, value);
  EXPECT_TRUE(SameEntry(changes[0], client().Get("b/k").message));
  EXPECT_EQ(changes[0].properties.FindText(PropertyId::kContentType), "text/x");
  EXPECT_EQ(changes[0].properties.FindText(PropertyId::kResponseTopic), std::nullopt);
  EXPECT_EQ(changes[0].properties.FindText(PropertyId::kCorrelationData), std::nullopt);
  EXPECT_EQ(changes[0].properties.Users()[0].first, "z");
  EXPECT_EQ(changes[0].properties.Users()[1].first, "a");
  EXPECT_EQ(changes[0].properties.UserValues("kv-revision"), Texts{"1"});
  EXPECT_EQ(changes[1].Property("kv-op"), "PUT") << "put is put, also of nothing";
  EXPECT_TRUE(client().Get("b/empty").ok());
}

TEST_F(WriteRequests, TheReplyFollowsTheFlushAndTheAcknowledgementDoesNotWait) {
  SlowDisk disk;
  ASSERT_NO_FATAL_FAILURE(
      StartBroker({.plugin = {{"bucket_b", "history=1"}, {"sync_interval", "1h"}},
                   .environment = disk.Environment()}));
  for (const std::string request : {"put/k", "update/1/k", "increment/n", "delete/k", "purge/k"}) {
    SCOPED_TRACE(request);
    disk.Hold();
    const std::string payload = request.find("/k") == std::string::npos ? "1" : "v";
    const auto id = client().PublishAsync(
        "$KV/b/" + request, payload, {.properties = Properties().ResponseTopic("replies")});
    ASSERT_TRUE(id);
    ASSERT_TRUE(IsSuccess(client().WaitPuback(*id))) << client().error();
    ASSERT_TRUE(Eventually([&] { return client().Ping() && disk.IsAwaited(); }));
    EXPECT_TRUE(client().TakeMessages().empty()) << "a reply before the flush";
    disk.Release();
    const auto reply = client().WaitMessage();
    ASSERT_TRUE(reply) << client().error();
    EXPECT_EQ(reply->Property("kv-status"), "ok") << reply->Property("kv-error").value_or("");
  }
}

TEST_F(WriteRequests, OfVersion311AreAnsweredInJson) {
  JsonClient old(broker().port());
  for (const auto version : {ProtocolVersion::kMqtt31, ProtocolVersion::kMqtt311}) {
    ASSERT_TRUE(old.Connect(version)) << old.error();
    ASSERT_TRUE(Ask("b/purge").ok());
    const Json put = old.Ask("b/put/k", "{\"limit\": 1}");
    EXPECT_EQ(put["status"], "ok") << put << ": a value is a value, not options";
    EXPECT_EQ(client().Get("b/k").value, "{\"limit\": 1}");
    const Revision revision = put["revision"].get<Revision>();
    EXPECT_EQ(put["time"], client().Get("b/k").Property("kv-time"));
    const Json exists = old.Ask("b/create/k", "x");
    EXPECT_EQ(exists["status"], "key-exists");
    EXPECT_EQ(exists["revision"], revision);
    EXPECT_NE(exists["error"], "");
    const Json wrong = old.Ask("b/update/0/k", "x");
    EXPECT_EQ(wrong["status"], "wrong-last-revision");
    EXPECT_EQ(wrong["revision"], revision);
    const Json right = old.Ask("b/update/" + std::to_string(revision) + "/k", "7");
    EXPECT_EQ(right["revision"], revision + 1);
    const Json sum = old.Ask("b/increment/k", "-8");
    EXPECT_EQ(sum["value"], "-1");
    EXPECT_EQ(sum["revision"], revision + 2);
    EXPECT_EQ(old.Ask("b/delete/k")["revision"], revision + 3);
    EXPECT_EQ(old.Ask("b/purge/k")["revision"], revision + 4);
    const Json nothing = old.Ask("b/delete/none");
    EXPECT_EQ(nothing["status"], "ok");
    EXPECT_FALSE(nothing.contains("revision"));
  }
}

TEST_F(WriteRequests, CompareAndSetErrorsTellTheActualRevisionAndChangeNothing) {
  ASSERT_TRUE(Ask("b/put/k", "1").ok());
  ASSERT_TRUE(Ask("b/put/k", "2").ok());
  const auto expecting_1 = Properties().User("kv-expected-revision", "1");
  const auto watcher = Watch("kv/b/k/#");
  ASSERT_TRUE(watcher->WaitMessage());
  struct Row {
    std::string request;
    Properties properties;
    std::string code;
    Revision revision;
  };
  const std::vector<Row> rows = {
      {"b/update/1/k", {}, "wrong-last-revision", 2},
      {"b/update/3/k", {}, "wrong-last-revision", 2},
      {"b/update/1/none", {}, "wrong-last-revision", 0},
      {"b/create/k", {}, "key-exists", 2},
      {"b/put/k", expecting_1, "wrong-last-revision", 2},
      {"b/delete/k", expecting_1, "wrong-last-revision", 2},
      {"b/purge/k", expecting_1, "wrong-last-revision", 2},
      {"b/increment/k", expecting_1, "wrong-last-revision", 2},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.request);
    const Answer answer = Ask(row.request, "5", row.properties);
    EXPECT_EQ(answer.status, row.code) << answer;
    EXPECT_EQ(answer.Property("kv-revision"), std::to_string(row.revision));
    EXPECT_NE(answer.error, "");
  }
  EXPECT_TRUE(watcher->TakeMessages().empty());
  EXPECT_EQ(client().Info("b")["last_revision"], 2);
}

TEST_F(WriteRequests, IncrementTakesWholeNumbersOf64BitsOnly) {
  EXPECT_EQ(Ask("b/increment/n").value, "1") << "of a key without an entry, by 1";
  EXPECT_EQ(Ask("b/increment/n", "9223372036854775806").value, "9223372036854775807");
  EXPECT_EQ(Ask("b/increment/n", "1").status, "bad-request") << "beyond the largest";
  EXPECT_EQ(Ask("b/increment/low", "-9223372036854775808").value, "-9223372036854775808");
  EXPECT_EQ(Ask("b/increment/low", "-1").status, "bad-request");
  for (const std::string bad : {"1.5", "one", " 1", "1 ", "0x1", "9223372036854775808", "1e3"}) {
    EXPECT_EQ(Ask("b/increment/n", bad).status, "bad-request") << bad;
  }
  EXPECT_EQ(client().Get("b/n").value, "9223372036854775807");
  ASSERT_TRUE(Ask("b/put/text", "seven").ok());
  EXPECT_EQ(Ask("b/increment/text").status, "bad-request");
  ASSERT_TRUE(Ask("b/delete/text").ok());
  EXPECT_EQ(Ask("b/increment/text", "3").value, "3") << "deleted counts as 0";
}

TEST_F(WriteRequests, IncrementsOfSeveralClientsAddUp) {
  constexpr int each = 50;
  std::vector<std::unique_ptr<KvClient>> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(std::make_unique<KvClient>(broker().port()));
    ASSERT_TRUE(clients.back()->Connect()) << clients.back()->error();
  }
  const PublishOptions options{.properties = Properties().ResponseTopic("r")};
  for (int i = 0; i < each; ++i) {
    for (auto& one : clients) {
      ASSERT_TRUE(one->PublishAsync("$KV/b/increment/n", "", options));
    }
  }
  std::vector<bool> seen(4 * each + 1);
  for (auto& one : clients) {
    for (const Message& reply : one->WaitMessages(each)) {
      const std::size_t value = std::stoul(reply.payload);
      ASSERT_LT(value, seen.size());
      EXPECT_FALSE(seen[value]) << value << " was given out twice";
      seen[value] = true;
    }
  }
  EXPECT_EQ(client().Get("b/n").value, std::to_string(4 * each));
}

TEST_F(WriteRequests, MakeABucketAsWritesOfTheDataPlaneDo) {
  EXPECT_EQ(Ask("fresh/put/k", "1").revision, 1U);
  EXPECT_EQ(Ask("counted/increment/k").value, "1");
  EXPECT_TRUE(Ask("none/delete/k").ok());
  EXPECT_EQ(Ask("none/info").status, "bucket-not-found") << "nothing to delete, nothing to make";
  EXPECT_EQ(Ask("none/update/3/k", "x").status, "wrong-last-revision");
  EXPECT_EQ(Ask("none/info").status, "bucket-not-found");
}

}  // namespace
}  // namespace kv::testing
