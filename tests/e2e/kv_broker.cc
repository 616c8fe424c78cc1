#include "tests/e2e/kv_broker.h"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <initializer_list>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace kv::testing {
namespace {

using std::chrono::steady_clock;

constexpr milliseconds kSaveTimeout{30'000};

// Of a file that is replaced by rename: another one, another number.
std::pair<ino_t, std::int64_t> IdentityOf(const std::filesystem::path& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) {
    return {};
  }
  return {info.st_ino, std::int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec};
}

bool IsOption(const KvBrokerOptions& options, std::string_view name) {
  for (const auto& [option, value] : options.plugin) {
    if (option == name) {
      return true;
    }
  }
  return false;
}

std::vector<Properties::NameAndValue> OwnProperties(const Message& message) {
  std::vector<Properties::NameAndValue> own;
  for (auto& property : message.properties.Users()) {
    if (!property.first.starts_with("kv-")) {
      own.push_back(std::move(property));
    }
  }
  return own;
}

// The text without the lines that hold one of these.
std::string Without(const std::string& text, std::initializer_list<std::string_view> parts) {
  std::istringstream lines(text);
  std::string kept;
  for (std::string line; std::getline(lines, line);) {
    if (std::none_of(parts.begin(), parts.end(), [&line](std::string_view part) {
          return line.find(part) != std::string::npos;
        })) {
      kept += line + '\n';
    }
  }
  return kept;
}

}  // namespace

std::string PluginPath() {
  const char* path = std::getenv("MOSQUITTO_KV_PLUGIN");  // NOLINT(concurrency-mt-unsafe)
  if (path == nullptr) {
    throw std::runtime_error("MOSQUITTO_KV_PLUGIN is not set: where is the plugin?");
  }
  return path;
}

void ExpectNoComplaintOfASanitizer(const std::string& log) {
  if (std::getenv("MOSQUITTO_PRELOAD") == nullptr) {  // NOLINT(concurrency-mt-unsafe)
    return;
  }
  constexpr std::size_t enough = 10'000;
  // The tool's own trouble: it could not stop the threads of a process that was ending.
  const std::string searched =
      Without(log, {"LeakSanitizer has encountered a fatal error", "HINT: "});
  for (const char* complaint : {"Sanitizer", "runtime error:"}) {
    const std::size_t found = searched.find(complaint);
    EXPECT_EQ(found, std::string::npos) << searched.substr(searched.rfind('\n', found) + 1, enough);
  }
}

KvBroker::KvBroker(KvBrokerOptions options) : options_(std::move(options)) {}

KvBroker::~KvBroker() {
  process_.Stop();
  ExpectNoComplaintOfASanitizer(process_.FullLog());
}

std::string KvBroker::Configuration() const {
  // A reply follows its PUBACK as a second small packet, which would wait 40 ms for the client's
  // delayed ACK of the first.
  std::string text = options_.configuration + "\nset_tcp_nodelay true\n";
  if (options_.persistence) {
    text += "persistence true\npersistence_location " + process_.directory().string() + "/\n";
  }
  text += "plugin " + PluginPath() + "\n";
  if (!IsOption(options_, "store_path")) {
    text += "plugin_opt_store_path " + store_path().string() + "\n";
  }
  if (options_.persistence && options_.tell_snapshot) {
    text += "plugin_opt_broker_snapshot " + snapshot_path().string() + "\n";
  }
  for (const auto& [name, value] : options_.plugin) {
    text.append("plugin_opt_").append(name).append(" ").append(value).append("\n");
  }
  if (IsOption(options_, "wills") && !IsOption(options_, "wills_port")) {
    text += "plugin_opt_wills_port " + std::to_string(port()) + "\n";
  }
  return text + options_.more_configuration;
}

BrokerProcess::StartResult KvBroker::Start() {
  BrokerOptions& options = process_.options();
  options.configuration = Configuration();
  options.command_prefix = options_.command_prefix;
  options.extra_environment = options_.environment;
  options.debug_log = options_.debug_log;
  return process_.Start();
}

BrokerProcess::StartResult KvBroker::Restart() {
  const int status = process_.Stop();
  if (status != 0) {
    return {.ok = false, .log = "exit status " + std::to_string(status) + "\n" + process_.Log()};
  }
  return Start();
}

BrokerProcess::StartResult KvBroker::KillAndStart() {
  process_.Kill();
  return Start();
}

bool KvBroker::Save() {
  const auto before = IdentityOf(snapshot_path());
  MqttClient client(port());
  // What the plugin has published is the broker's in the pass of the loop after.
  if (!client.Connect() || !client.Ping() || !process_.Signal(SIGUSR1)) {
    return false;
  }
  // The broker saves at the end of a pass of its loop, and a ping makes it go round.
  const auto deadline = steady_clock::now() + kSaveTimeout;
  while (steady_clock::now() < deadline && client.Ping()) {
    if (IdentityOf(snapshot_path()) != before) {
      return true;
    }
  }
  return false;
}

std::ostream& operator<<(std::ostream& stream, const Answer& answer) {
  return stream << "status '" << answer.status << "' revision " << answer.revision << " value '"
                << answer.value << "' error '" << answer.error << "'";
}

Revision RevisionOf(const Message& message) {
  const std::string text = message.Property("kv-revision").value_or("");
  Revision revision = 0;
  std::from_chars(text.data(), text.data() + text.size(), revision);
  return revision;
}

Answer ToAnswer(const std::vector<Message>& replies) {
  if (replies.empty()) {
    return {};
  }
  Answer answer;
  answer.message = replies.back();
  answer.status = answer.message.Property("kv-status").value_or("");
  answer.error = answer.message.Property("kv-error").value_or("");
  answer.revision = RevisionOf(answer.message);
  answer.value = answer.message.payload;
  return answer;
}

bool SameEntry(const Message& message, const Message& other) {
  const auto same = [&](std::string_view name) {
    return message.Property(name).has_value() && message.Property(name) == other.Property(name);
  };
  const auto same_text = [&](PropertyId id) {
    return message.properties.FindText(id) == other.properties.FindText(id);
  };
  return message.payload == other.payload && same("kv-op") && same("kv-revision") &&
         same("kv-time") && OwnProperties(message) == OwnProperties(other) &&
         same_text(PropertyId::kContentType) &&
         message.properties.FindNumber(PropertyId::kPayloadFormat) ==
             other.properties.FindNumber(PropertyId::kPayloadFormat);
}

Answer KvClient::Write(std::string_view path, std::string_view value, Properties properties) {
  Answer answer = ToAnswer(Request("kv/" + std::string(path), value, std::move(properties)));
  if (answer.status.empty()) {
    answer.error = error();
  }
  return answer;
}

Answer KvClient::Put(std::string_view path, std::string_view value, Properties properties) {
  return Write(path, value, std::move(properties.User("kv-op", "put")));
}

Answer KvClient::Delete(std::string_view path, Properties properties) {
  return Write(path, {}, std::move(properties.User("kv-op", "delete")));
}

Answer KvClient::Purge(std::string_view path, Properties properties) {
  return Write(path, {}, std::move(properties.User("kv-op", "purge")));
}

Answer KvClient::Update(std::string_view path, std::string_view value, Revision expected) {
  return Write(
      path,
      value,
      Properties().User("kv-op", "update").User("kv-expected-revision", std::to_string(expected)));
}

Answer KvClient::Get(std::string_view path, Properties properties) {
  const std::size_t slash = path.find('/');
  const std::string bucket(path.substr(0, slash));
  const std::string key(path.substr(slash + 1));
  Answer answer = ToAnswer(Request("$KV/" + bucket + "/get/" + key, {}, std::move(properties)));
  if (answer.status.empty()) {
    answer.error = error();
  }
  return answer;
}

std::vector<Message> KvClient::ReadPages(const std::string& topic, const Properties& properties) {
  std::vector<Message> entries;
  std::optional<std::string> cursor;
  do {
    Properties page_properties = properties;
    if (cursor) {
      page_properties.User("kv-cursor", *cursor);
    }
    std::vector<Message> page = Request(topic, {}, page_properties);
    const std::string status =
        page.empty() ? error() : page.back().Property("kv-status").value_or("");
    const bool is_good = status == "end" || status == "ok";
    EXPECT_TRUE(is_good) << topic << ": " << status;
    if (!is_good) {
      break;
    }
    cursor = page.back().Property("kv-cursor");
    if (status == "end") {
      page.pop_back();
    }
    std::move(page.begin(), page.end(), std::back_inserter(entries));
  } while (cursor);
  return entries;
}

std::vector<Message> KvClient::Entries(std::string_view bucket, Properties properties) {
  return ReadPages("$KV/" + std::string(bucket) + "/entries", properties.User("kv-limit", "500"));
}

std::vector<Message> KvClient::History(std::string_view bucket_and_prefix, Properties properties) {
  const std::size_t slash = bucket_and_prefix.find('/');
  const std::string bucket(bucket_and_prefix.substr(0, slash));
  const std::string prefix(slash == std::string_view::npos ? "" : bucket_and_prefix.substr(slash));
  return ReadPages("$KV/" + bucket + "/history" + prefix, properties.User("kv-limit", "500"));
}

std::vector<std::string> KvClient::Keys(std::string_view bucket, const Properties& properties) {
  std::vector<std::string> keys;
  for (const Message& page : ReadPages("$KV/" + std::string(bucket) + "/keys", properties)) {
    const auto json = nlohmann::json::parse(page.payload);
    keys.insert(keys.end(), json.begin(), json.end());
  }
  return keys;
}

nlohmann::json KvClient::Info(std::string_view bucket) {
  const Answer answer = ToAnswer(Request("$KV/" + std::string(bucket) + "/info"));
  EXPECT_TRUE(answer.ok()) << answer;
  return answer.ok() ? nlohmann::json::parse(answer.value) : nlohmann::json::object();
}

std::map<std::string, Message> RetainedMessages(std::uint16_t port, std::string_view filter) {
  std::map<std::string, Message> retained;
  MqttClient client(port);
  // QoS 0: of the others the broker queues only so many.
  if (!client.Connect() || client.Subscribe(filter, 0) != 0) {
    ADD_FAILURE() << client.error();
    return retained;
  }
  for (Message& message : client.TakeMessages()) {
    if (message.retain) {
      std::string topic = message.topic;
      retained.insert_or_assign(std::move(topic), std::move(message));
    }
  }
  return retained;
}

namespace {

// `stored` is the newest entry of the key; the message is taken out of `retained`.
void ExpectRetained(std::map<std::string, Message>& retained,
                    const std::string& topic,
                    bool has_value,
                    const Message& stored) {
  const auto message = retained.extract(topic);
  const Revision revision = RevisionOf(stored);
  if (has_value && message.empty()) {
    ADD_FAILURE() << "no retained message of " << topic << " with revision " << revision;
  } else if (!has_value && !message.empty()) {
    ADD_FAILURE() << "the ghost '" << message.mapped().payload << "' of revision "
                  << RevisionOf(message.mapped()) << " of " << topic << ", which ended with "
                  << revision;
  } else if (has_value) {
    EXPECT_TRUE(SameEntry(message.mapped(), stored))
        << topic << " is retained as '" << message.mapped().payload << "' of revision "
        << RevisionOf(message.mapped()) << ", the store has '" << stored.payload << "' of revision "
        << revision;
  }
}

void ExpectNoneLeft(const std::map<std::string, Message>& retained) {
  for (const auto& [topic, message] : retained) {
    ADD_FAILURE() << "the ghost '" << message.payload << "' of " << topic
                  << ", a key that the store does not know";
  }
}

}  // namespace

void ExpectRetainedEqualsStore(std::uint16_t port, std::string_view bucket) {
  KvClient client(port);
  ASSERT_TRUE(client.Connect()) << client.error();
  const std::string path = std::string(bucket) + "/";
  const std::string topic = "kv/" + path;
  auto retained = RetainedMessages(port, topic + "#");
  for (const std::string& key :
       client.Keys(bucket, Properties().User("kv-include-deleted", "true"))) {
    const Answer stored = client.Get(path + key);
    ASSERT_TRUE(stored.ok() || stored.status == "key-not-found") << key << ": " << stored;
    const bool has_value = stored.ok() && !stored.value.empty();
    ExpectRetained(retained, topic + key, has_value, stored.message);
  }
  ExpectNoneLeft(retained);
}

void ExpectRetainedEqualsEntries(std::uint16_t port, std::string_view bucket) {
  KvClient client(port);
  ASSERT_TRUE(client.Connect()) << client.error();
  const std::string name(bucket);
  auto retained = RetainedMessages(port, "kv/" + name + "/#");
  for (const Message& stored : client.Entries(bucket)) {
    const bool has_value = stored.Property("kv-op") == "PUT" && !stored.payload.empty();
    ExpectRetained(
        retained, "kv/" + name + "/" + stored.Property("kv-key").value_or("?"), has_value, stored);
  }
  ExpectNoneLeft(retained);
}

bool Eventually(const std::function<bool()>& condition, milliseconds timeout) {
  const auto deadline = steady_clock::now() + timeout;
  do {
    if (condition()) {
      return true;
    }
  } while (steady_clock::now() < deadline);
  return false;
}

void KvBrokerTest::StartBroker(KvBrokerOptions options) {
  client_.reset();
  broker_.emplace(std::move(options));
  const auto started = broker_->Start();
  ASSERT_TRUE(started) << started.log;
  client_.emplace(broker_->port());
  Reconnect();
}

void KvBrokerTest::Reconnect(const ConnectOptions& options) {
  ASSERT_TRUE(client_->Connect(options)) << client_->error();
}

}  // namespace kv::testing
