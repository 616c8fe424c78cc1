// The completion scripts, run by the shells that they are for.
#include <string>

#include <gtest/gtest.h>

#include "tests/cli/cli_fixture.h"

namespace kv::testing {
namespace {

const std::string kScripts = KV_SOURCE_DIRECTORY "/cli/completions/";

class CliCompletion : public CliTest {
 protected:
  // What bash would offer after this line; `line` ends with the word that is being typed.
  std::string Offered(const std::string& line) {
    Write("complete.bash",
          "mosquitto_kv() { :; }\nsource " + kScripts +
              "mosquitto_kv\n"
              "IFS=' ' read -ra COMP_WORDS <<< \"$1\"\n"
              "[[ $1 == *' ' ]] && COMP_WORDS+=('')\n"
              "COMP_WORDS[0]=" KV_CLI
              "\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_mosquitto_kv\n"
              "printf '%s ' \"${COMPREPLY[@]}\"\n");
    return OutputOf("HOME=" + directory().string() + " XDG_CONFIG_HOME= bash " +
                    path("complete.bash") + " 'mosquitto_kv " + line + "'");
  }
  std::string Broker() { return "-p " + std::to_string(broker().port()) + " "; }
};

TEST_F(CliCompletion, OfVerbs) {
  EXPECT_EQ(Offered("pu"), "put purge ");
  EXPECT_EQ(Offered("-h somewhere e"), "export ");
  EXPECT_EQ(Offered("bucket "), "add edit rm ls info purge-deletes ");
  EXPECT_EQ(Offered("nonsense"), " ");
}

TEST_F(CliCompletion, OfOptions) {
  EXPECT_EQ(Offered("put --exp"), "--expect ");
  EXPECT_EQ(Offered("bucket add --marker"), "--marker-ttl ");
  EXPECT_EQ(Offered("--caf"), "--cafile ");
  EXPECT_EQ(Offered("get --caf"), "--cafile ");
  EXPECT_EQ(Offered("--cafile "), " ") << "a file: the shell knows better";
}

TEST_F(CliCompletion, OfBucketsAndKeysFromTheBrokerOfTheLine) {
  client().Put("config/lamp/1", "on");
  client().Put("config/lamp/2", "on");
  client().Put("config/door", "shut");
  client().Put("cellar/x", "1");
  EXPECT_EQ(Offered(Broker() + "get "), "cellar config ");
  EXPECT_EQ(Offered(Broker() + "get co"), "config ");
  EXPECT_EQ(Offered(Broker() + "get config "), "door lamp/1 lamp/2 ");
  EXPECT_EQ(Offered(Broker() + "get config lamp/"), "lamp/1 lamp/2 ");
  EXPECT_EQ(Offered(Broker() + "bucket rm ce"), "cellar ");
  EXPECT_EQ(Offered("-p 1 get "), " ") << "nobody answers";
}

TEST_F(CliCompletion, TheScriptsAreInOrder) {
  EXPECT_EQ(OutputOf("bash -n " + kScripts + "mosquitto_kv 2>&1"), "");
  EXPECT_EQ(OutputOf("zsh -n " + kScripts + "_mosquitto_kv 2>&1"), "");
}

TEST_F(CliCompletion, OfZshOffersTheSame) {
  Write("complete.zsh",
        "_describe() { print -l -- ${(P)2} }\n_files() { print files }\n"
        "words=(" KV_CLI " \"$@\")\nCURRENT=$#words\nsource " +
            kScripts + "_mosquitto_kv\n");
  const std::string zsh =
      "HOME=" + directory().string() + " XDG_CONFIG_HOME= zsh -f " + path("complete.zsh");
  const std::string verbs = OutputOf(zsh + " ''");
  EXPECT_EQ(verbs.find("put:Write a value and print its revision\n"), 0U) << verbs;
  EXPECT_EQ(OutputOf(zsh + " --cafile ''"), "files\n");
}

}  // namespace
}  // namespace kv::testing
