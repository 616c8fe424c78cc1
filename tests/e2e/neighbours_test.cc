// The plugin beside what else a broker has: another plugin that edits messages, and SIGHUP.
#include <csignal>
#include <string>

#include <gtest/gtest.h>

#include "tests/e2e/request_clients.h"

namespace kv::testing {
namespace {

class Neighbours : public RequestTest {
 protected:
  static std::string EditingPlugin() { return std::string("plugin ") + KV_EDITING_PLUGIN + "\n"; }
};

TEST_F(Neighbours, WhatAPluginLoadedBeforeChangesIsWhatIsStoredAndWatched) {
  ASSERT_NO_FATAL_FAILURE(StartBroker({.configuration = EditingPlugin()}));
  const auto watcher = Watch("kv/#");
  ASSERT_TRUE(IsSuccess(client().Publish("kv/b/in-place", "v")));
  ASSERT_TRUE(client().Put("b/anew", "v").ok());
  ASSERT_TRUE(IsSuccess(client().Publish("kv/b/qos2", "v", {.qos = 2})));
  for (int i = 0; i < 3; ++i) {
    const auto live = watcher->WaitMessage();
    ASSERT_TRUE(live) << watcher->error();
    EXPECT_EQ(live->payload, "v!") << live->topic;
    EXPECT_EQ(live->properties.UserValues("edited-by").size(), 1U) << live->topic;
    EXPECT_EQ(live->properties.UserValues("kv-revision").size(), 1U) << live->topic;
    const Answer stored = client().Get(live->topic.substr(3));
    EXPECT_TRUE(SameEntry(stored.message, *live)) << stored;
  }
  ASSERT_NO_FATAL_FAILURE(ExpectRetainedEqualsStore(broker().port(), "b"));
  EXPECT_TRUE(client().Delete("b/anew").ok()) << "an empty payload stays one";
}

TEST_F(Neighbours, APluginLoadedBehindSeesWhatPassesInPlaceAndBreaksNothing) {
  ASSERT_NO_FATAL_FAILURE(StartBroker({.more_configuration = EditingPlugin()}));
  const auto watcher = Watch("#");
  ASSERT_TRUE(IsSuccess(client().Publish("kv/b/k", "v")));
  const auto live = watcher->WaitMessage();
  ASSERT_TRUE(live) << watcher->error();
  EXPECT_EQ(live->Property("kv-op"), "PUT");
  EXPECT_EQ(live->Property("edited-by"), "neighbour");
  EXPECT_EQ(client().Get("b/k").value, "v") << "stored as it was when this plugin saw it";
  ASSERT_TRUE(client().Put("b/k", "anew").ok());
  EXPECT_EQ(watcher->WaitMessage()->payload, "anew") << "what plugins publish passes by the others";
  EXPECT_EQ(client().Info("b")["last_revision"], 2);
  EXPECT_EQ(client().Publish("kv/b/", "v"), kRefused);
  EXPECT_TRUE(watcher->TakeMessages().empty()) << "what was taken out stays out";
  EXPECT_TRUE(broker().process().IsRunning());
}

TEST_F(Neighbours, AfterSighupTheNewRulesHoldAndTheBucketsAreAsTheyWere) {
  TemporaryDirectory directory;
  const auto acl = directory.path() / "acl";
  WriteFile(acl, "topic readwrite kv/#\ntopic write $KV/#\n");
  ASSERT_NO_FATAL_FAILURE(StartBroker(
      {.plugin = {{"bucket_b", "history=3"}}, .configuration = "acl_file " + acl.string()}));
  const auto watcher = Watch("kv/b/#");
  ASSERT_TRUE(client().Put("b/k", "1").ok());
  WriteFile(acl, "topic read kv/#\ntopic write kv/b/allowed\ntopic write $KV/b/get/#\n");
  ASSERT_TRUE(broker().process().Signal(SIGHUP));
  ASSERT_TRUE(broker().process().WaitForLog("Reloading config"));
  EXPECT_TRUE(Eventually([&] { return client().Publish("kv/b/k", "2") == kRefused; }));
  const Answer put = client().Put("b/allowed", "v");
  EXPECT_TRUE(put.ok()) << put;
  EXPECT_EQ(client().Get("b/allowed").revision, put.revision);
  EXPECT_EQ(client().Publish("$KV/b/history", ""), kRefused);
  const auto live =
      watcher->WaitMessage([](const Message& m) { return m.topic == "kv/b/allowed"; });
  EXPECT_TRUE(live) << "subscriptions hold";
  // Again and again while somebody writes: the plugin is not loaded anew.
  Revision last = put.revision;
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(broker().process().Signal(SIGHUP));
    const Answer next = client().Put("b/allowed", std::to_string(i));
    ASSERT_EQ(next.revision, last + 1) << next;
    last = next.revision;
  }
  EXPECT_TRUE(broker().process().IsRunning());
}

}  // namespace
}  // namespace kv::testing
