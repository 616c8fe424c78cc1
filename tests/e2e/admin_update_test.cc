// admin/update: what a changed configuration does to a bucket that is in use.
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/request_clients.h"

namespace kv::testing {
namespace {

using Texts = std::vector<std::string>;

class AdminUpdate : public RequestTest {
 protected:
  void SetUp() override { ASSERT_NO_FATAL_FAILURE(StartBroker()); }

  void Create(const std::string& config) {
    const Answer answer = Ask("b/admin/create", config);
    ASSERT_TRUE(answer.ok()) << answer;
  }
  Json Update(const std::string& config) {
    const Answer answer = Ask("b/admin/update", config);
    EXPECT_TRUE(answer.ok()) << config << ": " << answer;
    return answer.ok() ? Json::parse(answer.value) : Json::object();
  }
  // And the bucket stays as it is.
  void ExpectRefused(const std::string& config, const std::string& code) {
    SCOPED_TRACE(config);
    const Json before = client().Info("b");
    const Answer answer = Ask("b/admin/update", config);
    EXPECT_EQ(answer.status, code) << answer;
    EXPECT_NE(answer.error, "");
    EXPECT_EQ(client().Info("b"), before);
  }
};

TEST_F(AdminUpdate, ChangesTheFieldsGivenAndNullUnsetsOne) {
  ASSERT_NO_FATAL_FAILURE(
      Create(R"({"history": 5, "ttl": "1h", "max_value_size": "1KiB", "max_bytes": "1MiB",
                 "max_keys": 9, "marker_ttl": "1d", "audit": true, "capture": "a/#",
                 "description": "text", "metadata": {"a": "1", "b": "2"}})"));
  const Json created = client().Info("b");
  EXPECT_EQ(Update("{}"), created) << "the reply is that of info";
  EXPECT_EQ(Update(""), created);
  Json expected = created;
  expected["max_keys"] = 10;
  expected["metadata"] = {{"c", "3"}};
  EXPECT_EQ(Update(R"({"max_keys": 10, "metadata": {"c": "3"}})"), expected)
      << "metadata is replaced as a whole";
  for (const std::string field :
       {"ttl", "max_value_size", "max_bytes", "max_keys", "marker_ttl", "capture"}) {
    expected[field] = nullptr;
    EXPECT_EQ(Update(Json{{field, nullptr}}.dump()), expected) << field;
  }
  expected["history"] = 1;
  expected["audit"] = false;
  expected["description"] = "";
  expected["metadata"] = Json::object();
  EXPECT_EQ(Update(R"({"history": null, "retained": null, "storage": null, "audit": null,
                       "description": null, "metadata": null})"),
            expected)
      << "of a field with a default: to that";
  EXPECT_EQ(client().Info("b"), expected);
}

TEST_F(AdminUpdate, RefusesWhatIsNoFieldAndWhatAFieldDoesNotTake) {
  ASSERT_NO_FATAL_FAILURE(Create(R"({"history": 2})"));
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"history", "0"},
      {"history", "65"},
      {"history", "1.5"},
      {"history", "[1]"},
      {"ttl", "0"},
      {"ttl", "\"soon\""},
      {"ttl", "true"},
      {"max_value_size", "0"},
      {"max_value_size", "-1"},
      {"max_bytes", "\"1TB\""},
      {"max_keys", "0"},
      {"max_keys", "{}"},
      {"retained", "\"yes\""},
      {"retained", "1"},
      {"storage", "\"disk\""},
      {"marker_ttl", "\"\""},
      {"audit", "\"\""},
      {"capture", "\"a/#/b\""},
      {"capture", "\"\""},
      {"capture", "5"},
      {"capture", "\"kv/#\""},
      {"capture", "\"$KV/b/put/#\""},
      {"description", "7"},
      {"metadata", "\"text\""},
      {"metadata", "{\"a\": 1}"},
      {"Storage", "\"file\""},
      {"keys", "7"},
      {"bucket", "\"b\""},
      {"", "1"},
  };
  for (const auto& [name, value] : bad) {
    std::string config = R"({"description": "new", ")";
    config.append(name).append("\": ").append(value).append("}");
    SCOPED_TRACE(config);
    for (const std::string verb : {"b/admin/update", "new/admin/create"}) {
      const Answer answer = Ask(verb, config);
      EXPECT_EQ(answer.status, "bad-request") << answer;
      EXPECT_NE(answer.error.find(name), std::string::npos) << answer << ": names the field";
      EXPECT_NE(answer.error.find("accepted"), std::string::npos) << answer;
    }
  }
  for (const std::string payload : {"[]", "7", "null", "{", "history=5"}) {
    ExpectRefused(payload, "bad-request");
  }
  EXPECT_EQ(client().Info("b")["description"], "");
  EXPECT_EQ(Ask("new/info").status, "bucket-not-found");
}

TEST_F(AdminUpdate, ASmallerHistoryTrimsAtOnce) {
  ASSERT_NO_FATAL_FAILURE(Create(R"({"history": 5})"));
  for (int i = 1; i <= 5; ++i) {
    ASSERT_TRUE(client().Put("b/a", std::to_string(i)).ok());
    ASSERT_TRUE(client().Put("b/b", std::to_string(i)).ok());
  }
  ASSERT_TRUE(client().Delete("b/b").ok());
  const auto watcher = Watch("kv/b/#");
  ASSERT_TRUE(watcher->WaitMessage()) << "the retained one";
  EXPECT_EQ(Update(R"({"history": 2})")["entries"], 4);
  Texts values;
  for (const Message& entry : client().History("b")) {
    values.push_back(entry.Property("kv-key").value_or("?") + entry.payload);
  }
  EXPECT_EQ(values, (Texts{"a4", "a5", "b5", "b"}));
  EXPECT_EQ(client().Get("b/a", Properties().User("kv-revision", "1")).status, "key-not-found");
  EXPECT_TRUE(watcher->TakeMessages().empty()) << "no value has changed";
  EXPECT_EQ(Update(R"({"history": 9})")["entries"], 4) << "what is gone stays gone";
  ASSERT_NO_FATAL_FAILURE(RestartBroker(true));
  EXPECT_EQ(client().Info("b")["entries"], 4);
  ASSERT_NO_FATAL_FAILURE(ExpectRetainedEqualsStore(broker().port(), "b"));
}

TEST_F(AdminUpdate, ASmallerTtlExpiresAtOnceWhatIsOlder) {
  ASSERT_NO_FATAL_FAILURE(Create(R"({"ttl": "1h", "history": 2})"));
  ASSERT_TRUE(client().Put("b/k", "old").ok());
  ASSERT_TRUE(client().Put("b/k", "newer").ok());
  const auto watcher = Watch("kv/b/#");
  ASSERT_TRUE(watcher->WaitMessage()) << "the retained one";
  Update(R"({"ttl": "1ms"})");
  const auto end = watcher->WaitMessage();
  ASSERT_TRUE(end) << watcher->error();
  EXPECT_EQ(ChangeText(*end), "k@3 PURGE");
  EXPECT_EQ(end->Property("kv-reason"), "expired");
  EXPECT_EQ(client().History("b").size(), 1U);
  EXPECT_TRUE(RetainedMessages(broker().port(), "kv/#").empty());
}

TEST_F(AdminUpdate, ASmallerMarkerTtlForgetsAtOnceWhatIsOlder) {
  ASSERT_NO_FATAL_FAILURE(Create("{}"));
  ASSERT_TRUE(client().Put("b/k", "v").ok());
  ASSERT_TRUE(client().Delete("b/k").ok());
  Update(R"({"marker_ttl": "1ms"})");
  EXPECT_TRUE(Eventually([&] { return client().Info("b")["entries"] == 0; }));
}

TEST_F(AdminUpdate, WithoutATtlNothingExpiresAnyMore) {
  ASSERT_NO_FATAL_FAILURE(Create(R"({"ttl": "2s"})"));
  ASSERT_TRUE(client().Put("b/k", "v").ok());
  ASSERT_TRUE(client().Put("clock/k", "v", Properties().User("kv-ttl", "2s")).ok());
  Update(R"({"ttl": null})");
  ASSERT_TRUE(Eventually([&] { return client().Get("clock/k").status == "key-not-found"; }));
  EXPECT_EQ(client().Get("b/k").value, "v");
  EXPECT_EQ(client().Get("b/k").revision, 1U);
}

TEST_F(AdminUpdate, LimitsBelowWhatIsThereAreBucketFull) {
  ASSERT_NO_FATAL_FAILURE(Create("{}"));
  for (const std::string key : {"1", "2", "3"}) {
    ASSERT_TRUE(client().Put("b/" + key, std::string(9, 'v')).ok());
  }
  ExpectRefused(R"({"max_keys": 2})", "bucket-full");
  ExpectRefused(R"({"max_bytes": 29})", "bucket-full");
  ExpectRefused(R"({"max_keys": 3, "max_bytes": 29, "history": 7})", "bucket-full");
  Update(R"({"max_keys": 3, "max_bytes": 30})");
  EXPECT_EQ(client().Put("b/4", "").status, "bucket-full");
  EXPECT_EQ(client().Put("b/3", std::string(10, 'v')).status, "bucket-full");
  ASSERT_TRUE(client().Delete("b/3").ok());
  Update(R"({"max_keys": 2})");
  EXPECT_EQ(client().Put("b/3", "").status, "bucket-full");
}

TEST_F(AdminUpdate, LargerValuesThanANewMaxValueSizeStay) {
  ASSERT_NO_FATAL_FAILURE(Create("{}"));
  ASSERT_TRUE(client().Put("b/k", "large").ok());
  Update(R"({"max_value_size": 4})");
  EXPECT_EQ(client().Get("b/k").value, "large");
  EXPECT_EQ(client().Put("b/k", "large").status, "value-too-large");
  EXPECT_TRUE(client().Put("b/k", "four").ok());
}

TEST_F(AdminUpdate, StorageAndRetainedChangeOnlyWhileTheBucketIsEmpty) {
  ASSERT_NO_FATAL_FAILURE(Create("{}"));
  ASSERT_TRUE(client().Put("b/k", "v").ok());
  for (const std::string config :
       {R"({"storage": "memory"})", R"({"retained": false})", R"({"retained": false, "ttl": 9})"}) {
    ExpectRefused(config, "not-supported");
  }
  Update(R"({"storage": "file", "retained": true})");
  ASSERT_TRUE(client().Purge("b/k").ok());
  ExpectRefused(R"({"storage": "memory"})", "not-supported");  // a marker is an entry
  ASSERT_TRUE(Ask("b/admin/purge-deletes", R"({"older_than": 0})").ok());
  const Json info = Update(R"({"storage": "memory", "retained": false})");
  EXPECT_EQ(info["storage"], "memory");
  EXPECT_EQ(info["retained"], false);
  const auto watcher = Watch("kv/b/#");
  ASSERT_TRUE(client().Put("b/k", "unretained").ok());
  const auto live = watcher->WaitMessage();
  ASSERT_TRUE(live) << watcher->error();
  EXPECT_EQ(live->payload, "unretained");
  EXPECT_TRUE(RetainedMessages(broker().port(), "kv/#").empty());
  const Revision last = client().Get("b/k").revision;
  ASSERT_NO_FATAL_FAILURE(RestartBroker(false));
  EXPECT_EQ(client().Get("b/k").status, "key-not-found") << "in memory only";
  EXPECT_GT(client().Put("b/k", "v").revision, last);
}

}  // namespace
}  // namespace kv::testing
