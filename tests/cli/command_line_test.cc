// What all verbs share: options, defaults, exit codes, errors.
#include <string>

#include <gtest/gtest.h>

#include "tests/cli/cli_fixture.h"

namespace kv::testing {
namespace {

class CliCommandLine : public CliTest {
 protected:
  std::string Port() { return std::to_string(broker().port()); }
};

TEST_F(CliCommandLine, OptionsStandBeforeOrBehindTheVerb) {
  client().Put("config/lamp", "on");
  EXPECT_EQ(OutputOf(Tool() + "-h 127.0.0.1 -p " + Port() + " get config lamp"), "on");
  EXPECT_EQ(OutputOf(Tool() + "get config lamp --host 127.0.0.1 --port " + Port()), "on");
  EXPECT_EQ(OutputOf(Tool() + "get -V 5 -k 10 config -i me -p " + Port() + " lamp"), "on");
}

TEST_F(CliCommandLine, AUrlIsAllInOne) {
  client().Put("config/lamp", "on");
  EXPECT_EQ(OutputOf(Tool() + "get config lamp -L mqtt://127.0.0.1:" + Port()), "on");
  EXPECT_EQ(OutputOf(Tool() + "get config lamp -L http://127.0.0.1 2>&1", 1),
            "mosquitto_kv: --url: accepted is mqtt://[user[:password]@]host[:port] or mqtts://…\n");
}

TEST_F(CliCommandLine, TheClientIdIsWhatTheBrokerSees) {
  Run("put config lamp on -i somebody");
  EXPECT_TRUE(broker().process().WaitForLog(" as somebody "));
  Run("put config lamp on -I some-prefix-");
  EXPECT_TRUE(broker().process().WaitForLog(" as some-prefix-"));
}

TEST_F(CliCommandLine, DefaultsComeFromTheHome) {
  client().Put("config/lamp", "on");
  Write(".config/mosquitto_kv", "# the test's broker\n\n-h 127.0.0.1\n  --port   " + Port() + "\n");
  EXPECT_EQ(OutputOf(Tool() + "get config lamp"), "on");
  EXPECT_EQ(OutputOf(Tool() + "get config lamp -h 127.0.0.1 -p " + Port()), "on")
      << "the command line goes before";
  EXPECT_EQ(OutputOf(Tool() + "get config lamp -p 1 2>/dev/null", 2), "");
}

TEST_F(CliCommandLine, DefaultsComeFromXdgConfigHomeIfThatIsSet) {
  client().Put("config/lamp", "on");
  Write(".config/mosquitto_kv", "-p 1\n");
  Write("xdg/mosquitto_kv", "-p " + Port() + "\n--json\n");
  EXPECT_EQ(OutputOf("XDG_CONFIG_HOME=" + path("xdg") + " HOME=" + directory().string() + " " +
                     KV_CLI " ls config"),
            "\"lamp\"\n");
}

TEST_F(CliCommandLine, TheCommandLineGoesBeforeAUrlAndAnIdPrefixOfTheDefaults) {
  client().Put("config/lamp", "on");
  const std::string get = Tool() + "get config lamp ";
  Write(".config/mosquitto_kv", "-L mqtt://me:secret@127.0.0.1:1\n-I of-the-file-\n");
  EXPECT_EQ(OutputOf(get + "-p " + Port()), "on") << "the host is the URL's";
  EXPECT_TRUE(broker().process().WaitForLog(" as of-the-file-"));
  EXPECT_TRUE(broker().process().WaitForLog(", u'me')"));
  EXPECT_EQ(OutputOf(get + "-i somebody -u you -p " + Port()), "on");
  EXPECT_TRUE(broker().process().WaitForLog(" as somebody "));
  EXPECT_TRUE(broker().process().WaitForLog(", u'you')"));
  EXPECT_EQ(OutputOf(get + "-i anybody -L mqtt://127.0.0.1:" + Port()), "on");
  EXPECT_TRUE(broker().process().WaitForLog(" as anybody (p5, c1, k60)."))
      << "the user is of the URL that does not count";
  Write(".config/mosquitto_kv", "-L mqtt://nowhere.invalid:" + Port() + "\n");
  EXPECT_EQ(OutputOf(get + "-h 127.0.0.1"), "on") << "the port is the URL's";
  Write(".config/mosquitto_kv", "-h nowhere.invalid\n-p 1\n");
  EXPECT_EQ(OutputOf(get + "-L mqtt://127.0.0.1:" + Port()), "on");
  EXPECT_NE(OutputOf(get + "-L mqtt://nowhere.invalid 2>&1", 2).find("nowhere.invalid:1883"),
            std::string::npos)
      << "a URL without a port names the usual one";
}

TEST_F(CliCommandLine, ADefaultThatIsNoneIsNamed) {
  const auto error_of = [&](const std::string& content) {
    Write(".config/mosquitto_kv", content);
    return OutputOf(Tool() + "ls 2>&1", 1);
  };
  const std::string file = "mosquitto_kv: " + path(".config/mosquitto_kv");
  EXPECT_EQ(error_of("-h a\nfoo\n"),
            file + ":2: accepted is one option a line, such as: -h broker.example\n");
  EXPECT_EQ(error_of("-x 1\n"), file + ":1: -x: there is no such option that all verbs have\n");
  EXPECT_EQ(error_of("-h\n"), file + ":1: -h: the option needs a value\n");
  EXPECT_EQ(error_of("--json yes\n"), file + ":1: --json: the option takes no value\n");
}

TEST_F(CliCommandLine, WhatIsMissingOrUnknownIsNamed) {
  EXPECT_EQ(Error("", 1).find("mosquitto_kv: a verb is missing: accepted is one of put, create, "),
            0U);
  EXPECT_EQ(Error("frob", 1).find("mosquitto_kv: there is no verb frob: accepted is one of put, "),
            0U);
  EXPECT_EQ(Error("bucket frob", 1),
            "mosquitto_kv: there is no verb frob: accepted is one of add, edit, rm, ls, info, "
            "purge-deletes; see mosquitto_kv --help\n");
  EXPECT_EQ(Error("get config", 1), "mosquitto_kv: KEY is required; see mosquitto_kv --help\n");
  EXPECT_NE(Error("get config lamp --frob", 1).find("--frob"), std::string::npos);
  EXPECT_NE(Error("ls -p 70000", 1).find("--port"), std::string::npos);
}

TEST_F(CliCommandLine, OtherVersionsOfMqttAreExplained) {
  Run("put config lamp on -V mqttv5");
  for (const char* version : {"31", "mqttv31", "311", "mqttv311"}) {
    EXPECT_EQ(Error(std::string("put config lamp on -V ") + version, 1),
              "mosquitto_kv: --protocol-version: accepted is 5 or mqttv5: replies and revisions "
              "need MQTT 5; see mosquitto_kv --help\n");
  }
}

TEST_F(CliCommandLine, WithoutABrokerTheExitCodeIsTwo) {
  const std::string error = OutputOf(Tool() + "-p 1 ls 2>&1", 2);
  EXPECT_EQ(error.find("mosquitto_kv: "), 0U) << error;
  const std::string json = OutputOf(Tool() + "-p 1 ls --json 2>&1", 2);
  EXPECT_EQ(nlohmann::json::parse(json)["error"], "disconnected");
  EXPECT_EQ(OutputOf(Tool() + "-p 1 ls --quiet 2>&1", 2), "");
}

TEST_F(CliCommandLine, WithoutThePluginTheReplyDoesNotCome) {
  BrokerProcess bare;
  ASSERT_TRUE(bare.Start());
  const std::string error =
      OutputOf(Tool() + "-p " + std::to_string(bare.port()) + " ls -W 0.5 2>&1", 2);
  EXPECT_EQ(error.find("mosquitto_kv: no "), 0U) << error;
}

TEST_F(CliCommandLine, UsersAndRightsAreTheBrokers) {
  Write("acl", "user reader\ntopic read kv/#\ntopic write $KV/config/get/#\n");
  Write("passwords", "");
  OutputOf("mosquitto_passwd -b " + path("passwords") + " reader secret 2>/dev/null");
  ASSERT_NO_FATAL_FAILURE(StartBroker());
  client().Put("config/lamp", "on");
  KvBroker guarded({.configuration = "allow_anonymous false\npassword_file " + path("passwords") +
                                     "\nacl_file " + path("acl") + "\n"});
  OutputOf("chmod -R a+rX " + directory().string());
  const auto started = guarded.Start();
  ASSERT_TRUE(started) << started.log;
  const std::string tool = Tool() + "-p " + std::to_string(guarded.port()) + " ";
  const std::string user = "-u reader -P secret ";
  OutputOf(tool + user + "get config lamp 2>/dev/null", 3);
  const std::string refused = OutputOf(tool + user + "put config lamp on 2>&1", 5);
  EXPECT_NE(refused.find("does not allow"), std::string::npos) << refused;
  OutputOf(tool + "-u reader -P wrong get config lamp 2>/dev/null", 5);
  EXPECT_EQ(OutputOf(tool + "-P secret get config lamp 2>&1", 1),
            "mosquitto_kv: --pw: a password needs a --username\n");
}

TEST_F(CliCommandLine, TlsTakesTheOptionsOfMosquittoPub) {
  OutputOf(
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "
      "/CN=localhost -addext subjectAltName=DNS:localhost -keyout " +
      path("key.pem") + " -out " + path("cert.pem") + " 2>&1; chmod a+r " + path("*.pem") +
      "; chmod a+x " + directory().string());
  const ReservedPort port;
  ASSERT_NO_FATAL_FAILURE(StartBroker(
      {.more_configuration = "listener " + std::to_string(port.number()) + " 127.0.0.1\ncertfile " +
                             path("cert.pem") + "\nkeyfile " + path("key.pem") + "\n"}));
  const std::string number = std::to_string(port.number());
  const std::string tool = Tool() + "-p " + number + " ";
  OutputOf(tool + "put config lamp on --cafile " + path("cert.pem"));
  EXPECT_EQ(OutputOf(Tool() + "get config lamp --insecure -L mqtts://localhost:" + number), "on");
  OutputOf(Tool() + "get config lamp -L mqtts://localhost:" + number + " 2>/dev/null", 2);
  EXPECT_EQ(OutputOf(tool + "get config lamp --cert " + path("cert.pem") + " 2>&1", 1),
            "mosquitto_kv: --cert and --key: accepted are both or none\n");
  EXPECT_EQ(OutputOf(tool + "bench --cafile " + path("cert.pem") + " 2>&1", 5),
            "mosquitto_kv: bench: accepted is a broker without TLS\n");
}

TEST_F(CliCommandLine, HelpAndVersion) {
  EXPECT_EQ(OutputOf(Tool() + "--version").find("mosquitto_kv "), 0U);
  EXPECT_NE(OutputOf(Tool() + "--help").find("Exit codes:"), std::string::npos);
  EXPECT_NE(OutputOf(Tool() + "put --help").find("--ephemeral"), std::string::npos);
  EXPECT_NE(OutputOf(Tool() + "bucket add --help").find("--marker-ttl"), std::string::npos);
}

}  // namespace
}  // namespace kv::testing
