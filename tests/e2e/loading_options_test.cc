// What the plugin cannot work with stops the broker at its start, with one line that says why.
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/kv_broker.h"

namespace kv::testing {
namespace {

namespace fs = std::filesystem;

constexpr int kFirstSignalStatus = 128;

std::vector<std::string> LinesOf(const std::string& log, std::string_view part) {
  std::vector<std::string> lines;
  std::istringstream stream(log);
  for (std::string line; std::getline(stream, line);) {
    if (line.find(part) != std::string::npos) {
      lines.push_back(line);
    }
  }
  return lines;
}

// The broker ended by itself and in order, and the plugin's only line holds each of `parts`.
void ExpectRefused(KvBroker& broker, const std::vector<std::string>& parts) {
  const auto started = broker.Start();
  ASSERT_FALSE(started) << "started";
  const int status = broker.process().WaitExit();
  EXPECT_GT(status, 0);
  EXPECT_LT(status, kFirstSignalStatus) << "ended by a signal";
  const std::string log = broker.process().Log();
  const auto lines = LinesOf(log, "kv: ");
  ASSERT_EQ(lines.size(), 1U) << log;
  for (const std::string& part : parts) {
    EXPECT_NE(lines[0].find(part), std::string::npos) << part << " is not in: " << lines[0];
  }
}

struct BadOption {
  std::string name;
  std::string value;
  std::vector<std::string> said;  // beside the option's name
};

void PrintTo(const BadOption& option, std::ostream* stream) {
  *stream << option.name << " = " << option.value;
}

class EachBadOption : public ::testing::TestWithParam<BadOption> {};

TEST_P(EachBadOption, StopsTheBroker) {
  KvBroker broker({.plugin = {{GetParam().name, GetParam().value}}});
  std::vector<std::string> parts = GetParam().said;
  parts.push_back("plugin_opt_" + GetParam().name);
  ASSERT_NO_FATAL_FAILURE(ExpectRefused(broker, parts));
  EXPECT_FALSE(fs::exists(broker.store_path())) << "refused, and yet a store was made";
}

INSTANTIATE_TEST_SUITE_P(
    Option,
    EachBadOption,
    ::testing::Values(BadOption{"sotre_path", "x", {"unknown", "nearest is plugin_opt_store_path"}},
                      BadOption{"topic_prefix", "a/#", {"accepted is"}},
                      BadOption{"topic_prefix", "$kv", {"accepted is"}},
                      BadOption{"auto_create", "perhaps", {"true or false"}},
                      BadOption{"max_buckets", "0", {"accepted is"}},
                      BadOption{"max_buckets", "many", {"accepted is"}},
                      BadOption{"sync", "sometimes", {"always, batch or interval"}},
                      BadOption{"sync_interval", "soon", {"accepted is a duration"}},
                      BadOption{"cache_size", "64XiB", {"accepted is a size"}},
                      BadOption{"duplicate_window", "-1s", {"accepted is a duration"}},
                      BadOption{"broker_snapshot", "/", {"mosquitto.db"}},
                      BadOption{"backup_path", "/no/such/directory", {"accepted is a directory"}},
                      BadOption{"wills", "yes", {"accepted is"}},
                      BadOption{"bucket_defaults", "history=65", {"history"}},
                      BadOption{"bucket_b", "histroy=5", {"histroy"}},
                      BadOption{"bucket_b", "ttl=fast", {"ttl"}},
                      BadOption{"bucket_b", "history", {"name=value"}},
                      BadOption{"bucket_a.b", "history=5", {"accepted is"}}));

TEST(OptionsTest, WithoutStorePathStopTheBroker) {
  BrokerProcess process({.configuration = "plugin " + PluginPath()});
  const auto started = process.Start();
  ASSERT_FALSE(started);
  const auto lines = LinesOf(process.Log(), "kv: ");
  ASSERT_EQ(lines.size(), 1U) << process.Log();
  EXPECT_NE(lines[0].find("plugin_opt_store_path is missing"), std::string::npos) << lines[0];
}

TEST(OptionsTest, GivenTwiceStopTheBroker) {
  KvBroker broker({.plugin = {{"sync", "batch"}, {"sync", "always"}}});
  ASSERT_NO_FATAL_FAILURE(ExpectRefused(broker, {"plugin_opt_sync", "twice"}));
}

class EachBadDirectory : public ::testing::Test {
 protected:
  void ExpectRefusedFor(const std::string& why) {
    ExpectRefused(broker_, {"plugin_opt_store_path", why});
  }
  fs::path store() const { return broker_.store_path(); }
  void Write(const fs::path& path, std::string_view contents) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << contents;
  }
  void MakeStore() {
    const auto started = broker_.Start();
    ASSERT_TRUE(started) << started.log;
    ASSERT_EQ(broker_.process().Stop(), 0);
  }

  KvBroker broker_;
};

TEST_F(EachBadDirectory, AFileStopsTheBroker) {
  Write(store(), "in the way");
  ExpectRefusedFor("is not a directory");
}

TEST_F(EachBadDirectory, OneWithoutAParentStopsTheBroker) {
  broker_.options().plugin = {{"store_path", "no/parent/store"}};
  ExpectRefusedFor("No such file or directory");
}

TEST_F(EachBadDirectory, OneThatNobodyCanWriteStopsTheBroker) {
  broker_.options().plugin = {{"store_path", "/proc/mosquitto-kv"}};  // not even root
  ExpectRefusedFor("cannot be made");
}

TEST_F(EachBadDirectory, AForeignOneStopsTheBrokerAndStaysAsItWas) {
  Write(store() / "letters" / "mother.txt", "dear");
  ExpectRefusedFor("is not empty and not a mosquitto-kv store");
  EXPECT_EQ(std::distance(fs::recursive_directory_iterator(store()), {}), 2);
}

TEST_F(EachBadDirectory, ANewerStoreStopsTheBroker) {
  ASSERT_NO_FATAL_FAILURE(MakeStore());
  Write(store() / "FORMAT", "mosquitto-kv store, format 99\n");
  ExpectRefusedFor("has format '99'");
}

TEST_F(EachBadDirectory, ADamagedDatabaseStopsTheBroker) {
  ASSERT_NO_FATAL_FAILURE(MakeStore());
  Write(store() / "db" / "CURRENT", "nonsense");
  ExpectRefusedFor("cannot open the database");
}

TEST_F(EachBadDirectory, ADatabaseThatIsGoneStopsTheBroker) {
  ASSERT_NO_FATAL_FAILURE(MakeStore());
  for (const auto& file : fs::directory_iterator(store() / "db")) {
    if (file.path().extension() == ".sst" || file.path().extension() == ".log") {
      fs::remove(file.path());
    }
  }
  fs::remove(store() / "db" / "CURRENT");
  // A store that has lost its database is not a new one.
  ExpectRefusedFor("cannot open the database");
}

TEST(SecondBrokerTest, IsRefusedAndTheFirstGoesOn) {
  KvBroker first;
  const auto started = first.Start();
  ASSERT_TRUE(started) << started.log;
  KvClient client(first.port());
  ASSERT_TRUE(client.Connect());
  ASSERT_TRUE(client.Put("b/k", "1").ok());

  KvBroker second({.plugin = {{"store_path", first.store_path().string()}}});
  ASSERT_NO_FATAL_FAILURE(ExpectRefused(second, {"plugin_opt_store_path", "lock"}));
  EXPECT_TRUE(client.Put("b/k", "2").ok());
  ASSERT_TRUE(first.KillAndStart());
  ASSERT_TRUE(client.Connect());
  EXPECT_EQ(client.Get("b/k").value, "2");

  ASSERT_EQ(first.process().Stop(), 0);
  const auto after = second.Start();
  EXPECT_TRUE(after) << after.log;
}

TEST(DeclarationTest, ThatCannotBeFollowedStopsTheBroker) {
  KvBroker broker({.plugin = {{"bucket_b", "history=5"}}});
  ASSERT_TRUE(broker.Start());
  KvClient client(broker.port());
  ASSERT_TRUE(client.Connect());
  ASSERT_TRUE(client.Put("b/1", "v").ok());
  ASSERT_TRUE(client.Put("b/2", "v").ok());
  broker.process().Stop();
  for (const char* config : {"storage=memory", "retained=false", "max_keys=1"}) {
    broker.options().plugin = {{"bucket_b", config}};
    const auto started = broker.Start();
    ASSERT_FALSE(started) << config;
    const int status = broker.process().WaitExit();
    EXPECT_TRUE(status > 0 && status < kFirstSignalStatus) << status;
    EXPECT_EQ(LinesOf(broker.process().Log(), "kv: plugin_opt_bucket_b").size(), 1U)
        << broker.process().Log();
  }
  broker.options().plugin = {};
  ASSERT_TRUE(broker.Start());
  ASSERT_TRUE(client.Connect());
  EXPECT_EQ(client.Keys("b").size(), 2U);
  EXPECT_EQ(client.Info("b").at("history"), 5);
}

}  // namespace
}  // namespace kv::testing
