// What a session tells, and in which order.
#include "client/session.h"

#include <future>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/broker_process.h"

namespace kv::client::testing {
namespace {

TEST(SessionTest, TellsOfTheConnectionBeforeTheStartIsOver) {
  kv::testing::BrokerProcess broker;
  ASSERT_TRUE(broker.Start());
  ClientOptions options;
  options.port = broker.port();
  std::promise<void> over;
  std::vector<std::string> told;  // of the loop's thread
  EventLoop loop;
  Session session(loop, options);
  loop.Post([&] {
    session.Start(
        [&](const Status& started) {
          told.emplace_back(started ? "started" : started.error().message);
          loop.Post([&over] { over.set_value(); });
        },
        [&](const ConnectionEvent& event) {
          told.emplace_back(event.connected ? "connected" : event.reason);
        });
  });
  over.get_future().wait();
  loop.Post([&session] { session.Close(); });
  loop.Stop();
  EXPECT_EQ(told, (std::vector<std::string>{"connected", "started"}));
}

}  // namespace
}  // namespace kv::client::testing
