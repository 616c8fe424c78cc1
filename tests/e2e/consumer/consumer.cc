// Uses what is installed of the client library: consumer PORT
#include <mosquitto_kv/client.h>
#include <mosquitto_kv/leader_election.h>
#include <mosquitto_kv/lock.h>

#include <cstdlib>
#include <iostream>

int main(int argc, char** argv) {
  if (argc != 2) {
    return 2;
  }
  kv::ClientOptions options;
  options.port = static_cast<std::uint16_t>(std::atoi(argv[1]));
  auto client = kv::Client::Connect(options);
  if (!client) {
    std::cerr << client.error().message << std::endl;
    return 1;
  }
  kv::BucketConfig config;
  if (!kv::ReadFields(config, "history=5 ttl=1h") || !client->CreateBucket("made", config)) {
    return 1;
  }
  const kv::Bucket bucket = client->bucket("made");
  kv::Lock lock(bucket, "lock");
  const auto leads = kv::LeaderElection::Stand(bucket, "leader");
  const auto watcher = bucket.Watch();
  const auto put = bucket.async().Put("k", "hello").Future().get();
  if (!lock.TryAcquire() || !leads || !watcher || !put) {
    return 1;
  }
  std::cout << bucket.Get("k")->value << " " << bucket.Info()->config.history << std::endl;
  return 0;
}
