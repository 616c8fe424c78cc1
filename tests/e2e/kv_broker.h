// A Mosquitto of a test's own with the plugin and a store in its directory, and a client that
// speaks the protocol of the buckets.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/broker_process.h"
#include "tests/support/mqtt_client.h"

namespace kv::testing {

using Revision = std::uint64_t;
using NamesAndValues = std::vector<std::pair<std::string, std::string>>;

// The plugin under test: MOSQUITTO_KV_PLUGIN. Throws if that is not set.
std::string PluginPath();

// What a sanitizer wrote into a broker's log fails the test.
void ExpectNoComplaintOfASanitizer(const std::string& log);

struct KvBrokerOptions {
  // Without the plugin_opt_ in front. Beside store_path, unless that is in here.
  NamesAndValues plugin = {};
  // The broker keeps a mosquitto.db, saved when it stops and by Save().
  bool persistence = false;
  bool tell_snapshot = true;  // with persistence: the plugin gets the option broker_snapshot
  // In front of the plugin, so part of what every listener has; and behind its options.
  std::string configuration = {};
  std::string more_configuration = {};
  std::vector<std::string> command_prefix = {};
  NamesAndValues environment = {};
  bool debug_log = true;  // every packet; off for a test of very many
};

class KvBroker {
 public:
  explicit KvBroker(KvBrokerOptions options = {});
  // Stops it. What a sanitizer had to say in one of its lives fails the test.
  ~KvBroker();
  KvBroker(const KvBroker&) = delete;
  KvBroker& operator=(const KvBroker&) = delete;

  BrokerProcess::StartResult Start();
  // SIGTERM, respectively SIGKILL, and Start().
  BrokerProcess::StartResult Restart();
  BrokerProcess::StartResult KillAndStart();
  // Makes the broker write its mosquitto.db; false if it does not.
  bool Save();

  BrokerProcess& process() { return process_; }
  std::uint16_t port() const { return process_.port(); }
  std::filesystem::path store_path() const { return process_.directory() / "store"; }
  std::filesystem::path snapshot_path() const { return process_.directory() / "mosquitto.db"; }
  // For the next Start().
  KvBrokerOptions& options() { return options_; }

 private:
  std::string Configuration() const;

  KvBrokerOptions options_;
  BrokerProcess process_;
};

// What came back for one write or one `get`.
struct Answer {
  std::string status = {};  // kv-status; empty if nothing came
  std::string error = {};   // kv-error, or why nothing came
  Revision revision = 0;    // kv-revision; 0: there is none
  std::string value = {};   // the payload
  Message message = {};     // as it came

  bool ok() const { return status == "ok"; }
  std::optional<std::string> Property(std::string_view name) const {
    return message.Property(name);
  }
  friend std::ostream& operator<<(std::ostream& stream, const Answer& answer);
};

Answer ToAnswer(const std::vector<Message>& replies);
// kv-revision; 0 if there is none.
Revision RevisionOf(const Message& message);
// Does `message` show the same entry as `other`: value, writer's properties, operation, revision
// and time?
bool SameEntry(const Message& message, const Message& other);

// MQTT 5. A `path` is <bucket>/<key>.
class KvClient : public MqttClient {
 public:
  using MqttClient::MqttClient;

  // Publishes to kv/<path> with a Response Topic.
  Answer Write(std::string_view path, std::string_view value, Properties properties = {});
  Answer Put(std::string_view path, std::string_view value, Properties properties = {});
  Answer Delete(std::string_view path, Properties properties = {});
  Answer Purge(std::string_view path, Properties properties = {});
  Answer Update(std::string_view path, std::string_view value, Revision expected);

  Answer Get(std::string_view path, Properties properties = {});
  // `$KV/<bucket>/<verb>[/<prefix>]` with all its pages. Fails the test if a page is an error.
  std::vector<Message> Entries(std::string_view bucket, Properties properties = {});
  std::vector<Message> History(std::string_view bucket_and_prefix, Properties properties = {});
  std::vector<std::string> Keys(std::string_view bucket, const Properties& properties = {});
  nlohmann::json Info(std::string_view bucket);

 private:
  std::vector<Message> ReadPages(const std::string& topic, const Properties& properties);
};

// Topic to message, as a new subscriber gets them at once.
std::map<std::string, Message> RetainedMessages(std::uint16_t port, std::string_view filter);

// Every key of the bucket: the retained message is what `get` answers, none where there is no
// value, and none beside.
void ExpectRetainedEqualsStore(std::uint16_t port, std::string_view bucket);

// The same for a bucket with a great many keys, by pages of `entries` instead of a `get` each.
void ExpectRetainedEqualsEntries(std::uint16_t port, std::string_view bucket);

// Asks again and again until `condition` holds; false if it does not in time. Each asking should be
// a round trip to the broker, so that this is no busy waiting.
bool Eventually(const std::function<bool()>& condition, milliseconds timeout = kDefaultTimeout);

// One broker and one connected client, for tests that need no more.
class KvBrokerTest : public ::testing::Test {
 protected:
  // To be called first, in SetUp() or in the test, within ASSERT_NO_FATAL_FAILURE.
  void StartBroker(KvBrokerOptions options = {});
  // After the broker was started again.
  void Reconnect(const ConnectOptions& options = {});

  KvBroker& broker() { return *broker_; }
  KvClient& client() { return *client_; }

 private:
  std::optional<KvBroker> broker_;
  std::optional<KvClient> client_;
};

}  // namespace kv::testing
