// A page that is not true is found out.
#include "tests/docs/page_runner.h"

#include <string>

#include <gtest/gtest.h>

namespace kv::testing {
namespace {

// The line of each problem, and what is wrong there.
std::string ProblemsOf(const std::string& page) {
  std::string problems;
  for (const Problem& problem : RunPage(page).problems) {
    problems += std::to_string(problem.line) + ": " + problem.what + "\n";
  }
  return problems;
}

TEST(PageRunner, RunsCommandsAgainstABrokerOfThePage) {
  const Report report = RunPage(
      "```console\n"
      "$ mosquitto_pub -q 1 -t kv/b/k -m v\n"
      "$ topic=kv/b/k\n"
      "$ mosquitto_sub -V 5 -t $topic -C 1 -F '%p %P'\n"
      "v kv-op:PUT kv-revision:1 kv-time:2026-11-22T21:14:12.331710183Z\n"
      "```\n"
      "<!-- not run: it installs -->\n"
      "```sh\napt-get install x\n```\n");
  EXPECT_TRUE(report.problems.empty()) << report.problems.front().what;
  EXPECT_EQ(report.commands, 3U);
  EXPECT_EQ(report.not_run, std::vector<std::string>{"it installs"});
}

TEST(PageRunner, FindsWhatIsNotAsShown) {
  EXPECT_EQ(ProblemsOf("```console\n$ echo one\ntwo\n```\n"),
            "2: echo one\nprints\none\nand not\ntwo\n\n");
  EXPECT_EQ(ProblemsOf("```console\n$ true\n$ echo more\n```\n"),
            "3: echo more\nprints\nmore\nand not\n\n");
  EXPECT_EQ(ProblemsOf("```console\n$ no-such-tool 2>/dev/null\n```\n"),
            "2: no-such-tool 2>/dev/null\nfails with exit code 127\n");
}

TEST(PageRunner, FindsABlockThatNobodyRuns) {
  const std::string accepted =
      ": accepted are console, conf, json, text and mermaid, and others marked as not run\n";
  EXPECT_EQ(ProblemsOf("```sh\nls\n```\n"), "1: a block of 'sh'" + accepted);
  EXPECT_EQ(ProblemsOf("```\nls\n```\n"), "1: a block of ''" + accepted);
  EXPECT_EQ(ProblemsOf("```text\n$ ls\n```\n"), "1: commands stand in a block of console\n");
}

TEST(PageRunner, LoadsConfigurations) {
  EXPECT_EQ(ProblemsOf("```conf\nplugin_opt_sync always\n```\n"
                       "```conf\nlistener 1883 127.0.0.1\nmax_queued_messages 5\n```\n"),
            "");
  EXPECT_EQ(ProblemsOf("```conf\nplugin_opt_sync never\n```\n").substr(0, 30),
            "1: the broker does not start:\n");
  EXPECT_EQ(ProblemsOf("```json\n{\"history\": 5}\n```\n```json\n{history: 5}\n```\n"),
            "4: this is not JSON\n");
}

TEST(PageRunner, ABrokerOfThePageHasItsConfigurationAndFiles) {
  EXPECT_EQ(ProblemsOf("<!-- file: /etc/mosquitto/acl -->\n"
                       "```conf\ntopic write $KV/b/info\n```\n"
                       "<!-- broker -->\n"
                       "```conf\n"
                       "listener 1883\nallow_anonymous true\nacl_file /etc/mosquitto/acl\n"
                       "plugin_opt_bucket_b history=7\n"
                       "```\n"
                       "```console\n"
                       "$ mosquitto_rr -V 5 -q 1 -e r -t '$KV/b/info' -n\n"
                       "{\"bucket\":\"b\",\"history\":7,…}\n"
                       "$ mosquitto_pub -V 5 -q 1 -t '$KV/b/purge' -n\n"
                       "Warning: Publish 1 failed: Not authorized.\n"
                       "$ systemctl restart mosquitto\n"
                       "$ mosquitto_rr -V 5 -q 1 -e r -t '$KV/b/info' -n\n"
                       "{\"bucket\":\"b\",\"history\":7,…}\n"
                       "```\n"),
            "");
}

TEST(PageRunner, ATerminalGoesOnBesideTheOthers) {
  const std::string watcher =
      "<!-- terminal: watcher -->\n"
      "```console\n$ mosquitto_sub -t kv/b/k\n```\n"
      "```console\n$ mosquitto_pub -q 1 -t kv/b/k -m one\n```\n"
      "<!-- terminal: watcher -->\n";
  EXPECT_EQ(ProblemsOf(watcher + "```console\none\n^C\n$ echo done\ndone\n```\n"), "");
  EXPECT_EQ(ProblemsOf(watcher + "```console\none\n$ echo done\ndone\n```\n"),
            "11: echo done\nis typed while another command runs; press ^C before\n");
}

TEST(PageRunner, FindsWhatATerminalPrintsBeyondThePage) {
  const std::string page = "<!-- terminal: a -->\n```console\n$ echo one; echo two\none\n";
  EXPECT_NE(ProblemsOf(page + "```\n"), "");
  EXPECT_EQ(ProblemsOf(page + "two\n```\n"), "");
}

}  // namespace
}  // namespace kv::testing
