// bucket …, info, checkpoint.
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "tests/cli/cli_fixture.h"

namespace kv::testing {
namespace {

class CliBucket : public CliTest {};

TEST_F(CliBucket, AddTakesEveryField) {
  const auto info = Json(
      "bucket add home --history 3 --ttl 24h --max-value-size 4KiB --max-bytes 1MiB --max-keys 10 "
      "--no-retained --storage memory --marker-ttl 1h --audit --capture 'zigbee/#' "
      "--description 'my home' --metadata room=hall --metadata floor=1");
  EXPECT_EQ(info["bucket"], "home");
  EXPECT_EQ(info["history"], 3);
  EXPECT_EQ(info["ttl"], "1d");
  EXPECT_EQ(info["max_value_size"], "4KiB");
  EXPECT_EQ(info["max_bytes"], "1MiB");
  EXPECT_EQ(info["max_keys"], 10);
  EXPECT_EQ(info["retained"], false);
  EXPECT_EQ(info["storage"], "memory");
  EXPECT_EQ(info["marker_ttl"], "1h");
  EXPECT_EQ(info["audit"], true);
  EXPECT_EQ(info["capture"], "zigbee/#");
  EXPECT_EQ(info["description"], "my home");
  EXPECT_EQ(info["metadata"], nlohmann::json({{"room", "hall"}, {"floor", "1"}}));
  EXPECT_EQ(Json("info home"), info);
  EXPECT_EQ(Json("bucket info home"), info);
}

TEST_F(CliBucket, AddOfOneThatIsThere) {
  Run("bucket add home --history 3");
  Run("bucket add home --history 3");
  EXPECT_EQ(Error("bucket add home --history 4", 4),
            "mosquitto_kv: the bucket exists with another configuration\n");
  EXPECT_EQ(Run("bucket add home --history 65 2>&1", 1).find("mosquitto_kv: bucket field history"),
            0U);
}

TEST_F(CliBucket, EditChangesWhatIsGiven) {
  Run("bucket add home --history 3 --ttl 24h --audit");
  const auto info = Json("bucket edit home --unset ttl --no-audit --description x");
  EXPECT_EQ(info["history"], 3);
  EXPECT_EQ(info["ttl"], nullptr);
  EXPECT_EQ(info["audit"], false);
  EXPECT_EQ(info["description"], "x");
  EXPECT_EQ(Error("bucket edit home --unset ttl --ttl 1h", 1),
            "mosquitto_kv: --unset ttl: it is set as well\n");
  EXPECT_EQ(Error("bucket edit none --history 2", 3), "mosquitto_kv: there is no bucket none\n");
}

TEST_F(CliBucket, EditTakesAnEmptyText) {
  Run("bucket add home --description x --capture 'zigbee/#'");
  EXPECT_EQ(Json("bucket edit home --description ''")["description"], "");
  EXPECT_EQ(Error("bucket edit home --capture ''", 1).find("mosquitto_kv: bucket field capture"),
            0U);
  EXPECT_EQ(Json("info home")["capture"], "zigbee/#");
}

TEST_F(CliBucket, InfoAndListAreTables) {
  client().Put("config/lamp", "on");
  const std::string info = Run("info config");
  EXPECT_NE(info.find("bucket\tconfig\n"), std::string::npos) << info;
  EXPECT_NE(info.find("keys\t1\n"), std::string::npos) << info;
  EXPECT_NE(info.find("history\t5\n"), std::string::npos) << info;
  EXPECT_EQ(Run("bucket info config"), info);
  EXPECT_EQ(WithoutTimes(Run("bucket ls")), "config\t1\t1\t6\t1\t5\t-\tTIME\t\n");
  EXPECT_EQ(Error("info none", 3), "mosquitto_kv: there is no bucket none\n");
}

TEST_F(CliBucket, RemoveWantsToBeSure) {
  client().Put("config/lamp", "on");
  EXPECT_EQ(
      Run("bucket rm config < /dev/null 2>&1", 1),
      "mosquitto_kv: bucket rm: nobody is there to be asked; --force deletes without asking\n");
  EXPECT_EQ(Run("ls"), "config\n");
  EXPECT_EQ(Run("bucket rm config --force"), "");
  EXPECT_EQ(Run("ls"), "");
  EXPECT_EQ(Error("bucket rm config -f", 3), "mosquitto_kv: there is no bucket config\n");
}

TEST_F(CliBucket, RemoveAsksOnATerminal) {
  client().Put("config/lamp", "on");
  const std::string line = "bucket rm config";
  OutputOf("echo n | script -qec '" + ToBroker() + line + "' /dev/null > " + path("out"), 1);
  EXPECT_NE(Read("out").find("Delete bucket config with all its entries? [y/N]"),
            std::string::npos);
  EXPECT_EQ(Run("ls"), "config\n");
  OutputOf("echo y | script -qec '" + ToBroker() + line + "' /dev/null > " + path("out"));
  EXPECT_EQ(Run("ls"), "");
}

TEST_F(CliBucket, PurgeDeletesForgetsMarkers) {
  client().Put("config/a", "1");
  client().Delete("config/a");
  EXPECT_EQ(Run("bucket purge-deletes config"), "0\n") << "it is too young";
  EXPECT_EQ(Run("bucket purge-deletes config --older-than 0"), "1\n");
  EXPECT_EQ(Json("bucket purge-deletes config --older-than 0")["count"], 0);
}

TEST_F(CliBucket, CheckpointPrintsTheNameOfTheCopy) {
  EXPECT_EQ(Run("checkpoint 2>&1", 5).find("mosquitto_kv: "), 0U) << "there is no backup_path";
  std::filesystem::create_directory(path("backup"));
  ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"backup_path", path("backup")}}}));
  const std::string name = Json("checkpoint")["checkpoint"];
  EXPECT_TRUE(std::filesystem::is_directory(path("backup/" + name))) << name;
}

}  // namespace
}  // namespace kv::testing
