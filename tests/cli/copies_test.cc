// export and import.
#include <fcntl.h>
#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): POSIX adds terminals to it
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <string>

#include <gtest/gtest.h>

#include "tests/cli/cli_fixture.h"

namespace kv::testing {
namespace {

class CliCopies : public CliTest {
 protected:
  // The bucket's newest values, without what a copy has of its own: revisions and times.
  std::string ValuesOf(const std::string& bucket, const std::string& options = "") {
    static const std::regex kOwn(
        R"re("(last_)?revision":\d+,|"time":"[^"]*",?|"bucket":"[^"]*",)re");
    return std::regex_replace(Run("export " + bucket + " " + options), kOwn, "");
  }
  void Fill() {
    Run("bucket add config --history 3 --description original");
    client().Put("config/lamp", "on", Properties().User("room", "hall").ContentType("text/plain"));
    client().Put("config/lamp", "off");
    client().Put("config/bytes", std::string("\0\xFF\n", 3));
    client().Put("config/empty", "");
    client().Put("config/gone", "1");
    client().Delete("config/gone");
  }
  static std::string Lines(int count) {
    std::string lines;
    for (int i = 0; i < count; ++i) {
      lines += R"({"key":"k)" + std::to_string(i) + R"(","value":"v)" + std::to_string(i) + "\"}\n";
    }
    return lines;
  }
};

TEST_F(CliCopies, ExportIsTheConfigurationAndTheNewestValues) {
  Fill();
  EXPECT_EQ(WithoutTimes(Run("export config")),
            R"({"mosquitto_kv_export":1,"bucket":"config","history":false,"last_revision":6,)"
            R"("filter":"","config":{"history":3,"ttl":null,"max_value_size":null,)"
            R"("max_bytes":null,"max_keys":null,"retained":true,"storage":"file",)"
            R"("marker_ttl":null,"audit":false,"capture":null,"description":"original",)"
            R"("metadata":{}}})"
            "\n"
            R"({"key":"lamp","op":"PUT","revision":2,"time":"TIME","value":"off"})"
            "\n"
            R"({"key":"bytes","op":"PUT","revision":3,"time":"TIME","value_base64":"AP8K"})"
            "\n"
            R"({"key":"empty","op":"PUT","revision":4,"time":"TIME","value":""})"
            "\n");
  const std::string some = Run("export config 'l+/#' 2>&1", 1);
  EXPECT_NE(some.find("mosquitto_kv: "), std::string::npos) << some;
  EXPECT_NE(Run("export config lamp").find("\"filter\":\"lamp\""), std::string::npos);
  EXPECT_EQ(Error("export none", 3), "mosquitto_kv: there is no bucket none\n");
}

TEST_F(CliCopies, ImportMakesTheSameBucket) {
  Fill();
  Run("export config -o " + path("config.jsonl"));
  EXPECT_EQ(Run("import copy " + path("config.jsonl")), "3 written, 0 skipped\n");
  EXPECT_EQ(ValuesOf("copy"), ValuesOf("config"));
  EXPECT_FALSE(std::filesystem::exists(path("config.jsonl.state")));
  OutputOf(ToBroker() + "export config | " + ToBroker() + "import piped");
  EXPECT_EQ(ValuesOf("piped"), ValuesOf("config"));
}

TEST_F(CliCopies, AHistoryIsCopiedWithItsMarkers) {
  Fill();
  Run("export config --history -o " + path("config.jsonl"));
  EXPECT_EQ(Json("import copy " + path("config.jsonl")),
            nlohmann::json({{"bucket", "copy"}, {"written", 6}, {"skipped", 0}}));
  EXPECT_EQ(ValuesOf("copy", "--history"), ValuesOf("config", "--history"));
}

TEST_F(CliCopies, AnImportThatFailedGoesOnWhereItWas) {
  Run("bucket add small --max-keys 150");
  Write("lines.jsonl", Lines(300));
  const std::string import = "import small " + path("lines.jsonl") + " --window 10";
  const std::string error = Error(import, 5);
  EXPECT_EQ(error.find("mosquitto_kv: line 151: "), 0U) << error;
  EXPECT_EQ(nlohmann::json::parse(Read("lines.jsonl.state"))["lines"], 150);
  Run("bucket edit small --unset max-keys");
  EXPECT_EQ(Run(import + " --resume"), "150 written, 0 skipped\n");
  EXPECT_EQ(client().Keys("small").size(), 300U);
  EXPECT_FALSE(std::filesystem::exists(path("lines.jsonl.state")));
}

TEST_F(CliCopies, AnImportThatWasKilledEndsAsIfItHadNotBeen) {
  constexpr int count = 4000;
  Write("lines.jsonl", Lines(count));
  Run("bucket add big");
  Command killed("exec env " + ToBroker() + "import big " + path("lines.jsonl") +
                 " > /dev/null 2>&1 & echo $! > " + path("pid") + "; wait $!");
  ASSERT_TRUE(Eventually([&] { return client().Info("big")["keys"] > 100; }));
  OutputOf("kill -KILL $(cat " + path("pid") + ") 2>/dev/null; true");
  killed.Finish();
  Run("import big " + path("lines.jsonl") + " --resume");
  EXPECT_EQ(client().Keys("big").size(), std::size_t{count});
  EXPECT_EQ(client().Info("big")["last_revision"], count) << "nothing was written twice";
}

TEST_F(CliCopies, WhatIsThereIsNotWrittenAgain) {
  Fill();
  Run("export config -o " + path("config.jsonl"));
  Run("import copy " + path("config.jsonl"));
  client().Put("copy/lamp", "changed");
  const std::string resume = "import copy --resume ";
  EXPECT_EQ(Run(resume + path("config.jsonl")), "1 written, 2 skipped\n");
  EXPECT_EQ(Run(resume + "< " + path("config.jsonl")), "0 written, 3 skipped\n");
  Run("export config --history -o " + path("history.jsonl"));
  EXPECT_NE(Error(resume + path("history.jsonl"), 1).find("there is nothing to compare"),
            std::string::npos);
}

TEST_F(CliCopies, TheSameKeyTwiceEndsAsTheLastLineSays) {
  Write("twice.jsonl", "{\"key\":\"k\",\"value\":\"old\"}\n{\"key\":\"k\",\"value\":\"new\"}\n");
  Run("import config " + path("twice.jsonl"));
  EXPECT_EQ(client().Get("config/k").value, "new");
  Run("import config --resume < " + path("twice.jsonl"));
  EXPECT_EQ(client().Get("config/k").value, "new");
}

TEST_F(CliCopies, ALineThatIsNoneIsNamed) {
  Write("bad.jsonl", "{\"key\":\"a\",\"value\":\"1\"}\n\n{\"key\":\"b\"}\n");
  EXPECT_EQ(Error("import config " + path("bad.jsonl"), 1),
            "mosquitto_kv: line 3: value: accepted is one of value and value_base64\n");
  EXPECT_EQ(client().Get("config/a").value, "1");
  Write("key.jsonl", "{\"key\":\"a//b\",\"value\":\"1\"}\n");
  EXPECT_EQ(Error("import config " + path("key.jsonl"), 1).find("mosquitto_kv: line 1: a key is"),
            0U);
  Write("later.jsonl", "{\"mosquitto_kv_export\":2}\n");
  EXPECT_EQ(Error("import config " + path("later.jsonl"), 1),
            "mosquitto_kv: line 1: accepted is the header of an export of version 1\n");
  EXPECT_EQ(Error("import config " + path("none.jsonl"), 1),
            "mosquitto_kv: " + path("none.jsonl") + ": No such file or directory\n");
}

TEST_F(CliCopies, AnInputThatCannotBeReadIsNotItsEnd) {
  EXPECT_EQ(Error("import config < " + directory().string(), 1),
            "mosquitto_kv: -: Is a directory\n");
  // What reads from a terminal that is gone gets what was written to it, and then an error.
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
  ASSERT_GE(terminal, 0);
  ASSERT_EQ(::grantpt(terminal), 0);
  ASSERT_EQ(::unlockpt(terminal), 0);
  std::ofstream(::ptsname(terminal)) << Lines(3) << std::flush;  // NOLINT(concurrency-mt-unsafe)
  constexpr int input = 9;                                       // a shell knows one digit
  ASSERT_EQ(::dup2(terminal, input), input);
  EXPECT_EQ(Error("import config <&9", 1), "mosquitto_kv: -: Input/output error\n");
  EXPECT_EQ(client().Get("config/k2").value, "v2");
  ::close(input);
  ::close(terminal);
}

TEST_F(CliCopies, WhatIsNoExportStaysAsItIs) {
  Fill();
  for (const char* content : {"precious", "precious\n", "{\"mosquitto\"", "{}"}) {
    Write("notes", content);
    EXPECT_EQ(Error("export config --resume -o " + path("notes"), 1),
              "mosquitto_kv: " + path("notes") + ": this is not an export, and stays as it is\n");
    EXPECT_EQ(Read("notes"), content);
  }
}

TEST_F(CliCopies, AnExportGoesOnWhereItWasCutOff) {
  Fill();
  const std::string file = path("config.jsonl");
  Run("export config -o " + file);
  const std::string whole = Read("config.jsonl");
  const std::size_t lines_end = whole.rfind('\n', whole.size() - 2) + 1;
  for (const std::size_t cut : {lines_end + 5, lines_end, whole.find('\n') + 1, std::size_t{20}}) {
    std::filesystem::resize_file(file, cut);
    Run("export config --resume -o " + file);
    EXPECT_EQ(Read("config.jsonl"), whole) << cut;
  }
  client().Delete("config/lamp");
  Run("export config --resume -o " + file);
  EXPECT_NE(Read("config.jsonl").find("\"op\":\"DEL\""), std::string::npos)
      << "what a later change undoes";
  EXPECT_NE(Error("export config --history --resume -o " + file, 1).find("something else"),
            std::string::npos);
  EXPECT_NE(Error("export config --resume", 1).find("-o FILE"), std::string::npos);
}

}  // namespace
}  // namespace kv::testing
