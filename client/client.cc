#include "mosquitto_kv/client.h"

#include <utility>

#include "client/calls.h"
#include "client/pages.h"
#include "client/replies.h"
#include "client/requests.h"
#include "kv/names.h"

namespace kv {
namespace {

using client::Asking;
using client::Reply;
using client::Session;

Result<Ok> ToOk(const Reply& /*reply*/) {
  return Ok{};
}

Result<std::string> ToText(const Reply& reply) {
  return reply.last.payload;
}

Error BadOption(const std::string& name, const std::string& accepted) {
  return Error(ErrorCode::kBadRequest, "client option " + name + ": accepted is " + accepted);
}

Status CheckTexts(const ClientOptions& options) {
  for (const auto& [name, text] :
       {std::pair("client_id", options.client_id), {"username", options.username}}) {
    if (!IsCleanUtf8(text)) {
      return BadOption(name, "UTF-8 without control characters");
    }
  }
  if (options.topic_prefix.empty() ||
      options.topic_prefix.find_first_of("+#") != std::string::npos) {
    return BadOption("topic_prefix", "the broker's plugin_opt_topic_prefix, a topic");
  }
  return Ok{};
}

Status Check(const ClientOptions& options) {
  using std::chrono::milliseconds;
  if (options.host.empty() || options.port == 0) {
    return BadOption(options.host.empty() ? "host" : "port", "what a broker listens on");
  }
  if (options.keep_alive < std::chrono::seconds(1) ||
      options.keep_alive > std::chrono::seconds(65'535)) {
    return BadOption("keep_alive", "1 s to 65535 s");
  }
  for (const auto& [name, length] : {std::pair("connect_timeout", options.connect_timeout),
                                     {"request_timeout", options.request_timeout},
                                     {"first_reconnect_delay", options.first_reconnect_delay},
                                     {"last_reconnect_delay", options.last_reconnect_delay}}) {
    if (length < milliseconds(1) || length > std::chrono::hours(24)) {
      return BadOption(name, "1 ms to 24 h");
    }
  }
  return CheckTexts(options);
}

}  // namespace

AsyncClient::AsyncClient(std::shared_ptr<ClientCore> core)
    : core_(std::move(core)), timeout_(core_->options().request_timeout) {}

Call<BucketInfo> AsyncClient::CreateBucket(std::string_view name,
                                           const BucketConfig& config) const {
  return Asking(*core_,
                client::ConfigureRequest({std::string(name), timeout_}, "create", config),
                client::ToInfo);
}

Call<BucketInfo> AsyncClient::CreateBucket(std::string_view name,
                                           const BucketFields& fields) const {
  return Asking(*core_,
                client::ConfigureRequest({std::string(name), timeout_}, "create", fields),
                client::ToInfo);
}

Call<BucketInfo> AsyncClient::UpdateBucket(std::string_view name,
                                           const BucketConfig& config) const {
  return Asking(*core_,
                client::ConfigureRequest({std::string(name), timeout_}, "update", config),
                client::ToInfo);
}

Call<BucketInfo> AsyncClient::UpdateBucket(std::string_view name,
                                           const BucketFields& fields) const {
  return Asking(*core_,
                client::ConfigureRequest({std::string(name), timeout_}, "update", fields),
                client::ToInfo);
}

Call<Ok> AsyncClient::DeleteBucket(std::string_view name) const {
  return Asking(*core_, client::DeleteBucketRequest({std::string(name), timeout_}), ToOk);
}

Call<std::vector<BucketInfo>> AsyncClient::Buckets() const {
  return core_->MakeCall<std::vector<BucketInfo>>(
      [timeout = timeout_](Session& session, auto done) {
        client::ReadAllBuckets(session, timeout, std::move(done));
      });
}

Call<std::string> AsyncClient::Checkpoint() const {
  return Asking(*core_, Result(client::CheckpointRequest(timeout_)), ToText);
}

Result<Client> Client::Connect(const ClientOptions& options) {
  if (auto checked = Check(options); !checked) {
    return std::move(checked).error();
  }
  Client client(std::make_shared<ClientCore>(options));
  if (auto started = client.core_->Start(); !started) {
    return std::move(started).error();
  }
  return client;
}

Client::Client(std::shared_ptr<ClientCore> core) : core_(std::move(core)), async_(core_) {}

Client::Client(Client&&) noexcept = default;

Client& Client::operator=(Client&& other) noexcept {
  if (this != &other) {
    Close();
    core_ = std::move(other.core_);
    async_ = std::move(other.async_);
  }
  return *this;
}

Client::~Client() {
  Close();
}

void Client::Close() {
  if (core_) {
    core_->Close();
  }
}

Bucket Client::bucket(std::string_view name) const {
  return kv::Bucket(AsyncBucket(core_, std::string(name)));
}

Result<BucketInfo> Client::CreateBucket(std::string_view name, const BucketConfig& config) const {
  return async_.CreateBucket(name, config).Wait();
}

Result<BucketInfo> Client::CreateBucket(std::string_view name, const BucketFields& fields) const {
  return async_.CreateBucket(name, fields).Wait();
}

Result<BucketInfo> Client::UpdateBucket(std::string_view name, const BucketConfig& config) const {
  return async_.UpdateBucket(name, config).Wait();
}

Result<BucketInfo> Client::UpdateBucket(std::string_view name, const BucketFields& fields) const {
  return async_.UpdateBucket(name, fields).Wait();
}

Status Client::DeleteBucket(std::string_view name) const {
  return async_.DeleteBucket(name).Wait();
}

Result<std::vector<BucketInfo>> Client::Buckets() const {
  return async_.Buckets().Wait();
}

Result<std::string> Client::Checkpoint() const {
  return async_.Checkpoint().Wait();
}

bool Client::connected() const {
  return core_->connected();
}

const std::string& Client::client_id() const {
  return core_->client_id();
}

}  // namespace kv
