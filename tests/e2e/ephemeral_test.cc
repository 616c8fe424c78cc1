// Keys that go with the connection of their writer, however that ends.
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/request_clients.h"

namespace kv::testing {
namespace {

using Texts = std::vector<std::string>;

Properties AsEphemeral() {
  return Properties().User("kv-ephemeral", "true");
}

class Ephemeral : public RequestTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"bucket_b", "history=5"}}}));
  }

  std::unique_ptr<KvClient> Writer(const ConnectOptions& options = {}) {
    auto writer = std::make_unique<KvClient>(broker().port());
    EXPECT_TRUE(writer->Connect(options)) << writer->error();
    return writer;
  }

  // A connection that wrote b/mine, ephemeral, and b/plain.
  std::unique_ptr<KvClient> WriterOfBoth(const ConnectOptions& options = {}) {
    auto writer = Writer(options);
    EXPECT_TRUE(writer->Put("b/mine", "online", AsEphemeral()).ok());
    EXPECT_TRUE(writer->Put("b/plain", "stays").ok());
    return writer;
  }

  // Of what WriterOfBoth() wrote in an empty bucket, after its connection ended.
  void ExpectStored() {
    EXPECT_EQ(client().Keys("b"), Texts{"plain"});
    const Answer gone = client().Get("b/mine");
    EXPECT_EQ(gone.status, "key-not-found");
    EXPECT_GE(gone.revision, 3U) << "after a kill there may be a gap";
    const auto history = client().History("b/mine");
    ASSERT_EQ(history.size(), 2U) << "a delete leaves the history";
    EXPECT_EQ(history[0].payload, "online");
    EXPECT_EQ(history[1].Property("kv-op"), "DEL");
    EXPECT_EQ(history[1].Property("kv-reason"), "disconnected");
    ASSERT_NO_FATAL_FAILURE(ExpectRetainedEqualsStore(broker().port(), "b"));
  }

  void ExpectGone(MqttClient& watcher) {
    const auto end = watcher.WaitMessage();
    ASSERT_TRUE(end) << watcher.error();
    EXPECT_EQ(ChangeText(*end), "mine@3 DEL");
    EXPECT_EQ(end->Property("kv-reason"), "disconnected");
    EXPECT_EQ(end->qos, 1);
    ASSERT_NO_FATAL_FAILURE(ExpectStored());
    EXPECT_TRUE(watcher.TakeMessages().empty()) << "once";
  }

  std::unique_ptr<MqttClient> WatchBoth() {
    auto watcher = Watch("kv/b/#");
    EXPECT_EQ(watcher->WaitMessages(2).size(), 2U) << "the retained ones";
    return watcher;
  }
};

TEST_F(Ephemeral, GoesAtACleanDisconnect) {
  const auto writer = WriterOfBoth();
  const auto watcher = WatchBoth();
  EXPECT_TRUE(watcher->TakeMessages().empty()) << "not before";
  ASSERT_TRUE(writer->Disconnect());
  ASSERT_NO_FATAL_FAILURE(ExpectGone(*watcher));
}

TEST_F(Ephemeral, GoesWhenTheTcpConnectionBreaks) {
  const auto writer = WriterOfBoth();
  const auto watcher = WatchBoth();
  writer->Drop();
  ASSERT_NO_FATAL_FAILURE(ExpectGone(*watcher));
}

TEST_F(Ephemeral, GoesWhenTheKeepAliveRunsOut) {
  const auto watcher = Watch("kv/b/#");
  const auto writer = WriterOfBoth({.keep_alive_seconds = 1});
  ASSERT_EQ(watcher->WaitMessages(2).size(), 2U) << watcher->error();
  ASSERT_TRUE(writer->WaitDisconnected());
  ASSERT_NO_FATAL_FAILURE(ExpectGone(*watcher));
}

TEST_F(Ephemeral, GoesWhenTheBrokerEndsTheConnectionOfOneWhoMisbehaves) {
  const auto writer = WriterOfBoth();
  const auto watcher = WatchBoth();
  ASSERT_TRUE(writer->SendRaw(std::string("\x80\0", 2)));  // a SUBSCRIBE with the wrong flags
  ASSERT_TRUE(writer->WaitDisconnected());
  ASSERT_NO_FATAL_FAILURE(ExpectGone(*watcher));
}

TEST_F(Ephemeral, GoesWhenAnotherConnectionTakesTheClientIdOver) {
  const auto writer = WriterOfBoth({.client_id = "ann"});
  const auto watcher = WatchBoth();
  const auto successor = Writer({.client_id = "ann"});
  ASSERT_TRUE(writer->WaitDisconnected());
  ASSERT_NO_FATAL_FAILURE(ExpectGone(*watcher));
  // What the successor writes is its own.
  ASSERT_TRUE(successor->Put("b/mine", "again", AsEphemeral()).ok());
  EXPECT_EQ(ChangeTexts(watcher->TakeMessages()), Texts{"mine@4 PUT again"});
  ASSERT_TRUE(successor->Disconnect());
  const auto end = watcher->WaitMessage();
  ASSERT_TRUE(end) << watcher->error();
  EXPECT_EQ(ChangeText(*end), "mine@5 DEL");
}

TEST_F(Ephemeral, DoesNotOutliveTheConnectionOfAPersistentSession) {
  const ConnectOptions persistent{
      .client_id = "ann", .clean_start = false, .session_expiry_seconds = 3600};
  for (const bool clean : {true, false}) {
    SCOPED_TRACE(clean ? "DISCONNECT" : "dropped");
    ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"bucket_b", "history=5"}}}));
    const auto writer = WriterOfBoth(persistent);
    const auto watcher = WatchBoth();
    if (clean) {
      ASSERT_TRUE(writer->Disconnect());
    } else {
      writer->Drop();
    }
    ASSERT_NO_FATAL_FAILURE(ExpectGone(*watcher));
    ASSERT_TRUE(writer->Connect(persistent)) << writer->error();
    EXPECT_TRUE(writer->connack()->session_present);
    EXPECT_EQ(writer->Get("b/mine").status, "key-not-found") << "nor does it come back";
    ASSERT_TRUE(writer->Put("b/mine", "again", AsEphemeral()).ok());
    EXPECT_EQ(ChangeTexts(watcher->TakeMessages()), Texts{"mine@4 PUT again"});
  }
}

TEST_F(Ephemeral, StaysWhenItsNewestEntryIsNoLongerThatOfTheConnection) {
  const auto writer = Writer();
  for (const std::string key : {"taken", "owned", "plain", "requested", "deleted", "repeated"}) {
    ASSERT_TRUE(writer->Put("b/" + key, "mine", AsEphemeral()).ok());
  }
  const auto other = Writer();
  ASSERT_TRUE(other->Put("b/taken", "by another").ok());
  ASSERT_TRUE(other->Put("b/owned", "until that one goes", AsEphemeral()).ok());
  ASSERT_TRUE(writer->Put("b/plain", "not ephemeral any more").ok());
  ASSERT_TRUE(Ask("b/put/requested", "by a request").ok());
  ASSERT_TRUE(other->Delete("b/deleted").ok());
  ASSERT_TRUE(writer->Put("b/repeated", "mine again", AsEphemeral()).ok());
  EXPECT_EQ(
      writer->Put("b/taken", "refused", AsEphemeral().User("kv-expected-revision", "1")).status,
      "wrong-last-revision");
  const Revision last = client().Info("b")["last_revision"];
  const auto watcher = Watch("kv/b/#");
  ASSERT_EQ(watcher->WaitMessages(5).size(), 5U) << "the retained ones";
  ASSERT_TRUE(writer->Disconnect());
  const auto first = watcher->WaitMessage();
  ASSERT_TRUE(first) << watcher->error();
  EXPECT_EQ(ChangeText(*first), "repeated@" + std::to_string(last + 1) + " DEL");
  EXPECT_TRUE(watcher->TakeMessages().empty());
  EXPECT_EQ(client().Keys("b"), (Texts{"owned", "plain", "requested", "taken"}));
  other->Drop();
  const auto second = watcher->WaitMessage();
  ASSERT_TRUE(second) << watcher->error();
  EXPECT_EQ(ChangeText(*second), "owned@" + std::to_string(last + 2) + " DEL");
  EXPECT_EQ(client().Keys("b"), (Texts{"plain", "requested", "taken"}));
}

TEST_F(Ephemeral, ByEveryKindOfWriteInEveryBucketGoTogether) {
  const auto writer = Writer();
  ASSERT_TRUE(
      IsSuccess(writer->Publish("kv/a/qos2", "v", {.qos = 2, .properties = AsEphemeral()})));
  ASSERT_TRUE(writer->Publish("kv/a/qos0", "v", {.qos = 0, .properties = AsEphemeral()}));
  ASSERT_TRUE(writer->Write("b/created", "v", AsEphemeral().User("kv-op", "create")).ok());
  ASSERT_TRUE(writer
                  ->Write("b/updated",
                          "v",
                          AsEphemeral().User("kv-op", "update").User("kv-expected-revision", "0"))
                  .ok());
  ASSERT_TRUE(testing::Ask(*writer, "b/put/requested", "v", AsEphemeral()).ok());
  ASSERT_TRUE(testing::Ask(*writer, "b/increment/n", "1", AsEphemeral()).ok());
  ASSERT_TRUE(testing::Ask(*writer,
                           "b/txn",
                           R"({"then": [{"op": "put", "key": "t", "value": "v", "ephemeral": true},
                                        {"op": "put", "key": "plain", "value": "v"}]})")
                  .ok());
  EXPECT_EQ(client().Keys("a").size() + client().Keys("b").size(), 8U);
  ASSERT_TRUE(writer->Disconnect());
  EXPECT_TRUE(Eventually(
      [&] { return client().Keys("a").empty() && client().Keys("b") == Texts{"plain"}; }));
  ASSERT_NO_FATAL_FAILURE(ExpectRetainedEqualsStore(broker().port(), "a"));
  ASSERT_NO_FATAL_FAILURE(ExpectRetainedEqualsStore(broker().port(), "b"));
}

TEST_F(Ephemeral, OfVersion311ByATransactionGoesToo) {
  JsonClient old(broker().port());
  ASSERT_TRUE(old.Connect()) << old.error();
  const std::string txn =
      R"({"then": [{"op": "put", "key": "mine", "value": "online", "ephemeral": true},
                   {"op": "put", "key": "plain", "value": "stays"}]})";
  EXPECT_EQ(old.Ask("b/txn", txn)["status"], "ok");
  const auto watcher = WatchBoth();
  old.Drop();
  ASSERT_NO_FATAL_FAILURE(ExpectGone(*watcher));
}

TEST_F(Ephemeral, ALockIsFreeForTheNextWhenItsHolderIsGone) {
  const auto lock = AsEphemeral().User("kv-op", "create");
  const auto holder = Writer();
  const auto waiting = Writer();
  ASSERT_TRUE(holder->Write("b/lock", "holder", lock).ok());
  EXPECT_EQ(waiting->Write("b/lock", "waiting", lock).status, "key-exists");
  ASSERT_EQ(waiting->Subscribe({.filter = "kv/b/lock", .qos = 1, .retain_handling = 2}), 1);
  holder->Drop();
  const auto free = waiting->WaitMessage();
  ASSERT_TRUE(free) << waiting->error();
  EXPECT_EQ(free->Property("kv-op"), "DEL");
  EXPECT_TRUE(waiting->Write("b/lock", "waiting", lock).ok());
  EXPECT_EQ(client().Get("b/lock").value, "waiting");
}

TEST_F(Ephemeral, AFalseFlagBindsNothing) {
  const auto writer = Writer();
  ASSERT_TRUE(writer->Put("b/k", "v", Properties().User("kv-ephemeral", "false")).ok());
  ASSERT_TRUE(writer->Put("b/mine", "v", AsEphemeral()).ok());
  writer->Drop();
  EXPECT_TRUE(Eventually([&] { return client().Keys("b") == Texts{"k"}; }));
}

// The parameter: by SIGKILL, rather than by SIGTERM.
class EphemeralAtTheBrokersEnd : public Ephemeral, public ::testing::WithParamInterface<bool> {
 protected:
  void SetUp() override {}

  void StartAndWrite(bool persistence) {
    ASSERT_NO_FATAL_FAILURE(
        StartBroker({.plugin = {{"bucket_b", "history=5"}}, .persistence = persistence}));
    writer_ = WriterOfBoth();
  }

  std::unique_ptr<KvClient> writer_;
};

std::string NameOfEnd(const ::testing::TestParamInfo<bool>& info) {
  return info.param ? "Killed" : "Terminated";
}
INSTANTIATE_TEST_SUITE_P(After, EphemeralAtTheBrokersEnd, ::testing::Bool(), NameOfEnd);

TEST_P(EphemeralAtTheBrokersEnd, IsGoneFromTheFirstMomentOfTheNextStart) {
  ASSERT_NO_FATAL_FAILURE(StartAndWrite(false));
  ASSERT_NO_FATAL_FAILURE(RestartBroker(GetParam()));
  const auto watcher = Watch("kv/b/#");
  const auto plain = watcher->WaitMessage();
  ASSERT_TRUE(plain) << watcher->error();
  EXPECT_EQ(ChangeText(*plain), "plain@2 PUT stays");
  EXPECT_TRUE(watcher->TakeMessages().empty());
  ASSERT_NO_FATAL_FAILURE(ExpectStored());
}

TEST_P(EphemeralAtTheBrokersEnd, IsTakenBackFromTheBrokersFileAndASessionIsTold) {
  ASSERT_NO_FATAL_FAILURE(StartAndWrite(true));
  const ConnectOptions persistent{
      .client_id = "watcher", .clean_start = false, .session_expiry_seconds = 3600};
  MqttClient watcher(broker().port());
  ASSERT_TRUE(watcher.Connect(persistent)) << watcher.error();
  ASSERT_EQ(watcher.Subscribe("kv/b/#", 1), 1);
  ASSERT_EQ(watcher.WaitMessages(2).size(), 2U);
  ASSERT_TRUE(watcher.Disconnect());
  ASSERT_TRUE(broker().Save()) << "with the key that is to go";
  ASSERT_NO_FATAL_FAILURE(RestartBroker(GetParam()));
  ASSERT_NO_FATAL_FAILURE(ExpectStored());
  ASSERT_TRUE(watcher.Connect(persistent)) << watcher.error();
  ASSERT_TRUE(watcher.connack()->session_present);
  const auto end = watcher.WaitMessage();
  ASSERT_TRUE(end) << watcher.error();
  EXPECT_EQ(end->topic, "kv/b/mine");
  EXPECT_EQ(end->Property("kv-op"), "DEL");
  EXPECT_EQ(end->Property("kv-reason"), "disconnected");
}

TEST_P(EphemeralAtTheBrokersEnd, StaysWhenItWasWrittenByAnotherBefore) {
  ASSERT_NO_FATAL_FAILURE(StartAndWrite(false));
  ASSERT_TRUE(client().Put("b/mine", "not his any more").ok());
  ASSERT_NO_FATAL_FAILURE(RestartBroker(GetParam()));
  EXPECT_EQ(client().Get("b/mine").value, "not his any more");
  EXPECT_EQ(client().Get("b/mine").revision, 3U);
}

}  // namespace
}  // namespace kv::testing
