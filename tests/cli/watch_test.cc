// watch.
#include <string>

#include <gtest/gtest.h>

#include "tests/cli/cli_fixture.h"

namespace kv::testing {
namespace {

class CliWatch : public CliTest {
 protected:
  // What a command has written into the file `out` so far.
  bool HasPrinted(const std::string& text) {
    // Each look is a round trip.
    return Eventually(
        [&] { return client().Ping() && Read("out").find(text) != std::string::npos; });
  }
};

TEST_F(CliWatch, PrintsTheValuesAsTheyAreAndThenEveryChange) {
  client().Put("config/lamp/1", "on");
  client().Put("config/door", "shut");
  Command watch(ToBroker() + "watch config 'lamp/+' -C 3 > " + path("out") + " 2>&1");
  ASSERT_TRUE(HasPrinted("on\n"));
  client().Put("config/lamp/2", "dim");
  client().Put("config/door", "open");
  client().Purge("config/lamp/1");
  EXPECT_EQ(watch.Finish(), 0);
  EXPECT_EQ(WithoutTimes(Read("out")),
            "lamp/1\t1\tPUT\tTIME\ton\nlamp/2\t3\tPUT\tTIME\tdim\nlamp/1\t5\tPURGE\tTIME\t\n");
}

TEST_F(CliWatch, SurvivesARestartOfTheBroker) {
  client().Put("config/lamp", "1");
  Command watch(ToBroker() + "watch config -C 3 > " + path("out") + " 2>&1");
  ASSERT_TRUE(HasPrinted("1\n"));
  const auto started = broker().KillAndStart();
  ASSERT_TRUE(started) << started.log;
  Reconnect();
  client().Put("config/lamp", "2");
  client().Put("config/lamp", "3");
  EXPECT_EQ(watch.Finish(), 0);
  const std::string out = WithoutTimes(Read("out"));
  EXPECT_NE(out.find("\t2\n"), std::string::npos) << out;
  EXPECT_NE(out.find("\t3\n"), std::string::npos) << out;
}

TEST_F(CliWatch, IsInterruptedWithoutAFailure) {
  client().Put("config/lamp", "1");
  Command watch("env " + ToBroker() + "watch config > " + path("out") + " & echo $! > " +
                path("pid") + "; wait $!");
  ASSERT_TRUE(HasPrinted("1\n"));
  // Not SIGINT, which a shell lets its background commands ignore.
  OutputOf("kill -TERM $(cat " + path("pid") + ")");
  EXPECT_EQ(watch.Finish(), 0);
}

TEST_F(CliWatch, EndsWithTheInitialValuesOrAfterATime) {
  client().Put("config/lamp", "1");
  client().Put("config/lamp", "2");
  client().Delete("config/door");
  EXPECT_EQ(WithoutTimes(Run("watch config --once")), "lamp\t2\tPUT\tTIME\t2\n");
  EXPECT_EQ(WithoutTimes(Run("watch config --once --from-revision 1")),
            "lamp\t1\tPUT\tTIME\t1\nlamp\t2\tPUT\tTIME\t2\n");
  EXPECT_EQ(Json("watch config --once")["value"], "2");
  EXPECT_EQ(WithoutTimes(Run("watch config --once --meta-only")), "lamp\t2\tPUT\tTIME\t\n");
  EXPECT_EQ(Run("watch config --updates-only -W 0.2"), "");
  EXPECT_EQ(Error("watch config --updates-only -W 0.2 -C 1", 2),
            "mosquitto_kv: fewer changes came in time\n");
}

TEST_F(CliWatch, ValuesThatDoNotAllComeInTimeAreAFailure) {
  client().Put("config/lamp", "1");
  EXPECT_EQ(Error("watch config --once -W 0.001", 2),
            "mosquitto_kv: not all values came in time\n");
}

// The pipe is full at once, and nobody reads it until the time is over: what is there to be printed
// never ends before.
TEST_F(CliWatch, EndsInTimeAlsoWhenThereIsAlwaysMore) {
  constexpr int change_count = 200;
  for (int i = 0; i < change_count; ++i) {
    client().Put("big/" + std::to_string(i), std::string(1000, 'v'));
  }
  const std::string clock = ToBroker() + "watch none -W 1";
  const std::string lines =
      OutputOf(ToBroker() + "watch big -W 0.5 | { " + clock + "; cat; } | wc -l");
  EXPECT_GT(std::stoi(lines), 0);
  EXPECT_LT(std::stoi(lines), change_count);
}

TEST_F(CliWatch, OutputThatCannotBeWrittenIsAFailure) {
  client().Put("config/lamp", "1");
  for (const char* options : {"", " --once", " --json"}) {
    EXPECT_EQ(
        OutputOf(ToBroker() + "watch config" + options + " 2>" + path("err") + " >/dev/full", 1),
        "");
    EXPECT_NE(Read("err").find("the output cannot be written"), std::string::npos) << options;
  }
}

TEST_F(CliWatch, MarkersCanBeLeftOut) {
  client().Put("config/lamp", "1");
  client().Delete("config/lamp");
  client().Put("config/door", "shut");
  EXPECT_EQ(WithoutTimes(Run("watch config --once --ignore-deletes")),
            "door\t3\tPUT\tTIME\tshut\n");
}

}  // namespace
}  // namespace kv::testing
