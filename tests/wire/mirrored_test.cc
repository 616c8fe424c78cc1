// What a bridge brings, told from writes that only look like it.
#include "wire/mirrored.h"

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace kv::wire::testing {
namespace {

const std::string kTimeText = "2026-11-22T21:14:12.176660968Z";
const std::string kEarlier = "2026-11-22T21:14:11.000000001Z";

Incoming ChangeWith(const std::vector<UserProperty>& more) {
  Incoming incoming{.topic = "kv/b/k",
                    .options = {{"kv-op", "PUT"}, {"kv-revision", "7"}, {"kv-time", kTimeText}}};
  incoming.options.insert(incoming.options.end(), more.begin(), more.end());
  return incoming;
}

TEST(MirroredTest, IsAChangeAsItsWriterPublishedIt) {
  const Incoming incoming = ChangeWith({{"kv-reason", "expired"}, {"kv-client", "ann"}});
  const auto mirrored = ParseMirrored(incoming);
  ASSERT_TRUE(mirrored);
  EXPECT_EQ(mirrored->operation, Operation::kPut);
  EXPECT_EQ(mirrored->mark.revision, 7U);
  EXPECT_EQ(mirrored->origin.time, kTimeText);
  EXPECT_FALSE(mirrored->has_come_far);
  EXPECT_EQ(OriginOf(*mirrored, "here"), "7 " + kTimeText + " here");
}

TEST(MirroredTest, KeepsTheOriginAndNotesThePath) {
  const Incoming incoming = ChangeWith({{"kv-origin", "3 " + kEarlier + " first second"}});
  const auto mirrored = ParseMirrored(incoming);
  ASSERT_TRUE(mirrored);
  EXPECT_TRUE(mirrored->has_come_far);
  EXPECT_EQ(mirrored->origin.revision, 3U);
  EXPECT_EQ(OriginOf(*mirrored, "third"), "3 " + kEarlier + " first second third");
  EXPECT_TRUE(HasBeenAt(*mirrored, "first"));
  EXPECT_TRUE(HasBeenAt(*mirrored, "second"));
  EXPECT_FALSE(HasBeenAt(*mirrored, "third"));
  EXPECT_FALSE(HasBeenAt(*mirrored, "sec"));
}

TEST(MirroredTest, APathThatGrowsForEverEnds) {
  const Incoming incoming =
      ChangeWith({{"kv-origin", "3 " + kEarlier + " " + std::string(2000, 'x')}});
  const auto mirrored = ParseMirrored(incoming);
  ASSERT_TRUE(mirrored);
  EXPECT_TRUE(HasBeenAt(*mirrored, "here"));
}

TEST(MirroredTest, IsNotAWriteThatAsksForSomething) {
  for (const UserProperty& asking : {UserProperty{"kv-ttl", "1m"},
                                     UserProperty{"kv-expected-revision", "7"},
                                     UserProperty{"kv-ephemeral", "true"},
                                     UserProperty{"kv-msg-id", "m"},
                                     UserProperty{"kv-op", "PUT"},
                                     UserProperty{"kv-revision", "8"},
                                     UserProperty{"kv-origin", ""},
                                     UserProperty{"kv-origin", "x " + kEarlier},
                                     UserProperty{"kv-origin", "3 yesterday x"},
                                     UserProperty{"kv-whatever", ""}}) {
    EXPECT_FALSE(ParseMirrored(ChangeWith({asking}))) << asking.name;
  }
  Incoming with_reply = ChangeWith({});
  with_reply.response_topic = "r";
  EXPECT_FALSE(ParseMirrored(with_reply));
}

TEST(MirroredTest, IsNotAWriteWithMadeUpMarks) {
  for (const auto& [op, revision, time] :
       std::vector<std::array<std::string, 3>>{{"put", "7", kTimeText},
                                               {"PUT", "-7", kTimeText},
                                               {"PUT", "", kTimeText},
                                               {"PUT", "7", "yesterday"},
                                               {"PUT", "7", "2026-11-22T21:14:12Z"},
                                               {"PUT", "7", "2026-11-22 21:14:12.176660968Z"},
                                               {"PUT", "7", kTimeText + "Z"}}) {
    const Incoming incoming{
        .options = {{"kv-op", op}, {"kv-revision", revision}, {"kv-time", time}}};
    EXPECT_FALSE(ParseMirrored(incoming)) << op << " " << revision << " " << time;
  }
  EXPECT_FALSE(ParseMirrored(Incoming{.options = {{"kv-op", "PUT"}}}));
  EXPECT_FALSE(ParseMirrored({}));
}

}  // namespace
}  // namespace kv::wire::testing
