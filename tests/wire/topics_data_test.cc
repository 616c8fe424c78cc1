// Whose a topic is, and which bucket and key a topic of the data plane names.
#include <array>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "wire/incoming.h"
#include "wire/topics.h"

namespace kv::wire::testing {
namespace {

// `bucket|key`, or the error's token.
std::string Data(std::string_view topic, std::string_view prefix = "kv") {
  const Topics topics(prefix);
  EXPECT_EQ(topics.PlaneOf(topic), Plane::kData) << topic;
  auto parsed = topics.ParseData(topic);
  if (!parsed) {
    return std::string(parsed.error().token());
  }
  return std::string(parsed->bucket.text()) + "|" + std::string(parsed->key.text());
}

TEST(PlaneTest, IsDataBelowThePrefixOnly) {
  const Topics topics("kv");
  for (const auto* const topic : {"kv/b/k", "kv/b", "kv/", "kv//", "kv/#"}) {
    EXPECT_EQ(topics.PlaneOf(topic), Plane::kData) << topic;
  }
  for (const auto* const topic :
       {"", "k", "kv", "kvx/b/k", "KV/b/k", "/kv/b/k", "a/kv/b/k", "kv2"}) {
    EXPECT_EQ(topics.PlaneOf(topic), Plane::kNone) << topic;
  }
}

TEST(PlaneTest, IsRequestBelowItsFixedPrefixOnly) {
  for (const auto* const prefix : {"kv", "else/where"}) {
    const Topics topics(prefix);
    for (const auto* const topic : {"$KV/", "$KV/buckets", "$KV/b/get/k", "$KV/reply/x"}) {
      EXPECT_EQ(topics.PlaneOf(topic), Plane::kRequest) << topic;
    }
    for (const auto* const topic : {"$KV", "$kv/b/get/k", "$KVx/b", "$SYS/broker", "KV/b"}) {
      EXPECT_EQ(topics.PlaneOf(topic), Plane::kNone) << topic;
    }
  }
}

TEST(PlaneTest, FollowsTheConfiguredPrefix) {
  const Topics topics("site/7/kv");
  EXPECT_EQ(topics.PlaneOf("site/7/kv/b/k"), Plane::kData);
  EXPECT_EQ(topics.PlaneOf("kv/b/k"), Plane::kNone);
  EXPECT_EQ(topics.PlaneOf("site/7/kvb/k"), Plane::kNone);
  EXPECT_EQ(Data("site/7/kv/b/k", "site/7/kv"), "b|k");
}

TEST(DataTopicTest, NamesTheBucketAndAKeyOfAnyDepth) {
  EXPECT_EQ(Data("kv/b/k"), "b|k");
  EXPECT_EQ(Data("kv/Bucket_1-x/a/b/c"), "Bucket_1-x|a/b/c");
  EXPECT_EQ(Data("kv/kv/kv/kv"), "kv|kv/kv");
  EXPECT_EQ(Data("kv/b/ "), "b| ");
  EXPECT_EQ(Data("kv/b/$SYS"), "b|$SYS");
}

TEST(DataTopicTest, HasKeysOfAnyScript) {
  EXPECT_EQ(Data("kv/b/k\xC3\xBC\x63he/\xE6\xB8\xA9\xE5\xBA\xA6/\xF0\x9F\x92\xA1"),
            "b|k\xC3\xBC\x63he/\xE6\xB8\xA9\xE5\xBA\xA6/\xF0\x9F\x92\xA1");
  EXPECT_EQ(Data("kv/b\xC3\xBC/k"), "invalid-bucket");
  EXPECT_EQ(Data("kv/b/\xC3"), "invalid-key");
  EXPECT_EQ(Data("kv/b/\xED\xA0\x80"), "invalid-key");  // a surrogate
}

TEST(DataTopicTest, WithoutAKeyIsAnInvalidKey) {
  for (const auto* const topic : {"kv/b", "kv/b/", "kv/b//", "kv/b//k", "kv/b/k/", "kv/b/a//b"}) {
    EXPECT_EQ(Data(topic), "invalid-key") << topic;
  }
}

TEST(DataTopicTest, WithoutAGoodBucketIsAnInvalidBucket) {
  for (const auto* const topic : {"kv/", "kv//", "kv//k", "kv/a b/k", "kv/a.b/k", "kv/$KV/k"}) {
    EXPECT_EQ(Data(topic), "invalid-bucket") << topic;
  }
}

TEST(DataTopicTest, HoldsNoWildcardAndNoControlCharacter) {
  for (const auto* const topic : {"kv/b/+", "kv/b/#", "kv/b/a/+/c", "kv/b/a+", "kv/b/a\x01"}) {
    EXPECT_EQ(Data(topic), "invalid-key") << topic;
  }
  EXPECT_EQ(Data("kv/+/k"), "invalid-bucket");
  EXPECT_EQ(Data("kv/#"), "invalid-bucket");
  EXPECT_EQ(Data(std::string("kv/b/a\0b", 8)), "invalid-key");
}

TEST(DataTopicTest, HasNamesUpToTheirLimits) {
  const std::string bucket(64, 'b');
  const std::string key(1024, 'k');
  EXPECT_EQ(Data("kv/" + bucket + "/" + key), bucket + "|" + key);
  EXPECT_EQ(Data("kv/" + bucket + "b/k"), "invalid-bucket");
  EXPECT_EQ(Data("kv/b/" + key + "k"), "invalid-key");
}

TEST(DataTopicTest, IsPutTogetherAsItWasTakenApart) {
  const Topics topics("site/kv");
  EXPECT_EQ(topics.DataTopicOf("b", "a/c"), "site/kv/b/a/c");
  EXPECT_EQ(Data(topics.DataTopicOf("b", "a/c"), "site/kv"), "b|a/c");
}

TEST(PublishableTest, IsATopicWithoutWildcards) {
  for (const auto* const topic : {"a", "/", "a/b", "$KV/reply/x", " "}) {
    EXPECT_TRUE(IsPublishable(topic)) << topic;
  }
  for (const auto* const topic : {"", "+", "#", "a/#", "a/+/b", "a+"}) {
    EXPECT_FALSE(IsPublishable(topic)) << topic;
  }
}

}  // namespace
}  // namespace kv::wire::testing
