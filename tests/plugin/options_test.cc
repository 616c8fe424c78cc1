// The options of mosquitto.conf: what is taken, and what is said about the rest.
#include "plugin/options.h"

#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/broker_process.h"

namespace kv::plugin::testing {
namespace {

using Values = std::vector<std::string>;

PluginOptions MustParse(OptionList list) {
  list.emplace_back("store_path", "/somewhere");
  auto parsed = ParseOptions(list);
  EXPECT_TRUE(parsed.ok()) << (parsed ? "" : parsed.error().message);
  return parsed ? *parsed : PluginOptions{};
}

std::string Refusal(OptionList list, bool with_store_path = true) {
  if (with_store_path) {
    list.emplace_back("store_path", "/somewhere");
  }
  const auto parsed = ParseOptions(list);
  if (parsed) {
    return "accepted";
  }
  EXPECT_EQ(parsed.error().code, ErrorCode::kBadRequest);
  EXPECT_EQ(parsed.error().message.find('\n'), std::string::npos) << "one line";
  return parsed.error().message;
}

TEST(OptionsTest, HaveTheContractsDefaults) {
  const PluginOptions options = MustParse({});
  EXPECT_EQ(options.store_path, "/somewhere");
  EXPECT_EQ(options.topic_prefix, "kv");
  EXPECT_TRUE(options.auto_create);
  EXPECT_EQ(options.max_buckets, 1000U);
  EXPECT_EQ(options.sync, store::Sync::kBatch);
  EXPECT_EQ(options.sync_interval, kSecond);
  EXPECT_EQ(options.cache_size, 64U << 20);
  EXPECT_EQ(options.duplicate_window, 120 * kSecond);
  EXPECT_FALSE(options.broker_snapshot);
  EXPECT_FALSE(options.backup_path);
  EXPECT_FALSE(options.wills);
  EXPECT_EQ(options.bucket_defaults, BucketConfig{});
  EXPECT_TRUE(options.buckets.empty());
}

TEST(OptionsTest, ThatAreSetToTheTablesDefaultsAreTheDefaults) {
  OptionList list;
  for (const auto& row : OptionTable()) {
    if (!row.default_value.empty()) {
      list.emplace_back(row.name, row.default_value);
    }
  }
  EXPECT_EQ(list.size(), 11U);
  EXPECT_EQ(MustParse(list), MustParse({}));
}

TEST(OptionsTest, AreAllRead) {
  const kv::testing::TemporaryDirectory directory;
  const std::string snapshot = (directory.path() / "mosquitto.db").string();
  std::ofstream(snapshot) << "there";
  const PluginOptions options = MustParse({{"topic_prefix", "site/kv"},
                                           {"auto_create", "false"},
                                           {"max_buckets", "7"},
                                           {"sync", "always"},
                                           {"sync_interval", "250ms"},
                                           {"cache_size", "1GiB"},
                                           {"duplicate_window", "90"},
                                           {"broker_snapshot", snapshot},
                                           {"backup_path", directory.path().string()},
                                           {"bucket_defaults", "history=5 ttl=24h"}});
  EXPECT_EQ(options.topic_prefix, "site/kv");
  EXPECT_FALSE(options.auto_create);
  EXPECT_EQ(options.max_buckets, 7U);
  EXPECT_EQ(options.sync, store::Sync::kAlways);
  EXPECT_EQ(options.sync_interval, 250 * kMillisecond);
  EXPECT_EQ(options.cache_size, std::size_t{1} << 30);
  EXPECT_EQ(options.duplicate_window, 90 * kSecond);
  EXPECT_EQ(options.broker_snapshot, snapshot);
  EXPECT_EQ(options.backup_path, directory.path().string());
  EXPECT_EQ(options.bucket_defaults.history, 5U);
  EXPECT_EQ(options.bucket_defaults.ttl, 86'400 * kSecond);
  EXPECT_EQ(MustParse({{"sync", "interval"}}).sync, store::Sync::kInterval);
  EXPECT_EQ(MustParse({{"sync", "batch"}}).sync, store::Sync::kBatch);
}

TEST(OptionsTest, RefuseBadValuesInOneLineThatNamesTheOptionAndWhatIsAccepted) {
  const std::string duration = "a duration (90, 500ms, 30s, 15m, 12h, 7d)";
  struct Case {
    std::string name;
    Values values;
    std::string accepted;
  };
  const std::vector<Case> cases{
      {"topic_prefix",
       {"", "/", "kv/", "/kv", "a//b", "+", "kv/#", "$kv", "$SYS/kv", "k\nv", "\xFF"},
       "a topic of at most 8 levels without wildcards that does not begin with $"},
      {"auto_create", {"", "yes", "TRUE", "1", "true "}, "true or false"},
      {"max_buckets", {"", "0", "-1", "many", "1.5", "1KiB"}, "a whole number above 0"},
      {"sync", {"", "never", "Batch", "batch "}, "always, batch or interval"},
      {"sync_interval", {"", "0", "0s", "-1s", "1.5s", "1 s", "1w"}, duration},
      {"cache_size",
       {"", "0", "0KiB", "64MB", "64 MiB", "-1", "64mib"},
       "a size above 0 (bytes, or with KiB, MiB, GiB)"},
      {"duplicate_window", {"", "0", "forever", "2min"}, duration},
      {"broker_snapshot",
       {"", "/", "/dev/null", "/dev/null/mosquitto.db"},
       "the path of the broker's mosquitto.db"},
      {"backup_path",
       {"", "/dev/null", "/nonexistent/directory"},
       "a directory that the broker's user can write"},
      {"wills", {"", "1", "no"}, "true or false"},
      {"wills_port", {"", "0", "65536", "-1", "mqtt"}, "a port from 1 to 65535"},
      {"wills_username", {""}, "a user that may read the kv topics"},
      {"wills_password", {""}, "the password of wills_username"},
      {"wills_filter", {"", "a+", "#/a", "a//b"}, "a filter below the topic prefix (+/status/#)"},
  };
  for (const auto& one : cases) {
    for (const auto& value : one.values) {
      EXPECT_EQ(Refusal({{one.name, value}}),
                "plugin_opt_" + one.name + ": accepted is " + one.accepted)
          << "'" << value << "'";
    }
  }
}

TEST(OptionsTest, NeedAStorePath) {
  const std::string accepted =
      "a directory that the broker's user can write, or whose parent it can write";
  EXPECT_EQ(Refusal({{"store_path", ""}}, false), "plugin_opt_store_path: accepted is " + accepted);
  EXPECT_EQ(Refusal({}, false).rfind("plugin_opt_store_path is missing: accepted is ", 0), 0U);
  EXPECT_EQ(Refusal({{"sync", "batch"}}, false).rfind("plugin_opt_store_path is missing", 0), 0U);
}

TEST(OptionsTest, ThatAreUnknownSuggestTheNearest) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"store_pth", "store_path"},
      {"synk", "sync"},
      {"sync_intervall", "sync_interval"},
      {"max_bucket", "max_buckets"},
      {"cachesize", "cache_size"},
      {"Sync", "sync"},
      {"prefix", "topic_prefix"},
  };
  for (const auto& [name, nearest] : cases) {
    EXPECT_EQ(Refusal({{name, "x"}}),
              "plugin_opt_" + name + " is unknown, nearest is plugin_opt_" + nearest +
                  "; accepted are store_path, topic_prefix, auto_create, max_buckets, sync, "
                  "sync_interval, cache_size, duplicate_window, broker_snapshot, backup_path, "
                  "wills, wills_port, wills_username, wills_password, wills_filter, "
                  "bucket_defaults, bucket_<name>");
  }
}

TEST(OptionsTest, RefuseOneThatIsGivenTwice) {
  for (const std::string name : {"sync", "topic_prefix", "bucket_defaults", "bucket_a"}) {
    const std::string value = name.rfind("bucket_", 0) == 0 ? "history=1" : "batch";
    EXPECT_EQ(Refusal({{name, value}, {"max_buckets", "5"}, {name, value}}),
              "plugin_opt_" + name + ": given twice, accepted is once");
  }
}

TEST(OptionsTest, DeclareBuckets) {
  const PluginOptions options =
      MustParse({{"bucket_config", "history=10 max_value_size=64KiB description=\"two words\""},
                 {"bucket_A-1_b", ""}});
  ASSERT_EQ(options.buckets.size(), 2U);
  EXPECT_EQ(options.buckets.at("config").history, 10U);
  EXPECT_EQ(options.buckets.at("config").max_value_size, 64U << 10);
  EXPECT_EQ(options.buckets.at("config").description, "two words");
  EXPECT_EQ(options.buckets.at("A-1_b"), BucketConfig{});
}

TEST(OptionsTest, BuildDeclaredBucketsOnTheDefaultsWhateverTheOrder) {
  const std::pair<std::string, std::string> defaults{"bucket_defaults", "history=5 ttl=1h"};
  const std::pair<std::string, std::string> declared{"bucket_a", "ttl=2h max_keys=9"};
  for (const auto& list : {OptionList{defaults, declared}, OptionList{declared, defaults}}) {
    const BucketConfig config = MustParse(list).buckets.at("a");
    EXPECT_EQ(config.history, 5U);
    EXPECT_EQ(config.ttl, 7200 * kSecond);
    EXPECT_EQ(config.max_keys, 9U);
  }
}

TEST(OptionsTest, RefuseBadBucketNames) {
  for (const auto& name : Values{"", "a b", "a/b", std::string(65, 'x')}) {
    EXPECT_EQ(Refusal({{"bucket_" + name, "history=1"}}),
              "plugin_opt_bucket_" + name +
                  ": accepted is bucket_<name>, the name 1 to 64 of A-Z a-z 0-9 _ -");
  }
  EXPECT_EQ(Refusal({{"bucket_" + std::string(64, 'x'), "history=1"}}), "accepted");
}

TEST(OptionsTest, RefuseBadBucketFieldsAndNameTheOption) {
  for (const std::string option : {"bucket_defaults", "bucket_a"}) {
    const std::string start = "plugin_opt_" + option + ": ";
    EXPECT_EQ(Refusal({{option, "history=65"}}),
              start + "bucket field history: accepted is a whole number from 1 to 64");
    EXPECT_EQ(Refusal({{option, "history=2 ttl=soon"}}),
              start + "bucket field ttl: accepted is a duration (90, 500ms, 30s, 15m, 12h, 7d)");
    EXPECT_EQ(Refusal({{option, "history"}}),
              start + "bucket fields are written name=value, separated by spaces");
    EXPECT_EQ(Refusal({{option, "size=1"}}).rfind(start + "unknown bucket field size: ", 0), 0U);
  }
}

TEST(OptionsTest, TakeASnapshotThatTheBrokerHasNotWrittenYet) {
  const kv::testing::TemporaryDirectory directory;
  const std::string path = (directory.path() / "mosquitto.db").string();
  EXPECT_EQ(MustParse({{"broker_snapshot", path}}).broker_snapshot, path);
}

}  // namespace
}  // namespace kv::plugin::testing
