// What subscribers get with a change.
#include "wire/change_properties.h"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "wire/time_text.h"

namespace kv::wire::testing {
namespace {

TEST(ChangePropertiesTest, SayWhatHappenedWhenAndWhy) {
  ChangeProperties properties;
  const std::vector<UserProperty> of_a_put{
      {"kv-op", "PUT"}, {"kv-revision", "7"}, {"kv-time", "1970-01-01T00:00:00.000000000Z"}};
  EXPECT_EQ(properties.Of({Operation::kPut, 7, 0}), of_a_put);
  const auto of_a_purge = properties.Of({Operation::kPurge, 8, 0, Reason::kBucketDeleted});
  ASSERT_EQ(of_a_purge.size(), 4U);
  EXPECT_EQ(of_a_purge[0], (UserProperty{"kv-op", "PURGE"}));
  EXPECT_EQ(of_a_purge[3], (UserProperty{"kv-reason", "bucket-deleted"}));
  const auto of_a_delete = properties.Of({Operation::kDelete, 9, 0, Reason::kDisconnected});
  ASSERT_EQ(of_a_delete.size(), 4U);
  EXPECT_EQ(of_a_delete[0], (UserProperty{"kv-op", "DEL"}));
  EXPECT_EQ(of_a_delete[3], (UserProperty{"kv-reason", "disconnected"}));
  EXPECT_EQ(properties.Of({Operation::kPut, 7, 0}), of_a_put) << "something is left";
}

TEST(ChangePropertiesTest, SayWhoWroteAndWhereItComesFrom) {
  const Author author{"device-1", "alice"};
  ChangeProperties spelled;
  const auto& properties = spelled.Of({.operation = Operation::kPut,
                                       .revision = 7,
                                       .time = 0,
                                       .author = &author,
                                       .origin = "here 7"});
  ASSERT_EQ(properties.size(), 6U);
  EXPECT_EQ(properties[3], (UserProperty{"kv-client", "device-1"}));
  EXPECT_EQ(properties[4], (UserProperty{"kv-username", "alice"}));
  EXPECT_EQ(properties[5], (UserProperty{"kv-origin", "here 7"}));
}

// Only what changed is written anew: whatever came before, it must be as if nothing had.
TEST(ChangePropertiesTest, AreThoseOfThisChangeWhateverCameBefore) {
  std::mt19937_64 random(11);
  const auto below = [&random](std::uint64_t limit) {
    return random() % limit;
  };
  ChangeProperties used;
  TimePoint time = -2 * kSecond;
  Revision revision = 0;
  for (int i = 0; i < 20'000; ++i) {
    // Back and forth, across seconds and across 1970; now and then far away.
    time += static_cast<TimePoint>(below(kSecond)) - kSecond / 2;
    time = below(50) == 0 ? static_cast<TimePoint>(random() / 2) - (TimePoint{1} << 62) : time;
    time = below(50) == 0 ? static_cast<TimePoint>(below(3 * kSecond)) - kSecond : time;
    const ChangeNotice change{.operation = static_cast<Operation>(below(3)),
                              .revision = below(2) == 0 ? random() >> below(64) : revision + 1,
                              .time = time,
                              .reason = static_cast<Reason>(below(8) == 0 ? below(4) : 0)};
    revision = change.revision;
    const auto& properties = used.Of(change);
    ASSERT_EQ(properties, ChangeProperties().Of(change)) << i;
    ASSERT_EQ(properties[1].value, std::to_string(change.revision));
    ASSERT_EQ(properties[2].value, FormatTime(time));
  }
}

// One after the other, as nearly always.
TEST(ChangePropertiesTest, CountRevisions) {
  ChangeProperties properties;
  for (const Revision first : {Revision{1}, Revision{99'990}, ~Revision{0} - 20}) {
    for (Revision revision = first; revision < first + 20; ++revision) {
      EXPECT_EQ(properties.Of({Operation::kPut, revision, 0})[1].value, std::to_string(revision));
    }
  }
  EXPECT_EQ(properties.Of({Operation::kPut, ~Revision{0}, 0})[1].value, "18446744073709551615");
  EXPECT_EQ(properties.Of({Operation::kPut, 0, 0})[1].value, "0") << "one more than the highest";
}

}  // namespace
}  // namespace kv::wire::testing
