// Where the broker keeps its retained messages, by its command line.
#include "plugin/broker_configuration.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "tests/store/temp_directory.h"

namespace kv::plugin::testing {
namespace {

using store::testing::TempDirectory;

class BrokerConfigurationTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& lines) {
    const std::filesystem::path path = std::filesystem::path(directory_.path()) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << lines;
    return path.string();
  }
  std::optional<std::string> Find(const std::string& lines) {
    return FindBrokerSnapshot({"mosquitto", "-v", "-c", Write("mosquitto.conf", lines)});
  }

  TempDirectory directory_;
};

TEST_F(BrokerConfigurationTest, NamesTheFileOnlyWherePersistenceIsOn) {
  EXPECT_EQ(Find("persistence true\npersistence_location /var/lib/mosquitto/\n"),
            "/var/lib/mosquitto/mosquitto.db");
  EXPECT_EQ(Find("  persistence  true \r\n persistence_location /a b\r\npersistence_file x.db\r\n"),
            "/a b/x.db");
  EXPECT_EQ(Find("persistence true\n"), "mosquitto.db") << "in the broker's working directory";
  EXPECT_EQ(Find("persistence_location /var/lib/mosquitto/\n"), std::nullopt);
  EXPECT_EQ(Find("persistence false\npersistence_location /x\n"), std::nullopt);
  EXPECT_EQ(Find("#persistence true\n"), std::nullopt);
  EXPECT_EQ(Find("persistence\ttrue\n"), std::nullopt) << "nor does the broker take it";
  EXPECT_EQ(Find("persistence_file x.db\n\n\npersistence"), std::nullopt);
}

TEST_F(BrokerConfigurationTest, ReadsWhatIsIncluded) {
  Write("conf.d/b.conf", "persistence_file b.db\n");
  Write("conf.d/a.conf", "persistence_file a.db\npersistence true\n");
  Write("conf.d/c.not", "persistence false\n");
  const std::string directory = std::string(directory_.path()) + "/conf.d";
  EXPECT_EQ(Find("persistence_location /x/\ninclude_dir " + directory + "\n"), "/x/b.db");
  EXPECT_EQ(Find("persistence true\ninclude_dir /nowhere/at/all\n"), "mosquitto.db");
}

TEST_F(BrokerConfigurationTest, OfABrokerWithoutAFileIsNothing) {
  EXPECT_EQ(FindBrokerSnapshot({}), std::nullopt);
  EXPECT_EQ(FindBrokerSnapshot({"mosquitto"}), std::nullopt);
  EXPECT_EQ(FindBrokerSnapshot({"mosquitto", "-c"}), std::nullopt);
  EXPECT_EQ(FindBrokerSnapshot({"mosquitto", "-c", "/nowhere/at/all"}), std::nullopt);
}

TEST_F(BrokerConfigurationTest, ReadsTheCommandLineOfThisProcess) {
  ASSERT_FALSE(CommandLine().empty());
  EXPECT_EQ(std::filesystem::path(CommandLine().front()).filename().string().find("options"), 0U)
      << CommandLine().front();
}

}  // namespace
}  // namespace kv::plugin::testing
