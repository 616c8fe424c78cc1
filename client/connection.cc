#include "client/connection.h"

#include <algorithm>
#include <atomic>
#include <chrono>

#include <mqtt/async_client.h>

namespace kv::client {
namespace {

constexpr int kAtLeastOnce = 1;
// Publishes on the way at once; the library stays below what the broker allows.
constexpr int kMaxInflight = 1000;
constexpr std::chrono::seconds kGoodbye{1};

mqtt::create_options CreateOptions() {
  mqtt::create_options create(MQTTVERSION_5);
  // The library's own default is 100, and it refuses what is beyond.
  create.set_max_buffered_messages(kMaxInflight);
  return create;
}

std::string AddressOf(const ClientOptions& options) {
  const bool is_ipv6 = options.host.find(':') != std::string::npos;
  return std::string(options.tls ? "ssl://" : "tcp://") +
         (is_ipv6 ? "[" + options.host + "]" : options.host) + ":" + std::to_string(options.port);
}

mqtt::ssl_options SslOptionsOf(const TlsOptions& tls) {
  mqtt::ssl_options ssl;
  if (!tls.ca_file.empty()) {
    ssl.set_trust_store(tls.ca_file);
  }
  if (!tls.ca_path.empty()) {
    ssl.ca_path(tls.ca_path);
  }
  if (!tls.certificate_file.empty()) {
    ssl.set_key_store(tls.certificate_file);
  }
  if (!tls.key_file.empty()) {
    ssl.set_private_key(tls.key_file);
  }
  ssl.set_enable_server_cert_auth(!tls.insecure);
  ssl.set_verify(!tls.insecure);
  return ssl;
}

mqtt::connect_options ConnectOptionsOf(const ClientOptions& options) {
  mqtt::connect_options connect;
  connect.set_mqtt_version(MQTTVERSION_5);
  connect.set_clean_start(true);
  connect.set_keep_alive_interval(options.keep_alive);
  // The library counts in seconds.
  connect.set_connect_timeout(std::chrono::ceil<std::chrono::seconds>(options.connect_timeout));
  connect.set_max_inflight(kMaxInflight);
  if (!options.username.empty()) {
    connect.set_user_name(options.username);
    connect.set_password(options.password);
  }
  if (options.tls) {
    connect.set_ssl(SslOptionsOf(*options.tls));
  }
  return connect;
}

mqtt::properties MqttPropertiesOf(const Publication& publication) {
  mqtt::properties list;
  const Properties& own = publication.properties;
  if (!publication.response_topic.empty()) {
    list.add({mqtt::property::RESPONSE_TOPIC, publication.response_topic});
    list.add({mqtt::property::CORRELATION_DATA, mqtt::binary(publication.correlation)});
  }
  if (own.content_type) {
    list.add({mqtt::property::CONTENT_TYPE, *own.content_type});
  }
  if (own.payload_format) {
    list.add({mqtt::property::PAYLOAD_FORMAT_INDICATOR, static_cast<int>(*own.payload_format)});
  }
  for (const auto& [name, value] : own.user) {
    list.add({mqtt::property::USER_PROPERTY, name, value});
  }
  return list;
}

Arrival ArrivalOf(const mqtt::message& message) {
  Arrival arrival{.topic = message.get_topic(),
                  .payload = message.get_payload_str(),
                  .retained = message.is_retained()};
  const mqtt::properties& list = message.get_properties();
  if (list.contains(mqtt::property::CORRELATION_DATA)) {
    arrival.correlation = mqtt::get<mqtt::binary>(list, mqtt::property::CORRELATION_DATA);
  }
  if (list.contains(mqtt::property::CONTENT_TYPE)) {
    arrival.properties.content_type = mqtt::get<std::string>(list, mqtt::property::CONTENT_TYPE);
  }
  if (list.contains(mqtt::property::PAYLOAD_FORMAT_INDICATOR)) {
    arrival.properties.payload_format =
        mqtt::get<std::uint8_t>(list, mqtt::property::PAYLOAD_FORMAT_INDICATOR);
  }
  const std::size_t count = list.count(mqtt::property::USER_PROPERTY);
  arrival.properties.user.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    auto [name, value] = mqtt::get<mqtt::string_pair>(list, mqtt::property::USER_PROPERTY, i);
    arrival.properties.user.push_back({std::move(name), std::move(value)});
  }
  return arrival;
}

// Why an action failed; `what` it was.
Error ErrorOf(const mqtt::token& token, const std::string& what) {
  // Of a refused connection the library has the reason as the return code.
  const int reason = std::max<int>(token.get_reason_code(), token.get_return_code());
  if (reason == mqtt::ReasonCode::NOT_AUTHORIZED ||
      reason == mqtt::ReasonCode::BAD_USER_NAME_OR_PASSWORD) {
    return Error(ErrorCode::kNotAuthorized, "the broker does not allow " + what);
  }
  if (reason >= mqtt::ReasonCode::UNSPECIFIED_ERROR) {
    return Error(ErrorCode::kDisconnected,
                 "the broker refuses " + what + ": " + mqtt::exception::reason_code_str(reason));
  }
  return Error(ErrorCode::kDisconnected,
               "no " + what + ": " + mqtt::exception::error_str(token.get_return_code()));
}

void* ContextOf(Connection::ActionId id) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): the library's way
  return reinterpret_cast<void*>(static_cast<std::uintptr_t>(id));
}

}  // namespace

class Connection::Impl final : private mqtt::iaction_listener {
 public:
  Impl(const ClientOptions& options, const std::string& client_id, Handlers handlers)
      : handlers_(std::move(handlers)),
        address_(AddressOf(options)),
        client_(address_, client_id, CreateOptions()) {
    client_.set_message_callback([this](const mqtt::const_message_ptr& message) {
      if (!closed_) {
        handlers_.on_message(ArrivalOf(*message));
      }
    });
    client_.set_connection_lost_handler(
        [this](const std::string& why) { Lost(why.empty() ? "the connection was lost" : why); });
    client_.set_disconnected_handler([this](const mqtt::properties&, mqtt::ReasonCode reason) {
      Lost("the broker ended it: " + mqtt::exception::reason_code_str(reason));
    });
    try {
      client_.connect(ConnectOptionsOf(options), ContextOf(kConnect), *this);
    } catch (const mqtt::exception& error) {
      handlers_.on_failed(Error(ErrorCode::kDisconnected, address_ + ": " + error.what()));
    }
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() override {
    closed_ = true;
    try {
      if (client_.is_connected()) {
        client_.disconnect(0)->wait_for(kGoodbye);
      }
    } catch (const mqtt::exception&) {  // NOLINT(bugprone-empty-catch): it is gone then, as wanted
    }
  }

  void Publish(const Publication& publication, ActionId id) {
    Try(id, [&] {
      client_.publish(mqtt::message::create(publication.topic,
                                            publication.payload,
                                            publication.qos,
                                            /*retained=*/false,
                                            MqttPropertiesOf(publication)),
                      ContextOf(id),
                      *this);
    });
  }

  void Subscribe(const std::string& filter, ActionId id) {
    mqtt::subscribe_options options;
    options.set_retain_handling(mqtt::subscribe_options::DONT_SEND_RETAINED);
    Try(id, [&] { client_.subscribe(filter, kAtLeastOnce, ContextOf(id), *this, options); });
  }

  void Unsubscribe(const std::string& filter) {
    Try(0, [&] { client_.unsubscribe(filter); });
  }

 private:
  static constexpr ActionId kConnect = 0;

  template <typename Action>
  void Try(ActionId id, const Action& action) {
    try {
      action();
    } catch (const mqtt::exception& error) {
      // Without a connection on_lost comes, or came; what was to be done is done over then.
      if (id != 0 && client_.is_connected()) {
        handlers_.on_done(id, Error(ErrorCode::kBadRequest, std::string("MQTT: ") + error.what()));
      }
    }
  }

  void Lost(const std::string& why) {
    if (!closed_) {
      handlers_.on_lost(why);
    }
  }

  static ActionId IdOf(const mqtt::token& token) {
    return reinterpret_cast<std::uintptr_t>(token.get_user_context());
  }

  void on_success(const mqtt::token& token) override {
    if (closed_) {
      return;
    }
    if (IdOf(token) == kConnect) {
      handlers_.on_connected();
    } else {
      handlers_.on_done(IdOf(token), std::nullopt);
    }
  }

  void on_failure(const mqtt::token& token) override {
    if (closed_) {
      return;
    }
    if (IdOf(token) == kConnect) {
      handlers_.on_failed(ErrorOf(token, "connection to " + address_));
    } else if (token.get_reason_code() >= mqtt::ReasonCode::UNSPECIFIED_ERROR) {
      const bool subscribes = token.get_type() == mqtt::token::Type::SUBSCRIBE;
      handlers_.on_done(IdOf(token), ErrorOf(token, subscribes ? "subscription" : "publish"));
    }
    // Anything else is the end of the connection.
  }

  const Handlers handlers_;
  const std::string address_;
  std::atomic<bool> closed_{false};
  mqtt::async_client client_;
};

Connection::Connection(const ClientOptions& options,
                       const std::string& client_id,
                       Handlers handlers)
    : impl_(std::make_unique<Impl>(options, client_id, std::move(handlers))) {}

Connection::~Connection() = default;

void Connection::Publish(const Publication& publication, ActionId id) {
  impl_->Publish(publication, id);
}

void Connection::Subscribe(const std::string& filter, ActionId id) {
  impl_->Subscribe(filter, id);
}

void Connection::Unsubscribe(const std::string& filter) {
  impl_->Unsubscribe(filter);
}

}  // namespace kv::client
