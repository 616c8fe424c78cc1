// Replies as typed values.
#include "client/replies.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "wire/names.h"
#include "wire/packed_entries.h"
#include "wire/reply.h"

namespace kv::client::testing {
namespace {

Arrival ArrivalOf(const wire::Reply& reply) {
  Arrival arrival{.payload = reply.payload, .properties = reply.own};
  arrival.properties.user = wire::UserPropertiesOf(reply);
  return arrival;
}

Arrival EntryArrival(Revision revision) {
  return ArrivalOf(wire::EntryReply(
      wire::kStatusEntry, {.key = "k", .revision = revision, .value = "v"}, /*meta_only=*/false));
}

Arrival End(std::uint64_t count, const std::string& cursor, bool compacted) {
  wire::Reply end = wire::OkReply();
  wire::AddNumber(end, wire::kCount, count);
  if (!cursor.empty()) {
    wire::AddText(end, wire::kCursor, cursor);
  }
  if (compacted) {
    wire::AddFlag(end, wire::kCompacted);
  }
  return ArrivalOf(end);
}

Arrival PackedEnd(std::uint64_t count, std::string payload) {
  Arrival end = End(count, "next", true);
  end.properties.content_type = wire::kPackedEntriesType;
  end.payload = std::move(payload);
  return end;
}

TEST(RepliesTest, OfWrites) {
  const auto written = ToWritten({ArrivalOf(wire::WriteReply(7, 5, /*duplicate=*/true)), {}});
  EXPECT_EQ(*written, (Written{.revision = 7, .time = 5, .duplicate = true}));
  EXPECT_EQ(*ToWritten({ArrivalOf(wire::WriteReply(0, 0, false)), {}}), Written{});
}

TEST(RepliesTest, OfIncrements) {
  wire::Reply reply = wire::ValueReply("-42");
  wire::AddNumber(reply, wire::kRevision, 3);
  const auto counted = ToCounted({ArrivalOf(reply), {}});
  ASSERT_TRUE(counted.ok());
  EXPECT_EQ(counted->value, -42);
  EXPECT_EQ(counted->written.revision, 3U);
  for (const char* text : {"", "4x", "99999999999999999999"}) {
    const auto bad = ToCounted({ArrivalOf(wire::ValueReply(text)), {}});
    ASSERT_FALSE(bad.ok()) << text;
    EXPECT_EQ(bad.error().code, ErrorCode::kBadReply);
  }
}

TEST(RepliesTest, OfPages) {
  const auto page = ToEntryPage({End(2, "next", true), {EntryArrival(1), EntryArrival(4)}});
  ASSERT_TRUE(page.ok());
  ASSERT_TRUE(page->has_value());
  EXPECT_EQ((*page)->entries.size(), 2U);
  EXPECT_EQ((*page)->entries[1].revision, 4U);
  EXPECT_EQ((*page)->cursor, "next");
  EXPECT_TRUE((*page)->compacted);
}

TEST(RepliesTest, OfPackedPages) {
  const std::vector<Entry> entries{{.key = "k", .revision = 1, .value = "v"},
                                   {.key = "k", .revision = 4, .value = "w"}};
  const auto page = ToEntryPage({PackedEnd(2, wire::PackEntries(entries, false)), {}});
  ASSERT_TRUE(page.ok());
  ASSERT_TRUE(page->has_value());
  EXPECT_EQ((*page)->entries, entries);
  EXPECT_EQ((*page)->cursor, "next");
  EXPECT_TRUE((*page)->compacted);
}

TEST(RepliesTest, PackedPageThatIsDamagedOrMiscountedIsABadReply) {
  const std::string packed = wire::PackEntries({{.key = "k", .revision = 1}}, false);
  for (const auto& [count, payload] :
       {std::pair(1, packed.substr(0, 9)), {1, std::string()}, {2, packed}, {0, packed}}) {
    const auto page = ToEntryPage({PackedEnd(static_cast<std::uint64_t>(count), payload), {}});
    ASSERT_FALSE(page.ok()) << count;
    EXPECT_EQ(page.error().code, ErrorCode::kBadReply);
  }
}

TEST(RepliesTest, PageThatLostEntriesOrItsEndIsNone) {
  EXPECT_FALSE(ToEntryPage({End(2, "", false), {EntryArrival(1)}})->has_value());
  EXPECT_FALSE(ToEntryPage({{}, {EntryArrival(1)}})->has_value());
}

TEST(RepliesTest, PageWithWhatIsNoEntryIsABadReply) {
  const auto page = ToEntryPage({End(1, "", false), {Arrival{}}});
  ASSERT_FALSE(page.ok());
  EXPECT_EQ(page.error().code, ErrorCode::kBadReply);
}

TEST(RepliesTest, OfCountsAndTransactions) {
  EXPECT_EQ(*ToCount({End(9, "", false), {}}), 9U);
  EXPECT_FALSE(ToCount({ArrivalOf(wire::OkReply()), {}}).ok());
  const auto outcome = ToTxnOutcome(
      {ArrivalOf(wire::DocumentReply(wire::kTopOfReply,
                                     R"({"succeeded":true,"results":[{"key":"a","revision":3}]})")),
       {}});
  ASSERT_TRUE(outcome.ok());
  EXPECT_TRUE(outcome->succeeded);
  ASSERT_EQ(outcome->writes.size(), 1U);
  EXPECT_EQ(outcome->writes[0].revision, 3U);
}

}  // namespace
}  // namespace kv::client::testing
