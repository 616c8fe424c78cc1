// Which verb, bucket and key a topic of the request plane names.
#include <array>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "kv/names.h"
#include "wire/topics.h"

namespace kv::wire::testing {
namespace {

struct Row {
  std::string_view name;
  Verb verb;
};

constexpr std::array<Row, 6> kOfAKey{{
    {"get", Verb::kGet},
    {"put", Verb::kPut},
    {"create", Verb::kCreate},
    {"delete", Verb::kDelete},
    {"increment", Verb::kIncrement},
    {"update/17", Verb::kUpdate},
}};
constexpr std::array<Row, 4> kOfAPrefix{{
    {"purge", Verb::kPurge},  // of a key, or of the bucket
    {"keys", Verb::kKeys},
    {"entries", Verb::kEntries},
    {"history", Verb::kHistory},
}};
constexpr std::array<Row, 6> kOfTheBucket{{
    {"txn", Verb::kTxn},
    {"info", Verb::kInfo},
    {"admin/create", Verb::kAdminCreate},
    {"admin/update", Verb::kAdminUpdate},
    {"admin/delete", Verb::kAdminDelete},
    {"admin/purge-deletes", Verb::kAdminPurgeDeletes},
}};

std::string Topic(std::string_view after_bucket) {
  return "$KV/b/" + std::string(after_bucket);
}

void ExpectRequest(std::string_view topic, Verb verb, std::string_view rest) {
  SCOPED_TRACE(topic);
  auto parsed = ParseRequest(topic);
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_EQ(parsed->verb, verb);
  EXPECT_EQ(parsed->bucket, "b");
  EXPECT_EQ(parsed->rest, rest);
}

std::string ErrorOf(std::string_view topic) {
  auto parsed = ParseRequest(topic);
  return parsed ? "none" : std::string(parsed.error().token());
}

TEST(RequestTopicTest, NamesAVerbAndItsKey) {
  for (const auto& row : kOfAKey) {
    ExpectRequest(Topic(row.name) + "/k", row.verb, "k");
    ExpectRequest(Topic(row.name) + "/a/get/\xE6\xB8\xA9", row.verb, "a/get/\xE6\xB8\xA9");
  }
}

TEST(RequestTopicTest, OfAVerbThatNeedsAKeyIsInvalidWithoutOne) {
  for (const auto& row : kOfAKey) {
    for (const auto* const tail : {"", "/", "//k", "/k/", "/+", "/a/#", "/\xFF"}) {
      EXPECT_EQ(ErrorOf(Topic(row.name) + tail), "invalid-key") << row.name << tail;
    }
  }
  EXPECT_EQ(ErrorOf("$KV/b/update"), "invalid-key");
  EXPECT_EQ(ErrorOf("$KV/b/update/"), "invalid-key");
}

TEST(RequestTopicTest, OfAnUpdateNamesTheRevision) {
  EXPECT_EQ(ParseRequest("$KV/b/update/17/a/b")->revision, 17U);
  EXPECT_EQ(ParseRequest("$KV/b/update/0/a")->revision, 0U);
  EXPECT_EQ(ParseRequest("$KV/b/update/18446744073709551615/a")->revision, ~Revision{0});
  EXPECT_EQ(ParseRequest("$KV/b/put/17/a")->revision, std::nullopt);
  for (const char* wrong : {"x", "-1", "+1", "1.0", "18446744073709551616", "", " 1"}) {
    EXPECT_EQ(ErrorOf("$KV/b/update/" + std::string(wrong) + "/k"), "bad-request") << wrong;
  }
}

TEST(RequestTopicTest, NamesAVerbWithOrWithoutAPrefix) {
  for (const auto& row : kOfAPrefix) {
    ExpectRequest(Topic(row.name), row.verb, "");
    ExpectRequest(Topic(row.name) + "/a", row.verb, "a");
    ExpectRequest(Topic(row.name) + "/a/b", row.verb, "a/b");
    for (const auto* const tail : {"/", "/a/", "/#", "/a/+", "/a//b"}) {
      EXPECT_EQ(ErrorOf(Topic(row.name) + tail), "invalid-key") << row.name << tail;
    }
  }
}

TEST(RequestTopicTest, OfAVerbOfTheBucketTakesNothingMore) {
  for (const auto& row : kOfTheBucket) {
    ExpectRequest(Topic(row.name), row.verb, "");
    EXPECT_EQ(ErrorOf(Topic(row.name) + "/k"), "bad-request") << row.name;
    EXPECT_EQ(ErrorOf(Topic(row.name) + "/"), "bad-request") << row.name;
  }
}

TEST(RequestTopicTest, OfNoBucketIsBucketsOrCheckpoint) {
  auto buckets = ParseRequest("$KV/buckets");
  ASSERT_TRUE(buckets.ok());
  EXPECT_EQ(buckets->verb, Verb::kBuckets);
  EXPECT_EQ(buckets->bucket, "");
  auto checkpoint = ParseRequest("$KV/checkpoint");
  ASSERT_TRUE(checkpoint.ok());
  EXPECT_EQ(checkpoint->verb, Verb::kCheckpoint);
}

TEST(RequestTopicTest, MayNameABucketThatIsCalledLikeAVerb) {
  for (const std::string name : {"buckets", "checkpoint", "reply", "get"}) {
    const std::string topic = "$KV/" + name + "/get/k";  // the parts are views into it
    auto parsed = ParseRequest(topic);
    ASSERT_TRUE(parsed.ok()) << name;
    EXPECT_EQ(parsed->verb, Verb::kGet);
    EXPECT_EQ(parsed->bucket, name);
  }
}

TEST(RequestTopicTest, WithoutAGoodBucketIsAnInvalidBucket) {
  for (const auto* const topic : {"$KV/",
                                  "$KV//",
                                  "$KV//get/k",
                                  "$KV/a b/get/k",
                                  "$KV/+/get/k",
                                  "$KV/#",
                                  "$KV/\xC3\xBC/info"}) {
    EXPECT_EQ(ErrorOf(topic), "invalid-bucket") << topic;
  }
  EXPECT_EQ(ErrorOf("$KV/" + std::string(64, 'b') + "/info"), "none");
  EXPECT_EQ(ErrorOf("$KV/" + std::string(65, 'b') + "/info"), "invalid-bucket");
}

TEST(RequestTopicTest, OfNoKnownVerbIsABadRequest) {
  for (const auto* const topic : {"$KV/b",
                                  "$KV/b/",
                                  "$KV/b//get/k",
                                  "$KV/b/GET/k",
                                  "$KV/b/getx/k",
                                  "$KV/b/ge",
                                  "$KV/b/admin",
                                  "$KV/b/admin/",
                                  "$KV/b/admin/drop",
                                  "$KV/b/+",
                                  "$KV/b/watch",
                                  "$KV/buckets/x",
                                  "$KV/checkpoint/now"}) {
    EXPECT_EQ(ErrorOf(topic), "bad-request") << topic;
  }
}

TEST(RequestTopicTest, OfNoKnownVerbNamesItAndAllThatAre) {
  const auto parsed = ParseRequest("$KV/b/fetch/k");
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.error().message,
            "no such verb 'fetch/k': accepted are get, put, create, update, delete, purge, "
            "increment, txn, keys, entries, history, info, admin/create, admin/update, "
            "admin/delete, admin/purge-deletes");
}

TEST(RequestTopicTest, OfALongUnknownVerbDoesNotQuoteItInPart) {
  std::string verb;
  for (int i = 0; i < 500; ++i) {
    verb += "\xE6\xB8\xA9";
    const auto parsed = ParseRequest(Topic(verb));
    ASSERT_FALSE(parsed.ok());
    ASSERT_TRUE(IsUtf8(parsed.error().message)) << i;
    ASSERT_LT(parsed.error().message.size(), 250U);
  }
}

TEST(RequestTopicTest, HasAKeyOfAtMost1024Bytes) {
  const std::string key(1024, 'k');
  for (const auto& row : kOfAKey) {
    EXPECT_EQ(ErrorOf(Topic(row.name) + "/" + key), "none") << row.name;
    EXPECT_EQ(ErrorOf(Topic(row.name) + "/" + key + "k"), "invalid-key") << row.name;
  }
  for (const auto& row : kOfAPrefix) {
    EXPECT_EQ(ErrorOf(Topic(row.name) + "/" + key), "none") << row.name;
    EXPECT_EQ(ErrorOf(Topic(row.name) + "/" + key + "k"), "invalid-key") << row.name;
  }
}

TEST(ReplyTopicTest, IsTheRequestsBelowTheReplyPrefix) {
  EXPECT_EQ(ReplyTopicOf("$KV/b/get/a/b"), "$KV/reply/b/get/a/b");
  EXPECT_EQ(ReplyTopicOf("$KV/buckets"), "$KV/reply/buckets");
  EXPECT_EQ(ReplyTopicOf("$KV/"), "$KV/reply/");
}

}  // namespace
}  // namespace kv::wire::testing
