// get, keys, ls, history.
#include <string>

#include <gtest/gtest.h>

#include "tests/cli/cli_fixture.h"

namespace kv::testing {
namespace {

class CliRead : public CliTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(CliTest::SetUp());
    client().Put("config/lamp/1", "on");
    client().Put("config/lamp/1", "off", Properties().User("room", "hall"));
    client().Put("config/door", std::string("\0\xFF\t\n", 4));
    client().Put("config/gone", "1");
    client().Delete("config/gone");
  }
};

TEST_F(CliRead, GetPrintsTheValueAndNothingElse) {
  EXPECT_EQ(Run("get config lamp/1 2>&1"), "off");
  EXPECT_EQ(Run("get config door 2>&1"), std::string("\0\xFF\t\n", 4));
  EXPECT_EQ(Run("get config lamp/1 --revision 1"), "on");
}

TEST_F(CliRead, GetShowsMoreIfAsked) {
  EXPECT_EQ(WithoutTimes(Run("get config lamp/1 -v")),
            "key: lamp/1\nrevision: 2\noperation: PUT\ntime: TIME\nproperty: room=hall\n\noff");
  EXPECT_EQ(
      WithoutTimes(Run("get config lamp/1 --json")),
      R"({"key":"lamp/1","op":"PUT","revision":2,"time":"TIME","properties":[["room","hall"]],)"
      R"("value":"off"})"
      "\n");
  EXPECT_EQ(Json("get config door")["value_base64"], "AP8JCg==");
  EXPECT_EQ(Json("get config gone --revision 5")["op"], "DEL");
}

TEST_F(CliRead, GetOfWhatIsNotThere) {
  EXPECT_EQ(Error("get config gone", 3),
            "mosquitto_kv: the key has no value: its newest entry is a DEL\n");
  EXPECT_EQ(
      Error("get config gone --json", 3),
      R"({"error":"key-not-found","message":"the key has no value: its newest entry is a DEL",)"
      R"("revision":5})"
      "\n");
  EXPECT_EQ(Error("get config gone --revision 5", 3),
            "mosquitto_kv: revision 5 of gone is a DEL\n");
  EXPECT_EQ(Error("get nothing k", 3), "mosquitto_kv: there is no bucket nothing\n");
}

TEST_F(CliRead, KeysAreListedOneALine) {
  EXPECT_EQ(Run("keys config"), "door\nlamp/1\n");
  EXPECT_EQ(Run("keys config 'lamp/+'"), "lamp/1\n");
  EXPECT_EQ(Run("keys config --include-deleted"), "door\ngone\nlamp/1\n");
  EXPECT_EQ(Run("keys config --json"), "\"door\"\n\"lamp/1\"\n");
  EXPECT_EQ(Run("keys config 'l+' 2>&1", 1).find("mosquitto_kv: "), 0U);
  EXPECT_EQ(Run("ls config"), "door\nlamp/1\n");
}

TEST_F(CliRead, ManyKeysComeOnSeveralPages) {
  std::string expected;
  Write("many.jsonl", [&] {
    std::string lines;
    for (int i = 1000; i < 2200; ++i) {
      const std::string key = "k" + std::to_string(i);
      expected += key + "\n";
      lines += R"({"key":")" + key + "\",\"value\":\"v\"}\n";
    }
    return lines;
  }());
  Run("import many " + path("many.jsonl"));
  EXPECT_EQ(Run("keys many"), expected);
}

TEST_F(CliRead, BucketsAreListedByName) {
  client().Put("another/k", "v");
  EXPECT_EQ(Run("ls"), "another\nconfig\n");
  const std::string json = Run("ls --json");
  EXPECT_EQ(nlohmann::json::parse(json.substr(0, json.find('\n')))["bucket"], "another");
}

TEST_F(CliRead, HistoryHasAFieldForEverything) {
  EXPECT_EQ(WithoutTimes(Run("history config lamp/1")),
            "lamp/1\t1\tPUT\tTIME\ton\nlamp/1\t2\tPUT\tTIME\toff\n");
  EXPECT_EQ(WithoutTimes(Run("history config --from-revision 3")),
            "door\t3\tPUT\tTIME\t\\x00\\xff\\t\\n\ngone\t4\tPUT\tTIME\t1\ngone\t5\tDEL\tTIME\t\n");
  EXPECT_EQ(Json("history config --from-revision 5")["op"], "DEL");
  EXPECT_EQ(Error("history config never", 3), "mosquitto_kv: config has no entry of never\n");
}

TEST_F(CliRead, WhoReadsNoMoreHearsNothingAboutIt) {
  EXPECT_EQ(WithoutTimes(OutputOf("(" + ToBroker() + "history config) 2>&1 | head -n 1")),
            "lamp/1\t1\tPUT\tTIME\ton\n");
}

}  // namespace
}  // namespace kv::testing
