// The typed client: every request and what comes back.
#include "mosquitto_kv/client.h"

#include "tests/e2e/client_fixture.h"

namespace kv::testing {
namespace {

class ClientRequests : public ClientTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(
        StartBroker({.plugin = {{"bucket_deep", "history=5"},
                                {"bucket_small", "max_value_size=4 max_keys=2"}}}));
    client_.emplace(Connected());
  }

  Bucket bucket(std::string_view name) { return client_->bucket(name); }
  std::optional<Client> client_;
};

TEST_F(ClientRequests, PutIsGot) {
  const auto put = bucket("b").Put("a/b",
                                   std::string("\0\xFF", 2),
                                   {.properties = {0, "application/x", {{"n", "v"}, {"n", "w"}}}});
  ASSERT_TRUE(put.ok()) << WhyOf(put);
  EXPECT_EQ(put->revision, 1U);
  EXPECT_GT(put->time, 0);
  const auto got = bucket("b").Get("a/b");
  ASSERT_TRUE(got.ok()) << WhyOf(got);
  EXPECT_EQ(got->key, "a/b");
  EXPECT_EQ(got->value, std::string("\0\xFF", 2));
  EXPECT_EQ(got->time, put->time);
  EXPECT_EQ(got->properties, (kv::Properties{0, "application/x", {{"n", "v"}, {"n", "w"}}}));
}

TEST_F(ClientRequests, WatchGivesWhatIsThereThenTheEndThenChanges) {
  ASSERT_TRUE(bucket("b").Put("k", "1").ok());
  auto watcher = bucket("b").Watch();
  ASSERT_TRUE(watcher.ok()) << WhyOf(watcher);
  ASSERT_TRUE(bucket("b").Put("k", "2").ok());
  ASSERT_TRUE(bucket("b").Delete("k").ok());
  EXPECT_EQ(NextOf(*watcher, 4),
            (std::vector<std::string>{"PUT k=1 @1", "end of initial", "PUT k=2 @2", "DEL k @3"}));
}

}  // namespace
}  // namespace kv::testing
