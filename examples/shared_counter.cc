// Several programs that share a bucket, on the typed client: each counts itself, one of them leads,
// and all see what the others do.
//
//   shared_counter PORT NAME             shared_counter 1883 ann
#include <mosquitto_kv/client.h>
#include <mosquitto_kv/lock.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>

namespace {

int Fail(const kv::Error& error) {
  std::cerr << "shared_counter: " << error.token() << ": " << error.message << std::endl;
  return 1;
}

void Show(const kv::WatchEvent& event) {
  if (event.kind == kv::WatchEvent::Kind::kEndOfInitial) {
    std::cout << "that is all so far" << std::endl;
  } else if (event.kind == kv::WatchEvent::Kind::kEntry) {
    const kv::Entry& entry = event.entry;
    std::cout << entry.key << (entry.is_marker() ? " is gone" : " = " + entry.value)
              << " (revision " << entry.revision << ")" << std::endl;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: shared_counter PORT NAME" << std::endl;
    return 2;
  }
  kv::ClientOptions options;
  options.port = static_cast<std::uint16_t>(std::atoi(argv[1]));
  auto client = kv::Client::Connect(options);
  if (!client) {
    return Fail(client.error());
  }
  const kv::Bucket bucket = client->bucket("counters");

  // Gone with this program, whatever happens to it.
  if (auto here = bucket.Put("here/" + std::string(argv[2]), "yes", {.ephemeral = true}); !here) {
    return Fail(here.error());
  }
  auto watcher = bucket.Watch({}, Show);
  if (!watcher) {
    return Fail(watcher.error());
  }
  const auto runs = bucket.Increment("runs");
  if (!runs) {
    return Fail(runs.error());
  }
  std::cout << "this is run " << runs->value << std::endl;

  // What only one may do at a time; the token tells a late holder from the present one.
  kv::Lock lock(bucket, "lock", {.owner = argv[2]});
  const auto token = lock.Acquire(std::chrono::seconds(10));
  if (!token) {
    return Fail(token.error());
  }
  if (auto report = bucket.Put("report", "by " + std::string(argv[2])); !report) {
    return Fail(report.error());
  }
  if (auto released = lock.Release(); !released) {
    return Fail(released.error());
  }
  watcher->Stop();
  std::cout << "done" << std::endl;
  return 0;
}
