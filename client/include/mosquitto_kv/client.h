// Client: a connection to a Mosquitto broker with the plugin mosquitto_kv.
//
//   auto client = kv::Client::Connect({.host = "broker.example"});
//   if (!client) {
//     std::cerr << client.error().message;
//   }
//   kv::Bucket lamps = client->bucket("lamps");
//   kv::Result<kv::Entry> lamp = lamps.Get("hall/1");
//
// Nothing here throws. All functions of a Client and of its buckets may be called from any thread
// and from callbacks, except that a Client must not be destroyed or closed by one of its callbacks.
//
// Threads: one for the network, one for the callbacks, and those of the MQTT library.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kv/api.h"
#include "kv/bucket_config.h"
#include "kv/bucket_info.h"
#include "kv/result.h"
#include "mosquitto_kv/bucket.h"
#include "mosquitto_kv/call.h"
#include "mosquitto_kv/types.h"

namespace kv {

struct TlsOptions {
  std::string ca_file = {};           // PEM; without ca_file and ca_path: the system's
  std::string ca_path = {};           // a directory of them
  std::string certificate_file = {};  // of this client, PEM
  std::string key_file = {};          // its private key, PEM
  bool insecure = false;              // accept any certificate: for tests only
};

struct ConnectionEvent {
  bool connected = false;
  std::string reason = {};  // why it is not
};

struct ClientOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 1883;
  std::string username = {};  // empty: anonymous
  std::string password = {};
  std::string client_id = {};  // empty: a random one
  std::optional<TlsOptions> tls = {};
  std::chrono::seconds keep_alive{30};                // 1 s to 65,535 s
  std::chrono::milliseconds connect_timeout{10'000};  // at most this long, each attempt
  std::chrono::milliseconds request_timeout{10'000};
  std::string topic_prefix = "kv";  // the broker's plugin_opt_topic_prefix
  bool reconnect = true;
  // The pause before an attempt to reconnect: doubled from the first to the last, and shortened by
  // chance, so that a thousand clients do not come back at once.
  std::chrono::milliseconds first_reconnect_delay{100};
  std::chrono::milliseconds last_reconnect_delay{10'000};
  // Runs on the callback thread, each time that the connection is there or gone.
  std::function<void(const ConnectionEvent&)> on_connection = {};
};

// Client's requests, by futures and callbacks.
class KV_API AsyncClient {
 public:
  // See Client, function by function.
  Call<BucketInfo> CreateBucket(std::string_view name, const BucketConfig& config = {}) const;
  Call<BucketInfo> CreateBucket(std::string_view name, const BucketFields& fields) const;
  Call<BucketInfo> UpdateBucket(std::string_view name, const BucketConfig& config) const;
  Call<BucketInfo> UpdateBucket(std::string_view name, const BucketFields& fields) const;
  Call<Ok> DeleteBucket(std::string_view name) const;
  Call<std::vector<BucketInfo>> Buckets() const;
  Call<std::string> Checkpoint() const;

 private:
  friend class Client;
  explicit AsyncClient(std::shared_ptr<ClientCore> core);

  std::shared_ptr<ClientCore> core_;
  std::chrono::milliseconds timeout_;
};

class KV_API Client {
 public:
  // Waits until the broker has accepted the connection; tries once. Errors: bad-request (an
  // option), timeout, disconnected (nobody is there, or it refuses), not-authorized.
  static Result<Client> Connect(const ClientOptions& options);

  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  // Close().
  ~Client();

  // No request is sent: a name that is none is each call's `invalid-bucket`.
  kv::Bucket bucket(std::string_view name) const;

  // The configuration as a whole. A bucket that has it already is as good as created. Errors:
  // invalid-bucket, bucket-exists (with another one), too-many-buckets, bad-request.
  Result<BucketInfo> CreateBucket(std::string_view name, const BucketConfig& config = {}) const;
  // Fields on top of the broker's bucket_defaults.
  Result<BucketInfo> CreateBucket(std::string_view name, const BucketFields& fields) const;
  // The configuration as a whole, respectively the fields given. A smaller history or ttl trims at
  // once. Errors: bucket-not-found, bucket-full (max_bytes or max_keys below what is there),
  // not-supported (storage or retained, while there are entries), bad-request.
  Result<BucketInfo> UpdateBucket(std::string_view name, const BucketConfig& config) const;
  Result<BucketInfo> UpdateBucket(std::string_view name, const BucketFields& fields) const;
  // The bucket with all its entries is gone. Errors: bucket-not-found.
  Status DeleteBucket(std::string_view name) const;
  // In the order of their names.
  Result<std::vector<BucketInfo>> Buckets() const;
  // Writes a consistent copy of the whole store; the name of its directory under backup_path.
  // Errors: not-supported (no backup_path), unavailable (another one is being written).
  Result<std::string> Checkpoint() const;

  bool connected() const;
  const std::string& client_id() const;
  const AsyncClient& async() const { return async_; }

  // Ends everything: requests that wait for a reply and watches end as `cancelled`, ephemeral keys
  // go. Waits for callbacks that are running.
  void Close();

 private:
  explicit Client(std::shared_ptr<ClientCore> core);

  std::shared_ptr<ClientCore> core_;
  AsyncClient async_;
};

}  // namespace kv
