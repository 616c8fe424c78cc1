// What the kv- properties of a write ask for.
#include "wire/write_options.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "wire/incoming.h"

namespace kv::wire::testing {
namespace {

using Options = std::vector<UserProperty>;

WriteOptions MustParse(const Options& options, bool payload_is_empty = false) {
  auto parsed = ParseWriteOptions(options, payload_is_empty);
  EXPECT_TRUE(parsed.ok()) << (parsed ? "" : parsed.error().message);
  return parsed ? *parsed : WriteOptions{};
}

// The message of a bad-request.
std::string Refusal(const Options& options) {
  const auto parsed = ParseWriteOptions(options, false);
  if (parsed) {
    return "accepted";
  }
  EXPECT_EQ(parsed.error().code, ErrorCode::kBadRequest);
  return parsed.error().message;
}

TEST(WriteOptionsTest, WithoutPropertiesFollowThePayload) {
  const WriteOptions put = MustParse({}, /*payload_is_empty=*/false);
  EXPECT_EQ(put.verb, WriteVerb::kPut);
  EXPECT_EQ(put.operation(), Operation::kPut);
  EXPECT_FALSE(put.expected);
  EXPECT_FALSE(put.ttl);
  EXPECT_FALSE(put.ephemeral);
  EXPECT_EQ(put.message_id, "");
  EXPECT_EQ(MustParse({}, /*payload_is_empty=*/true).verb, WriteVerb::kDelete);
}

TEST(WriteOptionsTest, OpDecidesWhateverThePayload) {
  const std::vector<std::pair<std::string, WriteVerb>> cases{
      {"put", WriteVerb::kPut},
      {"create", WriteVerb::kCreate},
      {"update", WriteVerb::kUpdate},
      {"delete", WriteVerb::kDelete},
      {"purge", WriteVerb::kPurge},
  };
  for (const auto& [op, verb] : cases) {
    const Options options{{"kv-op", op}, {"kv-expected-revision", "3"}};
    EXPECT_EQ(MustParse(options, false).verb, verb) << op;
    EXPECT_EQ(MustParse(options, true).verb, verb) << op;
  }
}

TEST(WriteOptionsTest, OpIsReadWithoutRegardToCase) {
  EXPECT_EQ(MustParse({{"kv-op", "CREATE"}}).verb, WriteVerb::kCreate);
  EXPECT_EQ(MustParse({{"kv-op", "Purge"}}).verb, WriteVerb::kPurge);
  EXPECT_EQ(MustParse({{"kv-op", "dELETE"}}).verb, WriteVerb::kDelete);
}

TEST(WriteOptionsTest, OpTakesBackWhatReadersGet) {
  for (const Operation operation : {Operation::kPut, Operation::kDelete, Operation::kPurge}) {
    const Options options{{"kv-op", std::string(NameOf(operation))},
                          {"kv-revision", "7"},
                          {"kv-time", "2026-01-01T00:00:00.000000000Z"},
                          {"kv-reason", "expired"}};
    const WriteOptions parsed = MustParse(options, operation != Operation::kPut);
    EXPECT_EQ(parsed.operation(), operation);
    EXPECT_FALSE(parsed.expected);
  }
}

TEST(WriteOptionsTest, OpMapsToTheOperationThatIsStored) {
  EXPECT_EQ(MustParse({{"kv-op", "create"}}).operation(), Operation::kPut);
  EXPECT_EQ(MustParse({{"kv-op", "update"}, {"kv-expected-revision", "1"}}).operation(),
            Operation::kPut);
}

TEST(WriteOptionsTest, ReadEveryProperty) {
  const WriteOptions parsed = MustParse({{"kv-op", "create"},
                                         {"kv-expected-revision", "18446744073709551615"},
                                         {"kv-ttl", "500ms"},
                                         {"kv-ephemeral", "true"},
                                         {"kv-msg-id", "order-1"}});
  EXPECT_EQ(parsed.verb, WriteVerb::kCreate);
  EXPECT_EQ(parsed.expected, 18446744073709551615ULL);
  EXPECT_EQ(parsed.ttl, 500 * kMillisecond);
  EXPECT_TRUE(parsed.ephemeral);
  EXPECT_EQ(parsed.message_id, "order-1");
  EXPECT_EQ(MustParse({{"kv-expected-revision", "0"}}).expected, 0U);
  EXPECT_EQ(MustParse({{"kv-ttl", "90"}}).ttl, 90 * kSecond);
  EXPECT_FALSE(MustParse({{"kv-ephemeral", "false"}}).ephemeral);
}

TEST(WriteOptionsTest, PassOverPropertiesThatAWriteCannotUse) {
  const WriteOptions parsed = MustParse({{"kv-status", "ok"},
                                         {"kv-limit", "bad"},
                                         {"kv-", ""},
                                         {"kv-future", "x"},
                                         {"kv-future", "y"},
                                         {"kv-revision", "9"},
                                         {"kv-OP", "purge"}});
  EXPECT_EQ(parsed.verb, WriteVerb::kPut);
  EXPECT_FALSE(parsed.expected);
}

TEST(WriteOptionsTest, RefuseAPropertyThatIsGivenTwice) {
  const Options given{{"kv-op", "put"},
                      {"kv-expected-revision", "1"},
                      {"kv-ttl", "1s"},
                      {"kv-ephemeral", "true"},
                      {"kv-msg-id", "x"}};
  for (const auto& property : given) {
    EXPECT_EQ(Refusal({property, {"kv-other", ""}, property}), property.name + ": given twice");
  }
}

TEST(WriteOptionsTest, RefuseBadValuesAndSayWhatIsAccepted) {
  const std::vector<std::pair<Options, std::string>> cases{
      {{{"kv-op", ""}, {"kv-op", "remove"}, {"kv-op", "put "}, {"kv-op", "incr"}},
       "kv-op: accepted is put, create, update, delete or purge"},
      {{{"kv-expected-revision", ""},
        {"kv-expected-revision", "-1"},
        {"kv-expected-revision", "+1"},
        {"kv-expected-revision", "1.0"},
        {"kv-expected-revision", " 1"},
        {"kv-expected-revision", "18446744073709551616"}},
       "kv-expected-revision: accepted is a revision: digits, 0 for a key without an entry"},
      {{{"kv-ttl", ""}, {"kv-ttl", "0"}, {"kv-ttl", "-1s"}, {"kv-ttl", "1.5s"}, {"kv-ttl", "soon"}},
       "kv-ttl: accepted is a duration (90, 500ms, 30s, 15m, 12h, 7d)"},
      {{{"kv-ephemeral", ""}, {"kv-ephemeral", "True"}, {"kv-ephemeral", "1"}},
       "kv-ephemeral: accepted is true or false"},
      {{{"kv-msg-id", ""}, {"kv-msg-id", std::string(257, 'x')}},
       "kv-msg-id: accepted is 1 to 256 bytes"},
  };
  for (const auto& [bad, message] : cases) {
    for (const auto& property : bad) {
      EXPECT_EQ(Refusal({property}), message) << "'" << property.value << "'";
    }
  }
}

TEST(WriteOptionsTest, TakeMessageIdsOfUpTo256Bytes) {
  EXPECT_EQ(MustParse({{"kv-msg-id", std::string(256, 'x')}}).message_id.size(), 256U);
}

TEST(WriteOptionsTest, UpdateNeedsAnExpectedRevisionInWhateverOrder) {
  EXPECT_EQ(Refusal({{"kv-op", "update"}}), "kv-op update needs kv-expected-revision");
  EXPECT_EQ(Refusal({{"kv-expected-revision", "4"}, {"kv-op", "update"}}), "accepted");
  EXPECT_EQ(Refusal({{"kv-op", "update"}, {"kv-expected-revision", "4"}}), "accepted");
}

TEST(WriteOptionsTest, AnyOpMayExpectARevision) {
  for (const auto* const op : {"put", "create", "delete", "purge"}) {
    const WriteOptions parsed = MustParse({{"kv-op", op}, {"kv-expected-revision", "4"}});
    EXPECT_EQ(parsed.expected, 4U) << op;
  }
}

TEST(ReservedNameTest, BeginsWithTheProtocolsPrefix) {
  for (const auto* const name : {"kv-", "kv-op", "kv-anything"}) {
    EXPECT_TRUE(IsReserved(name)) << name;
  }
  for (const auto* const name : {"", "k", "kv", "kv_op", "KV-op", "xkv-op", " kv-op"}) {
    EXPECT_FALSE(IsReserved(name)) << name;
  }
}

}  // namespace
}  // namespace kv::wire::testing
