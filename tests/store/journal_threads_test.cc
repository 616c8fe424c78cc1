// The journal between two threads, with little room, so that segments are used again all the time.
#include <atomic>
#include <chrono>
#include <random>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "store/journal.h"
#include "tests/store/journal_fixture.h"

namespace kv::store::testing {
namespace {

using std::chrono::steady_clock;

class JournalThreadsTest : public JournalTest {
 protected:
  static constexpr Sequence kRecords = 60'000;

  bool InTime() const { return steady_clock::now() < deadline_; }

  void Produce(Journal& journal) {
    while (journal.last_sequence() < kRecords && InTime()) {
      const Sequence next = journal.last_sequence() + 1;
      const auto record = journal.Append(BytesOf(next));
      if (!record) {
        ASSERT_EQ(record.error().code, ErrorCode::kUnavailable);
        std::this_thread::yield();
      } else {
        // What was appended can be read by its producer, whatever the consumer does.
        ASSERT_EQ(record->bytes, BytesOf(next));
      }
    }
    ASSERT_EQ(journal.last_sequence(), kRecords) << "the consumer did not keep up in time";
  }

  // It has a place of its own, behind what is released.
  static void ReadToSync(Journal& journal, Sequence released, std::size_t most) {
    ASSERT_GT(journal.next_to_sync(), released);
    for (std::size_t i = 0; i < most; ++i) {
      const Sequence next = journal.next_to_sync();
      const auto record = journal.NextToSync();
      if (!record) {
        return;
      }
      ASSERT_EQ(record->sequence, next);
      ASSERT_EQ(record->bytes, BytesOf(next));
    }
  }

  void Consume(Journal& journal) {
    std::minstd_rand random(5);
    Sequence expected = 1;
    Sequence released = 0;
    while (expected <= kRecords && InTime()) {
      const auto record = journal.Next();
      if (!record) {
        released = expected - 1;
        journal.Release(released);  // or a producer that has no room would wait for ever
        std::this_thread::yield();
        continue;
      }
      ASSERT_EQ(record->sequence, expected);
      ASSERT_EQ(record->bytes, BytesOf(expected));
      ++expected;
      if (random() % 64 == 0) {
        released = expected - 1 - random() % (expected - released);
        journal.Release(released);
        journal.TendSegments();
      }
      if (random() % 128 == 0) {
        ReadToSync(journal, released, random() % 200);
      }
      if (random() % 256 == 0) {
        expected -= random() % (expected - released);
        ASSERT_TRUE(journal.Rewind(expected));
      }
    }
    ASSERT_EQ(expected, kRecords + 1) << "the producer did not deliver in time";
  }

 private:
  const steady_clock::time_point deadline_ = steady_clock::now() + std::chrono::seconds(60);
};

TEST_F(JournalThreadsTest, HandsOverEveryRecordInOrderUnderReleaseAndRewind) {
  auto journal = Create(1, 16 * kSegmentBytes);
  std::thread consumer([&] { Consume(*journal); });
  Produce(*journal);
  consumer.join();
  EXPECT_LE(Files().size(), 32U);
}

}  // namespace
}  // namespace kv::store::testing
