// Buckets with `audit`: who wrote what, as a reader is told.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/command.h"
#include "tests/e2e/request_clients.h"

namespace kv::testing {
namespace {

// "<client>/<username>" of a message or a reply; "?" where there is none.
std::string AuthorOf(const Message& message) {
  return message.Property("kv-client").value_or("?") + "/" +
         message.Property("kv-username").value_or("?");
}

class Audit : public RequestTest {
 protected:
  void SetUp() override {
    const std::string passwords = (directory_.path() / "passwords").string();
    OutputOf("mosquitto_passwd -c -b " + passwords + " ann secret");
    OutputOf("mosquitto_passwd -b " + passwords + " bob secret");
    ASSERT_NO_FATAL_FAILURE(StartBroker(
        {.plugin = {{"bucket_b", "audit=true history=5"}, {"bucket_plain", "history=5"}},
         .configuration = "password_file " + passwords + "\nallow_anonymous true"}));
  }

  std::unique_ptr<KvClient> As(const std::string& username,
                               const std::string& client_id,
                               ProtocolVersion version = ProtocolVersion::kMqtt5) {
    auto user = std::make_unique<KvClient>(broker().port());
    EXPECT_TRUE(user->Connect(
        {.client_id = client_id, .version = version, .username = username, .password = "secret"}))
        << user->error();
    return user;
  }

  // Live, retained, by get, by entries and in the history: all of the key's newest entry.
  void ExpectAuthor(MqttClient& watcher, const std::string& key, const std::string& author) {
    SCOPED_TRACE(key);
    const auto live = watcher.WaitMessage();
    ASSERT_TRUE(live) << watcher.error();
    EXPECT_EQ(live->topic, "kv/b/" + key);
    EXPECT_EQ(AuthorOf(*live), author);
    if (live->Property("kv-op") == "PUT") {
      const auto retained = RetainedMessages(broker().port(), "kv/b/" + key);
      ASSERT_EQ(retained.size(), 1U);
      EXPECT_EQ(AuthorOf(retained.begin()->second), author);
      EXPECT_EQ(AuthorOf(client().Get("b/" + key).message), author);
    }
    const auto history = client().History("b/" + key);
    ASSERT_FALSE(history.empty());
    EXPECT_EQ(AuthorOf(history.back()), author);
    for (const Message& entry : client().Entries("b")) {
      if (entry.Property("kv-key") == key) {
        EXPECT_EQ(AuthorOf(entry), author);
      }
    }
  }

  TemporaryDirectory directory_;
};

TEST_F(Audit, EveryKindOfWriteCarriesTheClientAndTheUsernameOfItsWriter) {
  const auto watcher = Watch("kv/b/#");
  const auto ann = As("ann", "ann's phone");
  const auto bob = As("bob", "bob-1");
  // In place, published anew, by a request, by a transaction; puts and markers.
  ASSERT_TRUE(IsSuccess(ann->Publish("kv/b/k", "1")));
  ASSERT_NO_FATAL_FAILURE(ExpectAuthor(*watcher, "k", "ann's phone/ann"));
  ASSERT_TRUE(bob->Put("b/k", "2").ok());
  ASSERT_NO_FATAL_FAILURE(ExpectAuthor(*watcher, "k", "bob-1/bob"));
  ASSERT_TRUE(IsSuccess(ann->Publish("kv/b/k", "3", {.qos = 2})));
  ASSERT_NO_FATAL_FAILURE(ExpectAuthor(*watcher, "k", "ann's phone/ann"));
  ASSERT_TRUE(testing::Ask(*bob, "b/put/k", "4").ok());
  ASSERT_NO_FATAL_FAILURE(ExpectAuthor(*watcher, "k", "bob-1/bob"));
  ASSERT_TRUE(testing::Ask(*ann, "b/increment/k", "1").ok());
  ASSERT_NO_FATAL_FAILURE(ExpectAuthor(*watcher, "k", "ann's phone/ann"));
  ASSERT_TRUE(
      testing::Ask(*bob, "b/txn", R"({"then": [{"op": "put", "key": "t", "value": "v"}]})").ok());
  ASSERT_NO_FATAL_FAILURE(ExpectAuthor(*watcher, "t", "bob-1/bob"));
  ASSERT_TRUE(ann->Delete("b/k").ok());
  ASSERT_NO_FATAL_FAILURE(ExpectAuthor(*watcher, "k", "ann's phone/ann"));
  std::vector<std::string> authors;
  for (const Message& entry : client().History("b/k")) {
    authors.push_back(AuthorOf(entry).substr(0, 3));
  }
  EXPECT_EQ(authors, (std::vector<std::string>{"bob", "ann", "bob", "ann", "ann"}))
      << "each entry its own";
  ASSERT_TRUE(bob->Purge("b/k").ok());
  ASSERT_NO_FATAL_FAILURE(ExpectAuthor(*watcher, "k", "bob-1/bob"));
  ASSERT_TRUE(testing::Ask(*ann, "b/purge").ok());
  ASSERT_NO_FATAL_FAILURE(ExpectAuthor(*watcher, "t", "ann's phone/ann"));
}

TEST_F(Audit, AnonymousWritersHaveNoUsername) {
  const auto watcher = Watch("kv/b/#");
  ASSERT_TRUE(IsSuccess(client().Publish("kv/b/in-place", "v")));
  ASSERT_NO_FATAL_FAILURE(ExpectAuthor(*watcher, "in-place", client().client_id() + "/?"));
  ASSERT_TRUE(client().Put("b/anew", "v").ok());
  ASSERT_NO_FATAL_FAILURE(ExpectAuthor(*watcher, "anew", client().client_id() + "/?"));
}

TEST_F(Audit, OfAWriterOfVersion311AndInJson) {
  const auto watcher = Watch("kv/b/#");
  const auto old = As("ann", "device", ProtocolVersion::kMqtt311);
  ASSERT_TRUE(IsSuccess(old->Publish("kv/b/k", "v", {.retain = true})));
  ASSERT_NO_FATAL_FAILURE(ExpectAuthor(*watcher, "k", "device/ann"));
  JsonClient reader(broker().port());
  ASSERT_TRUE(reader.Connect()) << reader.error();
  const Json got = reader.Ask("b/get/k");
  EXPECT_EQ(got["client"], "device");
  EXPECT_EQ(got["username"], "ann");
  const Json history = reader.Ask("b/history");
  ASSERT_EQ(history["entries"].size(), 1U);
  EXPECT_EQ(history["entries"][0]["client"], "device");
  EXPECT_EQ(history["entries"][0]["username"], "ann");
  ASSERT_TRUE(IsSuccess(reader.Publish("kv/b/k", "anonymous")));
  EXPECT_FALSE(reader.Ask("b/get/k").contains("username"));
}

TEST_F(Audit, CannotBeForged) {
  const auto forged = Properties().User("kv-client", "ann's phone").User("kv-username", "ann");
  const auto bob = As("bob", "bob-1");
  for (const std::string bucket : {"b", "plain"}) {
    const auto watcher = Watch("kv/" + bucket + "/#");
    ASSERT_TRUE(IsSuccess(bob->Publish("kv/" + bucket + "/k", "v", {.properties = forged})));
    ASSERT_TRUE(testing::Ask(*bob, bucket + "/put/k", "v", forged).ok());
    const std::string author = bucket == "b" ? "bob-1" : "";
    for (const Message& live : watcher->WaitMessages(2)) {
      EXPECT_EQ(live.Property("kv-client").value_or(""), author) << live.topic;
      EXPECT_EQ(live.properties.UserValues("kv-client").size(), author.empty() ? 0U : 1U);
    }
    EXPECT_EQ(client().Get(bucket + "/k").Property("kv-client").value_or(""), author);
  }
}

TEST_F(Audit, IsKeptOverRestartsAndChangesWithTheBucket) {
  const auto ann = As("ann", "phone");
  ASSERT_TRUE(ann->Put("b/k", "1").ok());
  for (const bool kill : {true, false}) {
    ASSERT_NO_FATAL_FAILURE(RestartBroker(kill));
    EXPECT_EQ(AuthorOf(client().Get("b/k").message), "phone/ann");
    const auto retained = RetainedMessages(broker().port(), "kv/b/k");
    ASSERT_EQ(retained.size(), 1U);
    EXPECT_EQ(AuthorOf(retained.begin()->second), "phone/ann");
  }
  ASSERT_TRUE(Ask("plain/put/before", "v").ok());
  ASSERT_TRUE(Ask("plain/admin/update", R"({"audit": true})").ok());
  ASSERT_TRUE(Ask("plain/put/after", "v").ok());
  EXPECT_EQ(AuthorOf(client().Get("plain/before").message), "?/?");
  EXPECT_EQ(AuthorOf(client().Get("plain/after").message), client().client_id() + "/?");
}

TEST_F(Audit, WhatNobodyAskedForHasNoAuthor) {
  const auto watcher = Watch("kv/b/#");
  const auto ann = As("ann", "phone");
  ASSERT_TRUE(ann->Put("b/ephemeral", "v", Properties().User("kv-ephemeral", "true")).ok());
  EXPECT_EQ(AuthorOf(watcher->WaitMessage().value_or(Message{})), "phone/ann");
  ann->Drop();
  const auto end = watcher->WaitMessage();
  ASSERT_TRUE(end) << watcher->error();
  EXPECT_EQ(end->Property("kv-reason"), "disconnected");
  EXPECT_EQ(AuthorOf(*end), "?/?");
  ASSERT_TRUE(client().Put("b/short", "v", Properties().User("kv-ttl", "50ms")).ok());
  ASSERT_TRUE(watcher->WaitMessage());
  const auto expiry = watcher->WaitMessage();
  ASSERT_TRUE(expiry) << watcher->error();
  EXPECT_EQ(expiry->Property("kv-reason"), "expired");
  EXPECT_EQ(AuthorOf(*expiry), "?/?");
}

}  // namespace
}  // namespace kv::testing
