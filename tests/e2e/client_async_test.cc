// The typed client's threads: futures, callbacks, timeouts, ends; and how it gets in.
#include <atomic>
#include <csignal>
#include <fstream>
#include <future>
#include <string>
#include <vector>

#include "tests/e2e/client_fixture.h"
#include "tests/e2e/command.h"

namespace kv::testing {
namespace {

using std::chrono::milliseconds;

class ClientAsync : public ClientTest {
 protected:
  void SetUp() override { ASSERT_NO_FATAL_FAILURE(StartBroker()); }

  // The broker does nothing until Thaw().
  void Freeze() { ASSERT_TRUE(broker().process().Signal(SIGSTOP)); }
  void Thaw() { ASSERT_TRUE(broker().process().Signal(SIGCONT)); }
};

TEST_F(ClientAsync, ManyFuturesAtOnceAllCome) {
  Client client = Connected();
  const kv::Bucket bucket = client.bucket("b");
  constexpr int count = 2'000;
  std::vector<std::future<Result<Written>>> futures;
  futures.reserve(count);
  for (int i = 0; i < count; ++i) {
    futures.push_back(bucket.async().Put("k" + std::to_string(i), "v").Future());
  }
  std::vector<Revision> revisions;
  for (auto& future : futures) {
    const auto written = future.get();
    ASSERT_TRUE(written.ok()) << WhyOf(written);
    revisions.push_back(written->revision);
  }
  // As they were sent.
  EXPECT_TRUE(std::is_sorted(revisions.begin(), revisions.end()));
  EXPECT_EQ(bucket.Keys()->keys.size(), static_cast<std::size_t>(count));
}

TEST_F(ClientAsync, CallbackMayCallAndWait) {
  std::promise<std::string> done;  // outlives the client, and so its callbacks
  Client client = Connected();
  const kv::Bucket bucket = client.bucket("b");
  bucket.async().Put("k", "v").Then([&](const Result<Written>& written) {
    ASSERT_TRUE(written.ok()) << WhyOf(written);
    auto watcher = bucket.Watch();
    ASSERT_TRUE(watcher.ok()) << WhyOf(watcher);
    EXPECT_EQ(NextOf(*watcher), "PUT k=v @1");
    done.set_value(bucket.Get("k")->value);
  });
  EXPECT_EQ(done.get_future().get(), "v");
}

TEST_F(ClientAsync, CallbacksRunOneAfterTheOther) {
  std::atomic<int> running{0};
  std::atomic<int> ran{0};
  std::promise<void> all;
  Client client = Connected();
  for (int i = 0; i < 50; ++i) {
    client.bucket("b").async().Increment("n").Then([&](const Result<Counted>& counted) {
      EXPECT_EQ(++running, 1);
      EXPECT_EQ(counted->value, ran + 1);
      --running;
      if (++ran == 50) {
        all.set_value();
      }
    });
  }
  all.get_future().wait();
}

TEST_F(ClientAsync, CallThatNobodySendsIsNotSent) {
  Client client = Connected();
  { const auto unsent = client.bucket("b").async().Put("k", "v"); }
  EXPECT_EQ(TokenOf(client.bucket("b").Get("k")), "bucket-not-found");
}

TEST_F(ClientAsync, SilentBrokerIsATimeout) {
  Client client = Connected();
  const kv::Bucket hasty = client.bucket("b").WithTimeout(milliseconds(100));
  ASSERT_NO_FATAL_FAILURE(Freeze());
  const auto put = hasty.Put("k", "v");
  EXPECT_EQ(TokenOf(put), "timeout");
  EXPECT_NE(put.error().message.find("$KV/b/put/k"), std::string::npos) << put.error().message;
  EXPECT_EQ(TokenOf(hasty.Watch()), "timeout");
  ASSERT_NO_FATAL_FAILURE(Thaw());
  // Later replies are of no use, and do no harm.
  EXPECT_EQ(client.bucket("b").Get("k")->value, "v");
}

TEST_F(ClientAsync, EndOfTheClientEndsWhatWaits) {
  std::promise<std::string> called;
  std::optional<Client> client = Connected();
  const kv::Bucket bucket = client->bucket("b");
  auto watcher = bucket.Watch();
  ASSERT_TRUE(watcher.ok()) << WhyOf(watcher);
  EXPECT_EQ(NextOf(*watcher), "end of initial");
  ASSERT_NO_FATAL_FAILURE(Freeze());
  auto future = bucket.async().Put("k", "v").Future();
  bucket.async().Get("k").Then(
      [&called](const Result<Entry>& entry) { called.set_value(TokenOf(entry)); });
  client.reset();
  EXPECT_EQ(TokenOf(future.get()), "cancelled");
  EXPECT_EQ(called.get_future().get(), "cancelled");
  EXPECT_EQ(NextOf(*watcher), "ended: cancelled");
  EXPECT_EQ(NextOf(*watcher), "error: cancelled");
  EXPECT_EQ(TokenOf(bucket.Put("k", "v")), "cancelled");
  EXPECT_EQ(TokenOf(bucket.Watch()), "cancelled");
  ASSERT_NO_FATAL_FAILURE(Thaw());
}

TEST_F(ClientAsync, NobodyThereIsAnError) {
  const ReservedPort nobody;
  ClientOptions options = Options();
  options.port = nobody.number();
  EXPECT_EQ(TokenOf(Client::Connect(options)), "disconnected");
  ASSERT_NO_FATAL_FAILURE(Freeze());
  options.port = broker().port();
  options.connect_timeout = milliseconds(100);
  EXPECT_EQ(TokenOf(Client::Connect(options)), "timeout");
  ASSERT_NO_FATAL_FAILURE(Thaw());
}

TEST_F(ClientAsync, OptionsThatAreNoneNameThemselves) {
  const auto error_of = [this](void (*change)(ClientOptions&)) {
    ClientOptions options = Options();
    change(options);
    const auto client = Client::Connect(options);
    return client ? "ok" : client.error().message;
  };
  EXPECT_EQ(error_of([](ClientOptions& o) { o.host = ""; }),
            "client option host: accepted is what a broker listens on");
  EXPECT_EQ(error_of([](ClientOptions& o) { o.request_timeout = milliseconds(0); }),
            "client option request_timeout: accepted is 1 ms to 24 h");
  EXPECT_EQ(error_of([](ClientOptions& o) { o.keep_alive = std::chrono::seconds(0); }),
            "client option keep_alive: accepted is 1 s to 65535 s");
  EXPECT_EQ(error_of([](ClientOptions& o) { o.client_id = "\xFF"; }),
            "client option client_id: accepted is UTF-8 without control characters");
  EXPECT_EQ(
      error_of([](ClientOptions& o) { o.topic_prefix = "#"; }),
      "client option topic_prefix: accepted is the broker's plugin_opt_topic_prefix, a topic");
}

TEST_F(ClientAsync, ConnectionIsToldOf) {
  std::promise<void> connected;
  std::promise<std::string> lost;
  ClientOptions options = Options();
  options.reconnect = false;
  options.on_connection = [&](const ConnectionEvent& event) {
    event.connected ? connected.set_value() : lost.set_value(event.reason);
  };
  Client client = Connected(options);
  connected.get_future().wait();
  broker().process().Kill();
  EXPECT_NE(lost.get_future().get(), "");
  EXPECT_EQ(TokenOf(client.bucket("b").Put("k", "v")), "disconnected");
  EXPECT_FALSE(client.connected());
}

class ClientAccess : public ClientTest {
 protected:
  std::string Path(const std::string& name) const { return (directory_.path() / name).string(); }
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(Path(name)) << text;
  }

  TemporaryDirectory directory_;
};

TEST_F(ClientAccess, WhatIsNotAllowedIsNotAuthorized) {
  Write("acl", "user ann\ntopic readwrite kv/#\ntopic write $KV/b/#\n");
  ASSERT_NO_FATAL_FAILURE(StartBroker({.configuration = "acl_file " + Path("acl")}));
  ClientOptions options = Options();
  options.username = "ann";
  Client client = Connected(options);
  EXPECT_TRUE(client.bucket("b").Put("k", "v").ok());
  const auto put = client.bucket("other").Put("k", "v");
  EXPECT_EQ(TokenOf(put), "not-authorized");
  EXPECT_NE(put.error().message.find("$KV/other/put/k"), std::string::npos) << put.error().message;
  EXPECT_EQ(TokenOf(client.bucket("other").Watch()), "not-authorized");
  EXPECT_EQ(TokenOf(client.Buckets()), "not-authorized");
  EXPECT_TRUE(client.bucket("b").Watch().ok());
}

TEST_F(ClientAccess, WrongPasswordIsNotAuthorized) {
  OutputOf("mosquitto_passwd -c -b " + Path("passwords") + " ann secret");
  ASSERT_NO_FATAL_FAILURE(StartBroker());
  broker().process().Stop();
  broker().process().options().allow_anonymous = false;
  broker().options().configuration = "password_file " + Path("passwords");
  ASSERT_TRUE(broker().Start());
  ClientOptions options = Options();
  EXPECT_EQ(TokenOf(Client::Connect(options)), "not-authorized");
  options.username = "ann";
  options.password = "wrong";
  EXPECT_EQ(TokenOf(Client::Connect(options)), "not-authorized");
  options.password = "secret";
  EXPECT_EQ(TokenOf(Client::Connect(options)), "ok");
}

TEST_F(ClientAccess, TlsChecksTheBrokersCertificate) {
  const std::string made = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes " +
                           std::string("-days 2 -subj /CN=localhost -addext ") +
                           "subjectAltName=DNS:localhost -keyout " + Path("key.pem") + " -out " +
                           Path("cert.pem");
  OutputOf(made + " 2>&1");
  const ReservedPort port;
  ASSERT_NO_FATAL_FAILURE(StartBroker(
      {.more_configuration = "listener " + std::to_string(port.number()) +
                             " 127.0.0.1\nallow_anonymous true\ncertfile " + Path("cert.pem") +
                             "\nkeyfile " + Path("key.pem") + "\n"}));
  ClientOptions options = Options();
  options.host = "localhost";
  options.port = port.number();
  options.tls = TlsOptions{.ca_file = Path("cert.pem")};
  const auto trusting = Client::Connect(options);
  ASSERT_TRUE(trusting.ok()) << WhyOf(trusting);
  EXPECT_TRUE(trusting->bucket("b").Put("k", "v").ok());
  options.tls = TlsOptions{};
  EXPECT_EQ(TokenOf(Client::Connect(options)), "disconnected");
  options.tls->insecure = true;
  EXPECT_EQ(TokenOf(Client::Connect(options)), "ok");
}

}  // namespace
}  // namespace kv::testing
