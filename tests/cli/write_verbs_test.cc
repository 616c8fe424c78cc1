// put, create, update, del, purge, incr, txn.
#include <csignal>
#include <string>

#include <gtest/gtest.h>

#include "tests/cli/cli_fixture.h"

namespace kv::testing {
namespace {

class CliWrite : public CliTest {};

TEST_F(CliWrite, PrintsTheRevisionAndNothingElse) {
  EXPECT_EQ(Run("put config lamp on 2>&1"), "1\n");
  EXPECT_EQ(Run("put config lamp off 2>&1"), "2\n");
  EXPECT_EQ(client().Get("config/lamp").value, "off");
}

TEST_F(CliWrite, PrintsAnObjectIfAsked) {
  auto json = Json("put config lamp on");
  EXPECT_TRUE(json["time"].is_string());
  json.erase("time");
  EXPECT_EQ(json, nlohmann::json({{"key", "lamp"}, {"revision", 1}}));
}

TEST_F(CliWrite, TakesAnyBytesFromAFileAndFromStandardInput) {
  std::string bytes;
  for (int i = 0; i < 300'000; ++i) {
    bytes += static_cast<char>(i * 7 + i / 256);
  }
  Write("in.bin", bytes);
  const std::string file = path("in.bin");
  Run("put files a -f " + file);
  Run("put files b - < " + file);
  Run("put files c < " + file);
  Run("put files d -s < " + file);
  for (const char* key : {"a", "b", "c", "d"}) {
    EXPECT_EQ(client().Get(std::string("files/") + key).value, bytes) << key;
    Run(std::string("get files ") + key + " > " + path("out.bin"));
    EXPECT_EQ(Read("out.bin"), bytes) << key;
  }
}

TEST_F(CliWrite, TakesValuesThatLookLikeSomethingElse) {
  Run("put config a -m -x");
  Run("put config b -- -x");
  Run("put config c -5");
  Run("put config put get");
  Run("put config e -n");
  EXPECT_EQ(client().Get("config/a").value, "-x");
  EXPECT_EQ(client().Get("config/b").value, "-x");
  EXPECT_EQ(client().Get("config/c").value, "-5");
  EXPECT_EQ(client().Get("config/put").value, "get");
  EXPECT_TRUE(client().Get("config/e").ok());
  EXPECT_EQ(client().Get("config/e").value, "");
}

TEST_F(CliWrite, RefusesTwoValues) {
  EXPECT_NE(Error("put config a 1 -m 2", 1).find("VALUE excludes --message"), std::string::npos);
  EXPECT_EQ(Error("put config a -f " + path("none"), 1),
            "mosquitto_kv: " + path("none") + ": No such file or directory\n");
}

TEST_F(CliWrite, CreateAndUpdateAreConditional) {
  EXPECT_EQ(Run("create config lamp on"), "1\n");
  EXPECT_EQ(Error("create config lamp on", 4),
            "mosquitto_kv: the key has a value, of revision 1\n");
  EXPECT_EQ(Run("update config lamp 1 off"), "2\n");
  EXPECT_EQ(Error("update config lamp 1 off", 4),
            "mosquitto_kv: expected revision 1, the key's newest is 2\n");
  EXPECT_EQ(Error("put config lamp off --expect 7", 4),
            "mosquitto_kv: expected revision 7, the key's newest is 2\n");
  EXPECT_EQ(Run("put config lamp off --expect 2"), "3\n");
  EXPECT_EQ(Error("create config lamp on --json", 4),
            R"({"error":"key-exists","message":"the key has a value, of revision 3","revision":3})"
            "\n");
}

TEST_F(CliWrite, TakesPropertiesAndAMessageId) {
  const std::string put =
      "put config lamp on --content-type text/plain -D room=hall --property 'a=b=c' --msg-id once";
  EXPECT_EQ(Run(put), "1\n");
  EXPECT_EQ(Json(put)["duplicate"], true);
  const auto message = client().Get("config/lamp").message;
  EXPECT_EQ(message.properties.FindText(PropertyId::kContentType), "text/plain");
  EXPECT_EQ(message.Property("room"), "hall");
  EXPECT_EQ(message.Property("a"), "b=c");
  EXPECT_EQ(Error("put config lamp on -D kv-op=put", 1),
            "mosquitto_kv: --property kv-op=put: accepted is NAME=VALUE, where NAME does not begin "
            "with kv-\n");
}

TEST_F(CliWrite, AKeyWithATtlExpires) {
  Run("put config lamp on --ttl 50ms");
  EXPECT_TRUE(Eventually([&] { return client().Get("config/lamp").status == "key-not-found"; }));
  EXPECT_EQ(
      Error("put config lamp on --ttl soon", 1),
      "mosquitto_kv: --ttl soon: accepted are seconds (90) or a number with ms, s, m, h, d\n");
}

TEST_F(CliWrite, AnEphemeralKeyIsThereAsLongAsTheCommandRuns) {
  Command held("exec env " + ToBroker() + "put config here me --ephemeral & echo $! > " +
               path("pid") + "; wait $!");
  ASSERT_TRUE(Eventually([&] { return client().Get("config/here").value == "me"; }));
  OutputOf("kill -TERM $(cat " + path("pid") + ")");
  EXPECT_EQ(held.Finish(), 0);
  EXPECT_EQ(held.Output(), "1\n");
  EXPECT_TRUE(Eventually([&] { return client().Get("config/here").status == "key-not-found"; }));
}

TEST_F(CliWrite, AnEphemeralKeyWhoseConnectionIsLostIsAFailure) {
  Command held(ToBroker() + "put config here me --hold > " + path("out") + " 2>&1");
  // The reply may come after the key can be seen.
  ASSERT_TRUE(Eventually([&] { return client().Ping() && Read("out") == "1\n"; }));
  broker().process().Kill();
  EXPECT_EQ(held.Finish(), 2);
  EXPECT_EQ(Read("out"), "1\nmosquitto_kv: the connection was lost, and with it the key\n");
}

TEST_F(CliWrite, DeleteAndPurge) {
  Run("put config lamp 1");
  Run("put config lamp 2");
  EXPECT_EQ(Run("del config lamp"), "3\n");
  EXPECT_EQ(client().History("config").size(), 3U);
  EXPECT_EQ(Json("purge config lamp")["revision"], 4);
  EXPECT_EQ(client().History("config").size(), 1U);
  EXPECT_EQ(Run("del config never"), "0\n") << "nothing to do";
  EXPECT_EQ(Error("del config", 1), "mosquitto_kv: KEY is required; see mosquitto_kv --help\n");
}

TEST_F(CliWrite, PurgeOfABucketWantsToBeSaid) {
  Run("put config a 1");
  Run("put config b 1");
  EXPECT_EQ(Error("purge config", 1), "mosquitto_kv: purge: accepted is one of KEY and --all\n");
  EXPECT_EQ(Run("purge config --all"), "2\n");
  EXPECT_EQ(Json("purge config --all"), nlohmann::json({{"bucket", "config"}, {"count", 0}}));
  EXPECT_TRUE(client().Keys("config").empty());
}

TEST_F(CliWrite, IncrementPrintsTheSum) {
  EXPECT_EQ(Run("incr config n"), "1\n");
  EXPECT_EQ(Run("incr config n 41"), "42\n");
  EXPECT_EQ(Run("incr config n -50"), "-8\n");
  const auto json = Json("incr config n 8");
  EXPECT_EQ(json["value"], 0);
  EXPECT_EQ(json["revision"], 4);
  Run("put config word x");
  EXPECT_EQ(Run("incr config word 2>&1", 1).find("mosquitto_kv: "), 0U);
}

TEST_F(CliWrite, ATransactionIsAllOrNothing) {
  Run("put config from 100");
  Write("txn.json",
        R"({"if": [{"key": "from", "revision": 1}],)"
        R"( "then": [{"op": "put", "key": "from", "value": "90"},)"
        R"(          {"op": "put", "key": "to", "value": "10"}],)"
        R"( "else": [{"op": "put", "key": "failed", "value": "1"}]})");
  EXPECT_EQ(Run("txn config " + path("txn.json")), "from\t2\nto\t3\n");
  EXPECT_EQ(Run("txn config < " + path("txn.json") + " 2>&1", 4),
            "failed\t4\nmosquitto_kv: the conditions did not hold\n");
  const std::string json = Run("txn config - --json --quiet < " + path("txn.json"), 4);
  EXPECT_EQ(json, "{\"succeeded\":false,\"results\":[{\"key\":\"failed\",\"revision\":5}]}\n");
  EXPECT_EQ(Run("txn config 2>&1 < /dev/null", 1).find("mosquitto_kv: "), 0U);
}

TEST_F(CliWrite, ARefusedWriteSaysWhy) {
  Run("bucket add small --max-value-size 3");
  EXPECT_EQ(Run("put small k 1234 --quiet 2>&1", 5), "");
  EXPECT_EQ(Run("put small k 1234 --json 2>&1", 5).find(R"({"error":"value-too-large")"), 0U);
  EXPECT_EQ(Run("put config a//b 1 2>&1", 1).find("mosquitto_kv: a key is one or more"), 0U);
  EXPECT_EQ(Run("put 'no bucket' a 1 2>&1", 1).find("mosquitto_kv: a bucket name is"), 0U);
}

}  // namespace
}  // namespace kv::testing
