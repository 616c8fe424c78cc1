// Making, listing and emptying buckets by requests.
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/request_clients.h"
#include "tests/e2e/slow_disk.h"

namespace kv::testing {
namespace {

using Texts = std::vector<std::string>;

// Every field of a configuration with a value that is not its default, and as `info` prints it.
struct Field {
  std::string name;
  Json given;
  Json printed;
};

const std::vector<Field>& Fields() {
  static const std::vector<Field> kFields = {
      {"history", 7, 7},
      {"ttl", "90", "90s"},
      {"max_value_size", 2048, "2KiB"},
      {"max_bytes", "1500", 1500},
      {"max_keys", 50, 50},
      {"retained", false, false},
      {"storage", "memory", "memory"},
      {"marker_ttl", "1500ms", "1500ms"},
      {"audit", true, true},
      {"capture", "zigbee2mqtt/+/state", "zigbee2mqtt/+/state"},
      {"description", "Wer ist zu Hause? 🏠", "Wer ist zu Hause? 🏠"},
      {"metadata", {{"owner", "me"}, {"a b", ""}}, {{"owner", "me"}, {"a b", ""}}},
  };
  return kFields;
}

Json AllFields() {
  Json config = Json::object();
  for (const Field& field : Fields()) {
    config[field.name] = field.given;
  }
  return config;
}

void ExpectAllFields(const Json& info) {
  for (const Field& field : Fields()) {
    EXPECT_EQ(info.value(field.name, Json("missing")), field.printed) << field.name;
  }
}

class AdminRequests : public RequestTest {
 protected:
  void SetUp() override { ASSERT_NO_FATAL_FAILURE(StartBroker()); }

  // The JSON of a reply that must be a success.
  Json AskJson(const std::string& request, const std::string& payload = {}) {
    const Answer answer = Ask(request, payload);
    EXPECT_TRUE(answer.ok()) << request << ": " << answer;
    EXPECT_EQ(answer.message.properties.FindText(PropertyId::kContentType), "application/json");
    EXPECT_EQ(answer.message.properties.FindNumber(PropertyId::kPayloadFormat), 1U);
    Json json = Json::parse(answer.value, nullptr, false);
    EXPECT_TRUE(json.is_object() || json.is_array()) << answer.value;
    return json;
  }

  // 1 and 2 have a value (and an older one), 3 was deleted, 4 was purged.
  void WriteSome(const std::string& bucket) {
    for (const std::string key : {"1", "2", "3", "4"}) {
      const std::string path = bucket + "/" + key;
      ASSERT_TRUE(client().Put(path, "older").ok());
      ASSERT_TRUE(client().Put(path, "v").ok());
    }
    ASSERT_TRUE(client().Delete(bucket + "/3").ok());
    ASSERT_TRUE(client().Purge(bucket + "/4").ok());
  }
};

TEST_F(AdminRequests, CreateTakesEveryFieldAndInfoPrintsThem) {
  const Json info = AskJson("b/admin/create", AllFields().dump());
  ExpectAllFields(info);
  EXPECT_EQ(info["bucket"], "b");
  EXPECT_NE(info["created"], "");
  for (const std::string count : {"keys", "entries", "bytes", "last_revision"}) {
    EXPECT_EQ(info[count], 0) << count;
  }
  EXPECT_EQ(client().Info("b"), info);
  const Json plain = AskJson("plain/admin/create");
  EXPECT_EQ(plain["history"], 1) << "no payload: the defaults";
  EXPECT_EQ(plain["ttl"], nullptr);
}

TEST_F(AdminRequests, ConfigurationsSurviveEveryEndOfTheBroker) {
  const Json created = AskJson("b/admin/create", AllFields().dump());
  AskJson("changed/admin/create", R"({"history": 3, "ttl": "1h"})");
  const Json changed = AskJson("changed/admin/update", R"({"history": 4, "ttl": null})");
  for (const bool kill : {true, false}) {
    ASSERT_NO_FATAL_FAILURE(RestartBroker(kill));
    for (const Json& before : {created, changed}) {
      Json after = client().Info(before["bucket"].get<std::string>());
      after["last_revision"] = before["last_revision"];  // a kill may leave a gap
      EXPECT_EQ(after, before);
    }
  }
}

TEST_F(AdminRequests, CreateBeginsWithTheDefaultsOfTheBroker) {
  ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"bucket_defaults", "history=3 max_keys=9"}}}));
  const Json info = AskJson("b/admin/create", R"({"history": 2})");
  EXPECT_EQ(info["history"], 2);
  EXPECT_EQ(info["max_keys"], 9);
}

TEST_F(AdminRequests, CreateOfABucketThatIsThereIsOkOnlyWithTheSameConfiguration) {
  const Json first = AskJson("b/admin/create", R"({"history": 3, "ttl": "90s"})");
  ASSERT_TRUE(client().Put("b/k", "v").ok());
  const Json again = AskJson("b/admin/create", R"({"ttl": 90, "history": 3, "max_keys": null})");
  EXPECT_EQ(again["created"], first["created"]);
  EXPECT_EQ(again["keys"], 1) << "as it is, not a new one";
  for (const std::string other :
       {"", R"({"history": 3})", R"({"history": 3, "ttl": "90s", "description": "other"})"}) {
    const Answer answer = Ask("b/admin/create", other);
    EXPECT_EQ(answer.status, "bucket-exists") << other;
    EXPECT_NE(answer.error, "");
  }
  EXPECT_EQ(client().Info("b")["history"], 3);
  EXPECT_EQ(client().Get("b/k").value, "v");
}

TEST_F(AdminRequests, CreateIsRefusedBeyondMaxBucketsUntilOneIsDeleted) {
  ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"max_buckets", "2"}}}));
  AskJson("a/admin/create");
  AskJson("b/admin/create");
  EXPECT_EQ(Ask("c/admin/create").status, "too-many-buckets");
  AskJson("b/admin/create");
  ASSERT_TRUE(Ask("a/admin/delete").ok());
  AskJson("c/admin/create");
}

TEST_F(AdminRequests, CreateIsNeededWithAutoCreateOffAndIsEnough) {
  ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"auto_create", "false"}}}));
  EXPECT_EQ(client().Put("b/k", "v").status, "bucket-not-found");
  AskJson("b/admin/create");
  EXPECT_TRUE(client().Put("b/k", "v").ok());
}

TEST_F(AdminRequests, BucketsListsTheInfosOfAllForBothKindsOfClients) {
  EXPECT_EQ(AskJson("buckets"), Json::array());
  JsonClient old(broker().port());
  ASSERT_TRUE(old.Connect()) << old.error();
  const Json none = old.Ask("buckets");
  EXPECT_EQ(none["buckets"], Json::array());
  EXPECT_EQ(none["count"], 0);
  for (const std::string bucket : {"b", "a", "Z_-9"}) {
    AskJson(bucket + "/admin/create", R"({"history": 2})");
  }
  ASSERT_TRUE(client().Put("a/k", "v").ok());
  const Json infos = Json::array({client().Info("Z_-9"), client().Info("a"), client().Info("b")});
  EXPECT_EQ(AskJson("buckets"), infos);
  const Json reply = old.Ask("buckets");
  EXPECT_EQ(reply["buckets"], infos);
  EXPECT_EQ(reply["count"], 3);
  const Json first = old.Ask("buckets", R"({"limit": 1})");
  EXPECT_EQ(first["buckets"], Json::array({infos[0]}));
  const Json second = old.Ask("buckets", Json{{"limit", 1}, {"cursor", first["cursor"]}}.dump());
  EXPECT_EQ(second["buckets"], Json::array({infos[1]}));
}

TEST_F(AdminRequests, OfAnUnknownBucketAreRefusedAndMakeNone) {
  JsonClient old(broker().port());
  ASSERT_TRUE(old.Connect()) << old.error();
  for (const std::string verb :
       {"info", "purge", "admin/update", "admin/delete", "admin/purge-deletes"}) {
    SCOPED_TRACE(verb);
    EXPECT_EQ(Ask("none/" + verb).status, "bucket-not-found");
    EXPECT_EQ(old.Ask("none/" + verb)["status"], "bucket-not-found");
    EXPECT_EQ(Ask("no.name/" + verb).status, "invalid-bucket");
  }
  EXPECT_EQ(Ask("no.name/admin/create").status, "invalid-bucket");
  EXPECT_EQ(Ask("b/admin/juggle").status, "bad-request");
  EXPECT_EQ(Ask("b/admin").status, "bad-request");
  EXPECT_EQ(AskJson("buckets"), Json::array());
}

TEST_F(AdminRequests, PurgeOfABucketPurgesEveryKeyAndTellsWatchers) {
  AskJson("b/admin/create", R"({"history": 5})");
  ASSERT_NO_FATAL_FAILURE(WriteSome("b"));
  const auto watcher = Watch("kv/b/#");
  ASSERT_EQ(watcher->WaitMessages(2).size(), 2U) << "the retained ones";
  const Answer purged = Ask("b/purge");
  EXPECT_TRUE(purged.ok()) << purged;
  EXPECT_EQ(purged.Property("kv-count"), "2") << "those that had a value";
  EXPECT_EQ(ChangeTexts(watcher->TakeMessages()),
            (Texts{"1@11 PURGE", "2@12 PURGE", "3@13 PURGE"}));
  EXPECT_EQ(client().History("b").size(), 4U) << "one marker each";
  EXPECT_TRUE(client().Keys("b").empty());
  EXPECT_TRUE(RetainedMessages(broker().port(), "kv/#").empty());
  EXPECT_EQ(Ask("b/purge").Property("kv-count"), "0");
  EXPECT_EQ(client().Info("b")["last_revision"], 13) << "nothing was left to purge";
  EXPECT_EQ(client().Put("b/1", "new").revision, 14U);
}

TEST_F(AdminRequests, APurgeThatAKillCutsShortCanBeAskedForAgain) {
  constexpr std::size_t keys = 20'000;
  ASSERT_NO_FATAL_FAILURE(StartBroker({.persistence = true, .debug_log = false}));
  ASSERT_NO_FATAL_FAILURE(Fill("b", keys));
  ASSERT_TRUE(broker().Save()) << "the broker's file has every value";
  MqttClient watcher(broker().port());
  ASSERT_TRUE(watcher.Connect()) << watcher.error();
  ASSERT_EQ(watcher.Subscribe({.filter = "kv/b/#", .qos = 0, .retain_handling = 2}), 0);
  ASSERT_TRUE(client().PublishAsync("$KV/b/purge", ""));
  ASSERT_TRUE(watcher.WaitMessage()) << watcher.error() << ": it has not begun";
  ASSERT_NO_FATAL_FAILURE(RestartBroker(true));
  const std::size_t left = client().Info("b")["keys"];
  EXPECT_LT(left, keys);
  EXPECT_EQ(Ask("b/purge").Property("kv-count"), std::to_string(left));
  EXPECT_EQ(client().Info("b")["keys"], 0);
  EXPECT_EQ(client().Info("b")["entries"], keys) << "a marker each";
  EXPECT_TRUE(Eventually([&] { return RetainedMessages(broker().port(), "kv/#").empty(); }));
}

TEST_F(AdminRequests, AreAllAnsweredWhenMoreComeThanMayWait) {
  constexpr std::size_t keys =
      40'000;  // of which a disk that does nothing lets only some be purged
  constexpr std::size_t requests = 130;
  constexpr std::size_t may_wait = 100;
  SlowDisk disk;
  ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"sync_interval", "1h"}},
                                       .environment = disk.Environment(),
                                       .debug_log = false}));
  for (std::size_t i = 0; i < keys; ++i) {
    ASSERT_TRUE(client().PublishAsync("kv/b/" + std::to_string(i), "v", {.qos = 0}));
    if (i % 500 == 0) {
      // A new bucket is flushed in the database, with all before it: what waits for that makes
      // larger blocks of revisions.
      ASSERT_TRUE(client().Put("new-" + std::to_string(i) + "/x", "v").ok()) << client().error();
    }
  }
  disk.Hold();
  const PublishOptions options{.properties = Properties().ResponseTopic("replies")};
  for (std::size_t i = 0; i < requests; ++i) {
    ASSERT_TRUE(client().PublishAsync("$KV/b/purge", "", options));
  }
  std::size_t refused = 0;
  for (const Message& reply : client().WaitMessages(requests - may_wait)) {
    EXPECT_EQ(reply.Property("kv-status"), "unavailable");
    EXPECT_NE(reply.Property("kv-error").value_or(""), "");
    ++refused;
  }
  EXPECT_EQ(refused, requests - may_wait);
  EXPECT_TRUE(client().TakeMessages().empty()) << "the others wait";
  disk.Release();
  std::size_t purged = 0;
  for (const Message& reply : client().WaitMessages(may_wait)) {
    EXPECT_EQ(reply.Property("kv-status"), "ok");
    purged += std::stoul(reply.Property("kv-count").value_or("0"));
  }
  EXPECT_EQ(purged, keys) << "each key once";
  EXPECT_TRUE(Ask("b/purge").ok()) << "there is room again";
}

TEST_F(AdminRequests, PurgeDeletesForgetsMarkersThatAreOldEnoughAndTellsNobody) {
  AskJson("b/admin/create", R"({"history": 5})");
  ASSERT_NO_FATAL_FAILURE(WriteSome("b"));
  const auto watcher = Watch("kv/b/#");
  ASSERT_EQ(watcher->WaitMessages(2).size(), 2U) << "the retained ones";
  const auto older_than = [&](const std::string& duration) {
    return Ask("b/admin/purge-deletes", {}, Properties().User("kv-older-than", duration));
  };
  EXPECT_EQ(Ask("b/admin/purge-deletes").Property("kv-count"), "0") << "30 minutes";
  EXPECT_EQ(older_than("1h").Property("kv-count"), "0");
  for (const std::string bad : {"", "-1", "soon", "1.5h"}) {
    EXPECT_EQ(older_than(bad).status, "bad-request") << bad;
  }
  EXPECT_EQ(older_than("0").Property("kv-count"), "2");
  EXPECT_EQ(client().Keys("b", Properties().User("kv-include-deleted", "true")), (Texts{"1", "2"}));
  EXPECT_EQ(client().Info("b")["entries"], 4);
  EXPECT_EQ(client().Get("b/3").Property("kv-revision"), std::nullopt) << "as if never written";
  EXPECT_TRUE(client().Update("b/3", "again", 0).ok());
  EXPECT_EQ(ChangeTexts(watcher->TakeMessages()), Texts{"3@11 PUT again"});
  ASSERT_TRUE(client().Delete("b/3").ok());
  EXPECT_TRUE(Eventually([&] { return older_than("50ms").Property("kv-count") == "1"; }));
}

TEST_F(AdminRequests, OfVersion311AreAnsweredInJson) {
  JsonClient old(broker().port());
  for (const auto version : {ProtocolVersion::kMqtt31, ProtocolVersion::kMqtt311}) {
    ASSERT_TRUE(old.Connect(version)) << old.error();
    const Json created = old.Ask("b/admin/create", AllFields().dump());
    EXPECT_EQ(created["status"], "ok") << created;
    ExpectAllFields(created["info"]);
    EXPECT_EQ(old.Ask("b/info")["info"], created["info"]);
    EXPECT_EQ(old.Ask("b/admin/create")["status"], "bucket-exists");
    const Json updated =
        old.Ask("b/admin/update", R"({"storage": "file", "max_bytes": null, "marker_ttl": null})");
    EXPECT_EQ(updated["info"]["storage"], "file") << updated;
    EXPECT_EQ(updated["info"]["max_bytes"], nullptr);
    EXPECT_EQ(updated["info"]["history"], 7) << "the others stay";
    const Json unknown = old.Ask("b/admin/update", R"({"size": 1})");
    EXPECT_EQ(unknown["status"], "bad-request");
    EXPECT_NE(unknown.value("error", "").find("size"), std::string::npos) << unknown;
    ASSERT_NO_FATAL_FAILURE(WriteSome("b"));
    const Json purged = old.Ask("b/purge");
    EXPECT_EQ(purged, Json({{"status", "ok"}, {"count", 2}}));
    EXPECT_EQ(old.Ask("b/admin/purge-deletes")["count"], 0);
    EXPECT_EQ(old.Ask("b/admin/purge-deletes", R"({"older_than": 0})"),
              Json({{"status", "ok"}, {"count", 4}}));
    EXPECT_EQ(old.Ask("b/admin/delete"), Json({{"status", "ok"}}));
    EXPECT_EQ(old.Ask("b/info")["status"], "bucket-not-found");
  }
}

}  // namespace
}  // namespace kv::testing
