// A lock that cannot be left behind: an ephemeral key, made only if nobody has it.
//
//   lock SERVER NAME COMMAND             lock mqtt://127.0.0.1:1883 nightly-backup ./backup.sh
//
// Waits until the lock is free, runs the command while holding it, and lets it go. Whatever happens
// to this program, the broker deletes the key when its connection ends. The command finds the
// revision of the key in KV_FENCING_TOKEN: it is higher for each holder, and who is protected by
// the lock can refuse one that comes too late.
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

#include <mqtt/async_client.h>

namespace {

constexpr int kAtLeastOnce = 1;

std::string RevisionOf(const mqtt::message& message) {
  const auto& properties = message.get_properties();
  const auto count = properties.count(mqtt::property::USER_PROPERTY);
  for (std::size_t i = 0; i < count; ++i) {
    const auto [name, value] =
        mqtt::get<mqtt::string_pair>(properties, mqtt::property::USER_PROPERTY, i);
    if (name == "kv-revision") {
      return value;
    }
  }
  return {};
}

// False: someone has it (reason code 0x87).
bool TryLock(mqtt::async_client& client, const std::string& key, const std::string& who) {
  const mqtt::properties properties{{mqtt::property::USER_PROPERTY, "kv-op", "create"},
                                    {mqtt::property::USER_PROPERTY, "kv-ephemeral", "true"}};
  try {
    client.publish(mqtt::message::create(key, who, kAtLeastOnce, /*retained=*/false, properties))
        ->wait();
    return true;
  } catch (const mqtt::exception&) {
    if (!client.is_connected()) {
      throw;
    }
    return false;
  }
}

// The next message of which `wanted` says so. Throws when the connection is lost.
template <typename Wanted>
mqtt::const_message_ptr WaitFor(mqtt::async_client& client, const Wanted& wanted) {
  for (;;) {
    auto message = client.consume_message();
    if (!message) {
      throw mqtt::exception(MQTTASYNC_DISCONNECTED);
    }
    if (wanted(*message)) {
      return message;
    }
  }
}

// Like std::system, but the command has nothing of the connection, which would outlast this program
// in it, and is told to end when this program does: without the lock it has no business going on.
int RunCommand(const std::string& command) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    ::close_range(STDERR_FILENO + 1, ~0U, 0);
    ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    ::_exit(127);
  }
  int status = 0;
  const bool ended = child > 0 && ::waitpid(child, &status, 0) == child;
  return ended && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int Run(const std::string& server, const std::string& name, const std::string& command) {
  const std::string key = "kv/locks/" + name;
  const std::string who = "lock-" + std::to_string(::getpid());
  mqtt::async_client client(server, who, mqtt::create_options(MQTTVERSION_5));
  client.start_consuming();
  client
      .connect(
          mqtt::connect_options_builder().mqtt_version(MQTTVERSION_5).clean_start(true).finalize())
      ->wait();
  // Before the first try: no end of another's hold can be missed.
  client.subscribe(key, kAtLeastOnce)->wait();
  while (!TryLock(client, key, who)) {
    std::cout << "waiting for " << name << std::endl;
    WaitFor(client, [](const mqtt::message& message) { return message.get_payload().empty(); });
  }
  const auto own = WaitFor(
      client, [&who](const mqtt::message& message) { return message.get_payload_str() == who; });
  const std::string token = RevisionOf(*own);
  std::cout << "locked " << name << " with token " << token << std::endl;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody else looks into the environment
  ::setenv("KV_FENCING_TOKEN", token.c_str(), 1);
  const int code = RunCommand(command);
  client.disconnect()->wait();  // lets go
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: lock SERVER NAME COMMAND" << std::endl;
    return 2;
  }
  try {
    return Run(argv[1], argv[2], argv[3]);
  } catch (const std::exception& error) {
    std::cerr << "lock: " << error.what() << std::endl;
    return 1;
  }
}
