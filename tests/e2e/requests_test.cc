// Reading requests of MQTT 5 clients, each answered by one reply or one page.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/kv_broker.h"
#include "tests/e2e/reasons.h"

namespace kv::testing {
namespace {

using Texts = std::vector<std::string>;

Properties AtRevision(Revision revision) {
  return Properties().User("kv-revision", std::to_string(revision));
}

// "key@revision op" of each, in order.
Texts Summary(const std::vector<Message>& entries) {
  Texts texts;
  for (const Message& entry : entries) {
    texts.push_back(entry.Property("kv-key").value_or("?") + "@" +
                    entry.Property("kv-revision").value_or("?") + " " +
                    entry.Property("kv-op").value_or("?"));
  }
  return texts;
}

class Requests : public KvBrokerTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"bucket_b", "history=3"}}}));
  }

  Answer Ask(const std::string& topic, const Properties& properties = {}) {
    return ToAnswer(client().Request(topic, {}, properties));
  }

  // a@1 a/x@2 a!@3 b/y@4 (deleted @5) a@6 c/d/e@7
  void WriteSome() {
    for (const std::string key : {"a", "a/x", "a!", "b/y"}) {
      ASSERT_TRUE(IsSuccess(client().Publish("kv/b/" + key, "1 " + key)));
    }
    ASSERT_TRUE(IsSuccess(client().Publish("kv/b/b/y", "")));
    ASSERT_TRUE(IsSuccess(client().Publish("kv/b/a", "2 a")));
    ASSERT_TRUE(IsSuccess(client().Publish("kv/b/c/d/e", "1 c/d/e")));
  }
};

TEST_F(Requests, GetAnswersTheNewestEntryWithEverythingThatItsWriterSaid) {
  const std::string value("\0\xff", 2);
  ASSERT_TRUE(client().Publish("kv/b/k", "older"));
  ASSERT_TRUE(client().Publish(
      "kv/b/k",
      value,
      {.properties =
           Properties().ContentType("x/y").PayloadFormat(0).User("u", "2").User("t", "1")}));
  const Answer got = client().Get("b/k");
  EXPECT_EQ(got.status, "ok");
  EXPECT_EQ(got.value, value);
  EXPECT_EQ(got.Property("kv-key"), "k");
  EXPECT_EQ(got.Property("kv-op"), "PUT");
  EXPECT_EQ(got.Property("kv-revision"), "2");
  EXPECT_EQ(got.message.properties.FindText(PropertyId::kContentType), "x/y");
  EXPECT_EQ(got.message.properties.FindNumber(PropertyId::kPayloadFormat), 0U);
  EXPECT_EQ(got.Property("u"), "2");
  EXPECT_EQ(got.Property("t"), "1");
  EXPECT_FALSE(got.message.retain);
}

TEST_F(Requests, GetOfARevisionAnswersThatEntryBeItAMarker) {
  for (const std::string value : {"1", "2", ""}) {
    ASSERT_TRUE(client().Publish("kv/b/k", value));
  }
  ASSERT_TRUE(client().Publish("kv/b/other", "4"));
  EXPECT_EQ(client().Get("b/k", AtRevision(1)).value, "1");
  EXPECT_EQ(client().Get("b/k", AtRevision(2)).value, "2");
  const Answer marker = client().Get("b/k", AtRevision(3));
  EXPECT_EQ(marker.status, "ok");
  EXPECT_EQ(marker.Property("kv-op"), "DEL");
  EXPECT_EQ(marker.value, "");
  for (const Revision none : {Revision{0}, Revision{4}, Revision{5}, ~Revision{0}}) {
    EXPECT_EQ(client().Get("b/k", AtRevision(none)).status, "key-not-found") << none;
  }
  ASSERT_TRUE(client().Publish("kv/b/k", "5"));
  EXPECT_EQ(client().Get("b/k", AtRevision(1)).status, "key-not-found") << "no longer kept";
  EXPECT_EQ(client().Get("b/k", AtRevision(2)).value, "2");
}

TEST_F(Requests, GetOfADeletedKeyIsNotFoundWithTheMarkersRevision) {
  ASSERT_TRUE(client().Put("b/k", "v").ok());
  for (const std::string op : {"delete", "purge"}) {
    const Answer marker = client().Write("b/k", "", Properties().User("kv-op", op));
    ASSERT_TRUE(marker.ok()) << marker;
    const Answer gone = client().Get("b/k");
    EXPECT_EQ(gone.status, "key-not-found");
    EXPECT_EQ(gone.revision, marker.revision);
    EXPECT_NE(gone.error, "");
  }
  EXPECT_EQ(client().Get("b/never").Property("kv-revision"), std::nullopt);
}

TEST_F(Requests, HistoryIsEveryKeptEntryInRevisionOrder) {
  ASSERT_NO_FATAL_FAILURE(WriteSome());
  EXPECT_EQ(
      Summary(client().History("b")),
      (Texts{
          "a@1 PUT", "a/x@2 PUT", "a!@3 PUT", "b/y@4 PUT", "b/y@5 DEL", "a@6 PUT", "c/d/e@7 PUT"}));
  EXPECT_EQ(Summary(client().History("b/a")), (Texts{"a@1 PUT", "a/x@2 PUT", "a@6 PUT"}))
      << "a prefix is the key and all below it";
  EXPECT_EQ(Summary(client().History("b/c/d")), (Texts{"c/d/e@7 PUT"}));
  EXPECT_EQ(Summary(client().History("b/nothing")), Texts{});
}

TEST_F(Requests, EntriesAreTheNewestOfEachKeyInRevisionOrder) {
  ASSERT_NO_FATAL_FAILURE(WriteSome());
  EXPECT_EQ(Summary(client().Entries("b")),
            (Texts{"a/x@2 PUT", "a!@3 PUT", "b/y@5 DEL", "a@6 PUT", "c/d/e@7 PUT"}));
  EXPECT_EQ(Summary(client().Entries("b", Properties().User("kv-ignore-deletes", "true"))),
            (Texts{"a/x@2 PUT", "a!@3 PUT", "a@6 PUT", "c/d/e@7 PUT"}));
  const auto page = client().Request("$KV/b/entries/a");
  ASSERT_EQ(page.size(), 3U);
  EXPECT_EQ(page[0].Property("kv-status"), "entry");
  EXPECT_EQ(page[0].payload, "1 a/x");
  EXPECT_EQ(page[1].payload, "2 a");
  EXPECT_EQ(page[2].Property("kv-status"), "end");
  EXPECT_EQ(page[2].Property("kv-count"), "2");
  EXPECT_EQ(page[2].Property("kv-cursor"), std::nullopt);
  EXPECT_EQ(page[2].payload, "");
}

TEST_F(Requests, FiltersNarrow) {
  ASSERT_NO_FATAL_FAILURE(WriteSome());
  const std::vector<std::pair<std::string, Texts>> filters = {
      {"#", {"a", "a!", "a/x", "c/d/e"}},
      {"+", {"a", "a!"}},
      {"a/#", {"a", "a/x"}},
      {"+/+", {"a/x"}},
      {"+/x", {"a/x"}},
      {"+/d/#", {"c/d/e"}},
      {"c/+/e", {"c/d/e"}},
      {"a!", {"a!"}},
      {"x/+/#", {}},
  };
  for (const auto& [filter, expected] : filters) {
    SCOPED_TRACE(filter);
    const auto filtered = Properties().User("kv-filter", filter);
    EXPECT_EQ(client().Keys("b", filtered), expected);
    Texts from_entries;
    for (const Message& entry :
         client().Entries("b", Properties(filtered).User("kv-ignore-deletes", "true"))) {
      from_entries.push_back(entry.Property("kv-key").value_or("?"));
    }
    std::sort(from_entries.begin(), from_entries.end());
    EXPECT_EQ(from_entries, expected);
  }
  // Prefix and filter together: both must hold.
  EXPECT_EQ(Ask("$KV/b/keys/a", Properties().User("kv-filter", "+/x")).value, R"(["a/x"])");
  EXPECT_EQ(Ask("$KV/b/keys/c", Properties().User("kv-filter", "+/x")).value, "[]");
}

TEST_F(Requests, KeysAreInTheOrderOfTheirBytesAndLeaveOutWhatWasDeleted) {
  for (const std::string key : {"b", "ü", "a/b", "a!", "a", "B", "10", "9", "\"quoted\\\""}) {
    ASSERT_TRUE(IsSuccess(client().Publish("kv/b/" + key, "v")));
  }
  const Texts all = {"\"quoted\\\"", "10", "9", "B", "a", "a!", "a/b", "b", "ü"};
  EXPECT_EQ(client().Keys("b"), all);
  ASSERT_TRUE(client().Delete("b/9").ok());
  ASSERT_TRUE(client().Purge("b/B").ok());
  EXPECT_EQ(client().Keys("b"), (Texts{"\"quoted\\\"", "10", "a", "a!", "a/b", "b", "ü"}));
  EXPECT_EQ(client().Keys("b", Properties().User("kv-include-deleted", "true")), all);
  const Answer of_prefix = Ask("$KV/b/keys/a");
  EXPECT_EQ(of_prefix.status, "ok");
  EXPECT_EQ(of_prefix.value, R"(["a","a/b"])");
  EXPECT_EQ(of_prefix.Property("kv-count"), "2");
}

TEST_F(Requests, MetaOnlyLeavesTheValuesOut) {
  ASSERT_TRUE(client().Publish(
      "kv/b/k", std::string(1000, 'v'), {.properties = Properties().User("own", "x")}));
  for (const std::string verb : {"history", "entries"}) {
    const auto page =
        client().Request("$KV/b/" + verb, {}, Properties().User("kv-meta-only", "true"));
    ASSERT_EQ(page.size(), 2U);
    EXPECT_EQ(page[0].payload, "");
    EXPECT_EQ(page[0].Property("own"), "x");
    EXPECT_EQ(page[0].Property("kv-op"), "PUT");
  }
}

TEST_F(Requests, FromARevisionOnAndWhetherSomethingIsMissingFromThere) {
  ASSERT_NO_FATAL_FAILURE(WriteSome());
  const auto from = [&](Revision revision, const std::string& verb) {
    return client().Request(
        "$KV/b/" + verb, {}, Properties().User("kv-from-revision", std::to_string(revision)));
  };
  EXPECT_EQ(from(0, "history").size(), 8U);
  EXPECT_EQ(from(0, "history").back().Property("kv-compacted"), std::nullopt);
  EXPECT_EQ(from(1, "history").size(), 8U);
  EXPECT_EQ(from(1, "history").back().Property("kv-compacted"), std::nullopt);
  EXPECT_EQ(from(6, "history").size(), 3U);
  EXPECT_EQ(from(8, "history").size(), 1U);
  EXPECT_EQ(from(1000, "entries").size(), 1U);
  // History 3: of revisions 1, 6, 8, 9 of `a` the first goes.
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(client().Publish("kv/b/a", "more"));
  }
  EXPECT_EQ(from(1, "history").back().Property("kv-compacted"), "true");
  EXPECT_EQ(from(2, "history").back().Property("kv-compacted"), std::nullopt);
  EXPECT_EQ(from(1, "history/a").back().Property("kv-compacted"), "true");
  ASSERT_TRUE(client().Purge("b/a").ok());
  EXPECT_EQ(from(9, "history").back().Property("kv-compacted"), "true") << "9 was purged";
  EXPECT_EQ(from(10, "history").back().Property("kv-compacted"), std::nullopt);
  EXPECT_EQ(client().Request("$KV/b/history").back().Property("kv-compacted"), std::nullopt)
      << "nobody asked from where";
}

TEST_F(Requests, AWatcherResumesWithoutAGap) {
  ASSERT_NO_FATAL_FAILURE(WriteSome());
  const Revision seen = 4;
  KvClient watcher(broker().port());
  ASSERT_TRUE(watcher.Connect()) << watcher.error();
  ASSERT_TRUE(watcher.Subscribe(Subscription{.filter = "kv/b/#", .qos = 1, .retain_handling = 2}));
  ASSERT_TRUE(IsSuccess(client().Publish("kv/b/a", "meanwhile")));
  Revision next = seen + 1;
  const auto missed =
      watcher.History("b", Properties().User("kv-from-revision", std::to_string(next)));
  for (const Message& entry : missed) {
    EXPECT_EQ(RevisionOf(entry), next++);
  }
  ASSERT_TRUE(IsSuccess(client().Publish("kv/b/a", "later")));
  while (next < 10) {
    const auto live = watcher.WaitMessage();
    ASSERT_TRUE(live) << watcher.error();
    next = RevisionOf(*live) == next ? next + 1 : next;
  }
}

TEST_F(Requests, InfoTellsConfigurationAndState) {
  ASSERT_NO_FATAL_FAILURE(WriteSome());
  const auto info = client().Info("b");
  EXPECT_EQ(info["bucket"], "b");
  EXPECT_EQ(info["history"], 3);
  for (const std::string limit :
       {"ttl", "max_value_size", "max_bytes", "max_keys", "marker_ttl", "capture"}) {
    EXPECT_TRUE(info.contains(limit)) << limit;
    EXPECT_EQ(info[limit], nullptr) << limit;
  }
  EXPECT_EQ(info["retained"], true);
  EXPECT_EQ(info["storage"], "file");
  EXPECT_EQ(info["audit"], false);
  EXPECT_EQ(info["description"], "");
  EXPECT_EQ(info["metadata"], nlohmann::json::object());
  EXPECT_EQ(info["keys"], 4);
  EXPECT_EQ(info["entries"], 7);
  EXPECT_EQ(info["last_revision"], 7);
  EXPECT_EQ(info["bytes"], 45) << "keys and values, no properties";
  EXPECT_EQ(info["created"].get<std::string>().size(),
            std::string("2026-11-22T20:20:03.123456789Z").size());
  const Answer answer = Ask("$KV/b/info");
  EXPECT_EQ(answer.message.properties.FindText(PropertyId::kContentType), "application/json");
}

TEST_F(Requests, BucketsAreListedByName) {
  for (const std::string bucket : {"zz", "a-1", "Z"}) {
    ASSERT_TRUE(IsSuccess(client().Publish("kv/" + bucket + "/k", "v")));
  }
  const Answer answer = Ask("$KV/buckets");
  EXPECT_EQ(answer.status, "ok");
  EXPECT_EQ(answer.Property("kv-count"), "4");
  Texts names;
  for (const auto& info : nlohmann::json::parse(answer.value)) {
    names.push_back(info["bucket"]);
    EXPECT_EQ(info, client().Info(names.back()));
  }
  EXPECT_EQ(names, (Texts{"Z", "a-1", "b", "zz"}));
}

TEST_F(Requests, BucketsMayHaveTheNamesOfOtherThings) {
  for (const std::string bucket : {"buckets", "checkpoint", "reply", "get", "admin", "info"}) {
    SCOPED_TRACE(bucket);
    ASSERT_TRUE(IsSuccess(client().Publish("kv/" + bucket + "/get/k", bucket)));
    EXPECT_EQ(client().Get(bucket + "/get/k").value, bucket);
    EXPECT_EQ(client().Info(bucket)["keys"], 1);
  }
}

TEST_F(Requests, SeeWhatWasAcknowledgedBefore) {
  // Over another connection, and though the disk may be behind: linearizable per bucket.
  KvClient reader(broker().port());
  ASSERT_TRUE(reader.Connect()) << reader.error();
  for (int i = 1; i <= 200; ++i) {
    ASSERT_TRUE(IsSuccess(client().Publish("kv/b/k", std::to_string(i))));
    const Answer got = reader.Get("b/k");
    ASSERT_EQ(got.value, std::to_string(i)) << got;
    ASSERT_EQ(got.revision, static_cast<Revision>(i));
  }
}

TEST_F(Requests, WithoutAResponseTopicAreASuccessThatNobodyHears) {
  for (const std::string topic : {"$KV/b/info", "$KV/none/info", "$KV/b/juggle"}) {
    for (std::uint8_t qos = 0; qos < 3; ++qos) {
      EXPECT_TRUE(IsSuccess(client().Publish(topic, "", {.qos = qos, .retain = true})));
    }
  }
  EXPECT_TRUE(client().TakeMessages().empty());
}

}  // namespace
}  // namespace kv::testing
