// Typed arguments as requests of the contract.
#include "client/requests.h"

#include <string>

#include <gtest/gtest.h>

namespace kv::client::testing {
namespace {

using std::chrono::milliseconds;

const Target kTarget{"b", milliseconds(1)};

// `topic [payload] name=value …`, or the error.
std::string TextOf(const Result<Request>& request) {
  if (!request) {
    return std::string(request.error().token()) + ": " + request.error().message;
  }
  std::string text = request->topic + " [" + request->payload + "]";
  for (const auto& [name, value] : request->properties.user) {
    text += " " + name + "=" + value;
  }
  return text;
}

TEST(RequestsTest, OfWritesHaveTheirSettings) {
  EXPECT_EQ(TextOf(PutRequest(kTarget, "put", "a/b", "v", {})), "$KV/b/put/a/b [v]");
  PutSettings settings;
  settings.expected_revision = 7;
  settings.message_id = "m";
  settings.ttl = 90 * kSecond;
  settings.ephemeral = true;
  settings.properties.user = {{"room", "hall"}};
  EXPECT_EQ(TextOf(PutRequest(kTarget, "create", "k", "", settings)),
            "$KV/b/create/k [] room=hall kv-expected-revision=7 kv-msg-id=m kv-ttl=90s "
            "kv-ephemeral=true");
  EXPECT_EQ(TextOf(PutRequest(kTarget, UpdateVerb(3), "k", "v", {})), "$KV/b/update/3/k [v]");
  EXPECT_EQ(TextOf(MarkRequest(kTarget, "purge", "k", {.expected_revision = 0})),
            "$KV/b/purge/k [] kv-expected-revision=0");
  EXPECT_EQ(TextOf(IncrementRequest(kTarget, "k", -2, {})), "$KV/b/increment/k [-2]");
}

TEST(RequestsTest, OfReadsHaveTheirSelection) {
  EXPECT_EQ(TextOf(GetRequest(kTarget, "k")), "$KV/b/get/k []");
  EXPECT_EQ(TextOf(GetRevisionRequest(kTarget, "k", 5)), "$KV/b/get/k [] kv-revision=5");
  EXPECT_EQ(TextOf(ReadRequest(kTarget, "entries", {}, {})),
            "$KV/b/entries [] kv-limit=100 kv-packed=true");
  EXPECT_EQ(TextOf(ReadRequest(kTarget,
                               "history",
                               {.prefix = "a",
                                .filter = "a/+",
                                .from_revision = 9,
                                .ignore_deletes = true,
                                .meta_only = true},
                               {"cursor", 500})),
            "$KV/b/history/a [] kv-filter=a/+ kv-from-revision=9 kv-meta-only=true "
            "kv-ignore-deletes=true kv-limit=500 kv-cursor=cursor kv-packed=true");
  EXPECT_EQ(TextOf(ReadRequest(kTarget, "keys", {.include_deleted = true}, {"", 1})),
            "$KV/b/keys [] kv-include-deleted=true kv-limit=1");
  EXPECT_EQ(TextOf(PurgeDeletesRequest(kTarget, 0)),
            "$KV/b/admin/purge-deletes [] kv-older-than=0");
  EXPECT_EQ(TextOf(PurgeDeletesRequest(kTarget, 1500 * kMillisecond)),
            "$KV/b/admin/purge-deletes [] kv-older-than=1500ms");
}

TEST(RequestsTest, OfTransactionsAreTheContractsJson) {
  const auto txn =
      Txn().If("from", 7).Put("from", "90").Delete("gone").Else().Update("to", "\xFF", 3);
  EXPECT_EQ(TextOf(TxnRequest(kTarget, txn)),
            R"($KV/b/txn [{"else":[{"expected_revision":3,"key":"to","op":"update",)"
            R"("value_base64":"/w=="}],"if":[{"key":"from","revision":7}],"then":[{"key":"from",)"
            R"("op":"put","value":"90"},{"key":"gone","op":"delete"}]}])");
}

TEST(RequestsTest, NeverHaveNamesThatAreNone) {
  EXPECT_EQ(TextOf(GetRequest({"a/b", {}}, "k")).substr(0, 15), "invalid-bucket:");
  for (const char* key : {"", "/a", "a//b", "a/+", "#", "a\nb", "\xFF"}) {
    EXPECT_EQ(TextOf(GetRequest(kTarget, key)).substr(0, 12), "invalid-key:") << key;
  }
  EXPECT_EQ(TextOf(ReadRequest(kTarget, "keys", {.prefix = "a/#"}, {})).substr(0, 12),
            "invalid-key:");
}

TEST(RequestsTest, RefuseWhatTheContractDoesNotKnow) {
  EXPECT_EQ(TextOf(ReadRequest(kTarget, "keys", {}, {"", 501})),
            "bad-request: limit: accepted is 1 to 500");
  EXPECT_EQ(TextOf(ReadRequest(kTarget, "keys", {}, {"", 0})),
            "bad-request: limit: accepted is 1 to 500");
  EXPECT_EQ(TextOf(ReadRequest(kTarget, "keys", {.filter = "a+"}, {})),
            "bad-request: a filter is a key in which levels may be + and the last may be #");
  const std::string millis = ": accepted are whole milliseconds, at least 1";
  EXPECT_EQ(TextOf(PutRequest(kTarget, "put", "k", "v", {.ttl = 0})), "bad-request: ttl" + millis);
  EXPECT_EQ(TextOf(PutRequest(kTarget, "put", "k", "v", {.ttl = kMillisecond + 1})),
            "bad-request: ttl" + millis);
  EXPECT_EQ(TextOf(PurgeDeletesRequest(kTarget, -kSecond)), "bad-request: older_than" + millis);
  EXPECT_EQ(TextOf(ConfigureRequest(kTarget, "create", BucketConfig{.marker_ttl = 1})),
            "bad-request: marker_ttl" + millis);
  EXPECT_EQ(TextOf(ConfigureRequest(kTarget, "create", BucketFields{{"ttl", "soon"}})),
            "bad-request: bucket field ttl: accepted is a duration (90, 500ms, 30s, 15m, 12h, 7d)");
  EXPECT_EQ(TextOf(TxnRequest(kTarget, Txn().Put("a", "1").Delete("a"))),
            "bad-request: then: a key stands twice, accepted is once");
  EXPECT_EQ(TextOf(TxnRequest(kTarget, Txn().Put("a", "1", {.properties = {{}, "text"}}))),
            "bad-request: an operation of a transaction has neither properties nor a message id");
}

TEST(RequestsTest, AreRepeatedOnlyWhereThatIsSafe) {
  PutSettings ephemeral;
  ephemeral.ephemeral = true;
  EXPECT_EQ(GetRequest(kTarget, "k")->repeat, Repeat::kAlways);
  EXPECT_EQ(PutRequest(kTarget, "put", "k", "v", {})->repeat, Repeat::kSameWrite);
  EXPECT_EQ(PutRequest(kTarget, "put", "k", "v", ephemeral)->repeat, Repeat::kFreshWrite);
  ephemeral.message_id = "m";
  EXPECT_EQ(PutRequest(kTarget, "put", "k", "v", ephemeral)->repeat, Repeat::kNever);
  EXPECT_EQ(MarkRequest(kTarget, "delete", "k", {})->repeat, Repeat::kSameWrite);
  EXPECT_EQ(IncrementRequest(kTarget, "k", 1, {})->repeat, Repeat::kSameWrite);
  EXPECT_EQ(TxnRequest(kTarget, Txn().Put("k", "v"))->repeat, Repeat::kSameWrite);
  EXPECT_EQ(TxnRequest(kTarget, Txn().Put("k", "v", ephemeral)).ok(), false);
  ephemeral.message_id.clear();
  EXPECT_EQ(TxnRequest(kTarget, Txn().Put("k", "v", ephemeral))->repeat, Repeat::kNever);
  EXPECT_EQ(DeleteBucketRequest(kTarget)->repeat, Repeat::kNever);
  EXPECT_EQ(CheckpointRequest(milliseconds(1)).repeat, Repeat::kNever);
}

}  // namespace
}  // namespace kv::client::testing
