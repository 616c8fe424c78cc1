// The recipes for other clients do what they say, against a real broker.
#include <string>

#include <gtest/gtest.h>

#include "tests/e2e/command.h"
#include "tests/e2e/kv_broker.h"
#include "tests/e2e/node_packages.h"

namespace kv::testing {
namespace {

// The recipes of MQTT 5 do the same and say the same.
constexpr const char* kTranscript =
    "put: ok, revision 1\n"
    "get: lamp = on (PUT 1)\n"
    "create: ok, revision 2\n"
    "create again: key-exists, revision 2\n"
    "compare-and-set: ok, revision 3\n"
    "compare-and-set again: wrong-last-revision, revision 3\n"
    "delete: ok, revision 4\n"
    "watch: lamp = on (PUT 1)\n"
    "watch: door = closed (PUT 2)\n"
    "watch: lamp = off (PUT 3)\n"
    "watch: door =  (DEL 4)\n"
    "history: lamp = on (PUT 1)\n"
    "history: door = closed (PUT 2)\n"
    "history: lamp = off (PUT 3)\n"
    "history: door =  (DEL 4)\n"
    "keys: [\"lamp\"]\n";

class Recipes : public KvBrokerTest {
 protected:
  void SetUp() override { ASSERT_NO_FATAL_FAILURE(StartBroker()); }

  std::string Port() { return std::to_string(broker().port()); }
  // Of `program`, one of examples/, with the port as its first argument.
  std::string RunNode(const std::string& program, const std::string& more = {}) {
    const std::string modules = (NodePackages() / "node_modules").string();
    return OutputOf("NODE_PATH='" + modules + "' node '" + KV_EXAMPLES + "/" + program + "' " +
                    Port() + " " + more + " 2>&1");
  }
};

TEST_F(Recipes, PythonWithPaho) {
  EXPECT_EQ(OutputOf("/usr/bin/python3 '" KV_EXAMPLES "/python_paho.py' " + Port() + " 2>&1"),
            kTranscript);
}

TEST_F(Recipes, NodeWithMqttJs) {
  EXPECT_EQ(RunNode("node_mqttjs.js"), kTranscript);
}

TEST_F(Recipes, CWithPaho) {
  const std::string output = OutputOf(KV_PAHO_C " tcp://127.0.0.1:" + Port() + " 2>&1");
  EXPECT_EQ(output.rfind("bucket: {", 0), 0U) << output;
  EXPECT_EQ(output.substr(output.find('\n') + 1), kTranscript);
}

TEST_F(Recipes, MicrocontrollerWithPubSubClient) {
  const std::string output =
      WithoutTimes(OutputOf(KV_SKETCH " " + Port() + " '$KV/reply/home/keys' 2>&1"));
  for (const char* expected : {
           "kv/home/lamp = on\n",
           R"("key":"lamp","op":"PUT","revision":1,"time":"TIME","value":"on"})",
           "kv/home/door = closed\n",
           R"(create/door = {"status":"ok","revision":2,"time":"TIME"})",
           R"(create/door = {"status":"key-exists")",
           "kv/home/lamp = off\n",
           R"(update/1/lamp = {"status":"ok","revision":3,"time":"TIME"})",
           R"(update/1/lamp = {"status":"wrong-last-revision")",
           "kv/home/door = \n",
           R"("key":"door","op":"PUT","revision":2,"time":"TIME","value":"closed"})",
           R"("keys":["lamp"]})",
       }) {
    EXPECT_NE(output.find(expected), std::string::npos) << expected << "\nis missing in\n"
                                                        << output;
  }
}

TEST_F(Recipes, MqttExplorersDeleteButtonDeletesASubtree) {
  client().Request("$KV/home/admin/create", R"({"history": 5})");
  ASSERT_TRUE(client().Put("home/lamp", "on").ok());
  ASSERT_TRUE(client().Put("home/room", "warm").ok());
  ASSERT_TRUE(client().Put("home/room/a/b", "1").ok());
  EXPECT_EQ(RunNode("mqtt_explorer.js", "kv/home/room"),
            "the window:\n"
            "  kv/home/lamp = on\n"
            "  kv/home/room = warm\n"
            "  kv/home/room/a/b = 1\n"
            "after the deletion of kv/home/room:\n"
            "  kv/home/lamp = on\n"
            "history: lamp = on (PUT)\n"
            "history: room = warm (PUT)\n"
            "history: room/a/b = 1 (PUT)\n"
            "history: room = undefined (DEL)\n"
            "history: room = undefined (DEL)\n"  // it is told twice, as mqtt_explorer.md says
            "history: room/a/b = undefined (DEL)\n");
  EXPECT_EQ(client().Keys("home"), std::vector<std::string>{"lamp"});
  EXPECT_EQ(RetainedMessages(broker().port(), "kv/#").size(), 1U);
}

}  // namespace
}  // namespace kv::testing
