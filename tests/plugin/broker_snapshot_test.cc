#include "plugin/broker_snapshot.h"

#include <sys/stat.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "tests/plugin/persistence_bytes.h"
#include "tests/support/broker_process.h"

namespace kv::plugin::testing {
namespace {

constexpr std::int64_t kNow = 1'700'000'000;
constexpr std::int64_t kLongest = std::numeric_limits<std::uint32_t>::max();

BrokerSnapshot MustRead(std::string_view contents, std::int64_t now = kNow) {
  auto snapshot = BrokerSnapshot::Over(contents, FixedClock(now));
  if (!snapshot || !snapshot->has_value()) {
    ADD_FAILURE() << (snapshot ? "no snapshot" : snapshot.error().message);
    std::abort();
  }
  return std::move(**snapshot);
}

std::vector<Seen> WalkOf(std::string_view contents, std::int64_t now = kNow) {
  BrokerSnapshot snapshot = MustRead(contents, now);
  auto seen = Walk(snapshot);
  EXPECT_FALSE(snapshot.damaged());
  return seen;
}

// Some of everything, with where each chunk ends.
struct WholeFile {
  explicit WholeFile(std::uint32_t version) : contents(FileStart(version)) {
    Add(MessageOf({.store_id = 1,
                   .topic = "kv/b/one",
                   .payload = std::string("\0\xFF", 2),
                   .properties = RevisionProperty("7"),
                   .source_username = "ann"}));
    Add(MessageOf({.store_id = 2, .topic = "kv/b/two", .expiry_time = kNow + 60}));
    Add(MessageOf({.store_id = 3, .topic = "kv/b/queued", .properties = RevisionProperty("6")}));
    Add(MessageOf({.store_id = 4, .topic = "else", .payload = "x", .source_id = ""}));
    Add(ClientOf(version, "durable"));
    Add(ChunkOf(3, Host(std::uint64_t{3}) + Network(std::uint16_t{9}) + StringOf("durable")));
    Add(SubscriptionOf("durable", "kv/#"));
    Add(ChunkOf(77, "from the future"));
    for (const std::uint64_t id : {4U, 1U, 2U}) {
      Add(RetainOf(id));
    }
  }
  void Add(const std::string& chunk) {
    ends.push_back(contents.size());
    contents += chunk;
  }

  std::string contents;
  std::vector<std::size_t> ends{};  // offsets at which a chunk ends and another begins
  const std::vector<Seen> kv{{"kv/b/one", std::string("\0\xFF", 2), 7}, {"kv/b/two", "value", {}}};
};

// Walks contents that may be anything from a buffer without a byte to spare, so that a sanitizer
// sees every read outside of it.
void WalkUntrusted(const std::string& contents, bool& damaged, std::vector<Seen>& seen) {
  const std::vector<char> exact(contents.begin(), contents.end());
  auto snapshot = BrokerSnapshot::Over({exact.data(), exact.size()}, FixedClock(kNow));
  damaged = !snapshot;
  if (!snapshot || !snapshot->has_value()) {
    return;
  }
  const auto visit = [&](const RetainedMessage& message) {
    for (const std::string_view view : {message.topic, message.payload}) {
      ASSERT_FALSE(view.empty());
      ASSERT_GE(&view.front(), exact.data());
      ASSERT_LE(&view.back(), &exact.back());
    }
    seen.push_back({std::string(message.topic), std::string(message.payload), message.revision});
  };
  // Every chunk has a header of 8 bytes, and is looked at twice.
  std::size_t steps = 0;
  while ((*snapshot)->Step(1, "", visit)) {
    ASSERT_LE(++steps, exact.size() / 4);
  }
  damaged = (*snapshot)->damaged();
}

class BrokerSnapshotTest : public ::testing::TestWithParam<std::uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Versions, BrokerSnapshotTest, ::testing::Values(5U, 6U));

TEST_P(BrokerSnapshotTest, VisitsTheRetainedMessagesBelowThePrefix) {
  const WholeFile file(GetParam());
  EXPECT_EQ(WalkOf(file.contents), file.kv);
}

TEST_P(BrokerSnapshotTest, VisitsTheSameInSlicesOfAnySize) {
  const WholeFile file(GetParam());
  for (const std::size_t slice : {1U, 2U, 5U, 12U, 1000U}) {
    BrokerSnapshot snapshot = MustRead(file.contents);
    EXPECT_EQ(Walk(snapshot, "kv/", slice), file.kv) << slice;
  }
}

TEST_P(BrokerSnapshotTest, VisitsTheSameHoweverMuchWasReadAhead) {
  const WholeFile file(GetParam());
  for (std::size_t ahead = 0; ahead < 20; ++ahead) {
    BrokerSnapshot snapshot = MustRead(file.contents);
    const bool more = snapshot.StepMarks(ahead);
    EXPECT_EQ(more, ahead <= file.ends.size()) << ahead << " chunks, the file's own first";
    EXPECT_EQ(Walk(snapshot), file.kv) << ahead;
  }
}

TEST_P(BrokerSnapshotTest, CutAnywhereVisitsOnlyWhatTheWholeFileHas) {
  const WholeFile file(GetParam());
  for (std::size_t size = FileStart().size(); size < file.contents.size(); ++size) {
    SCOPED_TRACE(size);
    bool damaged = false;
    std::vector<Seen> seen;
    WalkUntrusted(file.contents.substr(0, size), damaged, seen);
    const bool between_chunks =
        std::find(file.ends.begin(), file.ends.end(), size) != file.ends.end();
    EXPECT_EQ(damaged, !between_chunks);
    for (const auto& one : seen) {
      EXPECT_TRUE(one.topic == "else" ||
                  std::find(file.kv.begin(), file.kv.end(), one) != file.kv.end())
          << one;
    }
  }
}

TEST_P(BrokerSnapshotTest, FlippedBytesNeverLeadOutsideOfTheFile) {
  const WholeFile file(GetParam());
  std::mt19937 random(20240501);  // NOLINT(cert-msc51-cpp): every run tries the same
  for (int round = 0; round < 20'000; ++round) {
    std::string contents = file.contents;
    for (unsigned flips = 1 + random() % 4; flips > 0; --flips) {
      contents[random() % contents.size()] = static_cast<char>(random());
    }
    bool damaged = false;
    std::vector<Seen> seen;
    WalkUntrusted(contents, damaged, seen);
    ASSERT_FALSE(HasFatalFailure()) << "round " << round;
  }
}

TEST_P(BrokerSnapshotTest, LargestNumberAnywhereNeverLeadsOutsideOfTheFile) {
  const WholeFile file(GetParam());
  for (const std::size_t width : {1U, 2U, 4U, 8U}) {
    for (std::size_t at = 0; at + width <= file.contents.size(); ++at) {
      std::string contents = file.contents;
      contents.replace(at, width, std::string(width, '\xFF'));
      bool damaged = false;
      std::vector<Seen> seen;
      WalkUntrusted(contents, damaged, seen);
      ASSERT_FALSE(HasFatalFailure()) << at;
    }
  }
}

TEST(BrokerSnapshotStepTest, OfNoChunksOnlyTellsThatThereIsMore) {
  const WholeFile file(6);
  BrokerSnapshot snapshot = MustRead(file.contents);
  const auto fail = [](const RetainedMessage&) {
    FAIL();
  };
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(snapshot.Step(0, "", fail));
  }
}

TEST(BrokerSnapshotStepTest, AfterTheEndDoesNothing) {
  const WholeFile file(6);
  BrokerSnapshot snapshot = MustRead(file.contents);
  Walk(snapshot);
  EXPECT_FALSE(snapshot.Step(100, "", [](const RetainedMessage&) { FAIL(); }));
}

TEST(BrokerSnapshotStepTest, KnowsOfDamageBeforeTheFirstVisit) {
  const WholeFile file(6);
  const std::string contents = file.contents + "cut";
  BrokerSnapshot snapshot = MustRead(contents);
  std::size_t visits = 0;
  while (snapshot.Step(1, "kv/", [&](const RetainedMessage&) {
    EXPECT_TRUE(snapshot.damaged());
    ++visits;
  })) {}
  EXPECT_EQ(visits, file.kv.size());
}

TEST(BrokerSnapshotMessageTest, WithoutRetainMarkIsNotVisited) {
  EXPECT_TRUE(WalkOf(FileStart() + MessageOf({.store_id = 1, .topic = "kv/b/k"})).empty());
}

TEST(BrokerSnapshotMessageTest, IsVisitedOnceHoweverOftenItsIdIsMarkedOrUsed) {
  const std::string message = MessageOf({.store_id = 1, .topic = "kv/b/k"});
  EXPECT_EQ(WalkOf(FileStart() + message + RetainOf(1) + RetainOf(1) + RetainOf(2)).size(), 1U);
  EXPECT_EQ(WalkOf(FileStart() + message + message + RetainOf(1) + RetainOf(2)).size(), 1U);
}

TEST(BrokerSnapshotMessageTest, WithoutPayloadIsNotVisitedAsTheBrokerRetainsNone) {
  EXPECT_TRUE(WalkOf(FileStart() + MessageOf({.store_id = 1, .topic = "kv/b/k", .payload = ""}) +
                     RetainOf(1))
                  .empty());
}

TEST(BrokerSnapshotMessageTest, IsVisitedIfTheBrokerDidNotDropItAsExpired) {
  const std::array<std::pair<std::int64_t, bool>, 9> cases{{
      {0, true},
      {-1, true},
      {1, false},
      {kNow - 1, false},
      {kNow, true},
      {kNow + 1, true},
      {kNow + kLongest, true},
      {kNow + kLongest + 1, false},
      {std::numeric_limits<std::int64_t>::max(), false},
  }};
  for (const auto& [expiry_time, visited] : cases) {
    const auto seen = WalkOf(
        FileStart() + MessageOf({.store_id = 1, .topic = "kv/b/k", .expiry_time = expiry_time}) +
        RetainOf(1));
    EXPECT_EQ(!seen.empty(), visited) << expiry_time;
  }
}

TEST(BrokerSnapshotMessageTest, IsVisitedIfOnlyWhatFollowsItsRetainMarkIsDamaged) {
  const std::string good =
      FileStart() + MessageOf({.store_id = 1, .topic = "kv/b/k"}) + RetainOf(1) + RetainOf(2);
  const std::string behind = MessageOf({.store_id = 2, .topic = "kv/b/behind"});
  for (const std::string& damage : {std::string("cut"),
                                    ChunkOf(4, "short"),
                                    ChunkOf(4, "longer than an id"),
                                    ChunkOf(2, "not a message"),
                                    Network(9U) + Network(0xFFFFFFFFU)}) {
    std::string contents = good;
    contents.append(damage).append(behind);
    BrokerSnapshot snapshot = MustRead(contents);
    EXPECT_EQ(Walk(snapshot), (std::vector<Seen>{{"kv/b/k", "value", {}}}));
    EXPECT_TRUE(snapshot.damaged());
  }
}

TEST(BrokerSnapshotMessageTest, IsNotVisitedIfAMessageInFrontOfItsRetainMarkIsDamaged) {
  const std::string contents = FileStart() + MessageOf({.store_id = 1, .topic = "kv/b/k"}) +
                               ChunkOf(2, "not a message") + RetainOf(1);
  BrokerSnapshot snapshot = MustRead(contents);
  EXPECT_TRUE(Walk(snapshot).empty());
  EXPECT_TRUE(snapshot.damaged());
}

class BrokerSnapshotOpenTest : public ::testing::Test {
 protected:
  static void Write(const std::string& path, const std::string& contents) {
    std::ofstream(path, std::ios::binary) << contents;
  }

  const kv::testing::TemporaryDirectory directory_;
  const std::string path_ = directory_.path() / "mosquitto.db";
};

TEST_F(BrokerSnapshotOpenTest, HasNothingWithoutAFileOrInAnEmptyOne) {
  auto missing = BrokerSnapshot::Open(path_);
  ASSERT_TRUE(missing.ok());
  EXPECT_FALSE(missing->has_value());
  Write(path_, "");
  auto empty = BrokerSnapshot::Open(path_);
  ASSERT_TRUE(empty.ok());
  EXPECT_FALSE(empty->has_value());
}

TEST_F(BrokerSnapshotOpenTest, NamesTheFileThatCannotBeRead) {
  Write(path_, "text");
  ASSERT_EQ(mkfifo((directory_.path() / "pipe").c_str(), 0600), 0);
  const std::array<std::pair<std::string, std::string>, 4> cases{{
      {path_, "it is not a persistence file of Mosquitto"},
      {path_ + "/below", "Not a directory"},
      {directory_.path(), "it is not a regular file"},
      {directory_.path() / "pipe", "it is not a regular file"},
  }};
  for (const auto& [path, reason] : cases) {
    const auto snapshot = BrokerSnapshot::Open(path);
    ASSERT_FALSE(snapshot.ok()) << path;
    EXPECT_EQ(snapshot.error().code, ErrorCode::kStorageError);
    std::string expected = "cannot read the broker's retained messages from ";
    expected.append(path).append(": ").append(reason);
    EXPECT_EQ(snapshot.error().message, expected);
  }
}

TEST_F(BrokerSnapshotOpenTest, KeepsReadingTheFileThatTheBrokerReplaced) {
  const WholeFile file(6);
  Write(path_, file.contents);
  auto snapshot = BrokerSnapshot::Open(path_, FixedClock(kNow));
  ASSERT_TRUE(snapshot.ok() && snapshot->has_value());
  Write(path_ + ".new", FileStart());
  ASSERT_EQ(std::rename((path_ + ".new").c_str(), path_.c_str()), 0);
  EXPECT_EQ(Walk(**snapshot), file.kv);
}

TEST_F(BrokerSnapshotOpenTest, KeepsItsViewsAndItsPlaceWhenMoved) {
  const WholeFile file(6);
  Write(path_, file.contents);
  auto opened = BrokerSnapshot::Open(path_, FixedClock(kNow));
  ASSERT_TRUE(opened.ok() && opened->has_value());
  std::optional<BrokerSnapshot> first = std::move(*opened);
  std::vector<std::string_view> topics;
  const auto keep = [&](const RetainedMessage& message) {
    topics.push_back(message.topic);
  };
  while (topics.empty() && first->Step(1, "kv/", keep)) {}
  BrokerSnapshot second = std::move(*first);
  first.reset();
  while (second.Step(1, "kv/", keep)) {}
  EXPECT_EQ(topics, (std::vector<std::string_view>{"kv/b/one", "kv/b/two"}));
}

}  // namespace
}  // namespace kv::plugin::testing
