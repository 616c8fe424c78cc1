// Which buckets there are: declared ones, and those that a first write creates.
#include <gtest/gtest.h>

#include "tests/plugin/service_test.h"

namespace kv::plugin::testing {
namespace {

class BucketCreationTest : public ServiceTest {
 protected:
  std::string StatusOfPut(std::string_view topic) {
    broker_.Take();
    Handle({.topic = topic, .payload = "x", .response_topic = "r"});
    EXPECT_TRUE(TickUntil([this] { return LastReply().has_value(); }));
    return ValueOf(LastReply().value_or(Sent{}), "kv-status").value_or("none");
  }
};

TEST_F(BucketCreationTest, CreatesItWithTheDefaults) {
  options_.bucket_defaults.history = 3;
  ASSERT_NO_FATAL_FAILURE(Start());
  EXPECT_EQ(StatusOfPut("kv/new/k"), "ok");
  EXPECT_NE(Ask("$KV/new/info").at(0).payload.find(R"("history":3,)"), std::string::npos);
}

TEST_F(BucketCreationTest, RefusesItWhenThatIsOffButForDeclaredOnes) {
  options_.auto_create = false;
  Declare("declared", "history=2");
  ASSERT_NO_FATAL_FAILURE(Start());
  EXPECT_EQ(StatusOfPut("kv/new/k"), "bucket-not-found");
  EXPECT_EQ(StatusOfPut("kv/declared/k"), "ok");
}

TEST_F(BucketCreationTest, RefusesItBeyondMaxBuckets) {
  options_.max_buckets = 2;
  ASSERT_NO_FATAL_FAILURE(Start());
  EXPECT_EQ(StatusOfPut("kv/one/k"), "ok");
  EXPECT_EQ(StatusOfPut("kv/two/k"), "ok");
  EXPECT_EQ(StatusOfPut("kv/three/k"), "too-many-buckets");
  EXPECT_EQ(StatusOfPut("kv/two/l"), "ok");
}

TEST_F(BucketCreationTest, LimitsOfTheBucketRefuseWithTheirCode) {
  Declare("small", "max_value_size=3 max_keys=1");
  Declare("tiny", "max_bytes=4");
  ASSERT_NO_FATAL_FAILURE(Start());
  Handle({.topic = "kv/small/k", .payload = "four", .response_topic = "r"});
  Handle({.topic = "kv/tiny/k", .payload = "four", .response_topic = "r"});
  const auto sent = broker_.Take();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(ValueOf(sent[0], "kv-status"), "value-too-large");
  EXPECT_EQ(ValueOf(sent[1], "kv-status"), "bucket-full");
  EXPECT_EQ(StatusOfPut("kv/small/k"), "ok");
  EXPECT_EQ(StatusOfPut("kv/small/l"), "bucket-full");
}

TEST_F(BucketCreationTest, UpdatesADeclaredBucketAtTheNextStart) {
  Declare("b", "history=5");
  ASSERT_NO_FATAL_FAILURE(Start());
  Put("kv/b/k", "1");
  Put("kv/b/k", "2");
  Declare("b", "history=1 description=smaller");
  ASSERT_NO_FATAL_FAILURE(Restart());
  const std::string info = Ask("$KV/b/info").at(0).payload;
  EXPECT_NE(info.find(R"("history":1,)"), std::string::npos) << info;
  EXPECT_NE(info.find(R"("entries":1,)"), std::string::npos) << info;
}

TEST_F(BucketCreationTest, RefusesToStartWithADeclarationThatTheBucketCannotTake) {
  Declare("b", "");
  ASSERT_NO_FATAL_FAILURE(Start());
  Put("kv/b/k", "1");
  Stop();
  Declare("b", "storage=memory");
  const auto started = KvService::Start(options_, broker_, clock_, [] {});
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().message,
            "plugin_opt_bucket_b: storage and retained change only while the bucket is empty");
}

TEST_F(BucketCreationTest, RefusesToStartWithoutAUsableStorePath) {
  options_.store_path = (directory_.path() / "missing" / "store").string();
  const auto started = KvService::Start(options_, broker_, clock_, [] {});
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().message.rfind("plugin_opt_store_path: ", 0), 0U)
      << started.error().message;
}

}  // namespace
}  // namespace kv::plugin::testing
