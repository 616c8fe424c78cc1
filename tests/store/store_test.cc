// The store as a whole: its buckets, and what is still there when it is opened again.
#include <atomic>
#include <string>

#include <gtest/gtest.h>

#include "tests/store/store_fixture.h"

namespace kv::store::testing {
namespace {

class StoreBucketsTest : public StoreTest {
 protected:
  StoreBucketsTest() { Open(); }

  std::string Create(std::string_view name, std::string_view fields) {
    return CodeOf(store_->CreateBucket(Name(name), ConfigOf(fields), now_));
  }
  Lines Names() const {
    Lines names;
    for (const auto& [name, bucket] : store_->buckets()) {
      names.push_back(name);
      EXPECT_EQ(bucket->name(), name);
    }
    return names;
  }
};

TEST_F(StoreBucketsTest, AreCreatedOnceWithOneConfiguration) {
  EXPECT_EQ(Create("a", "history=5"), "ok");
  EXPECT_EQ(Create("a", "history=5"), "ok");
  EXPECT_EQ(Create("a", "history=6"), "bucket-exists");
  EXPECT_EQ(store_->Find(Name("a"))->config(), ConfigOf("history=5"));
  EXPECT_EQ(store_->Find(Name("a"))->created(), now_);
  EXPECT_EQ(store_->Find(Name("b")), nullptr);
}

TEST_F(StoreBucketsTest, AreThereAfterACrashAndARestart) {
  Create("a", "history=5");
  Create("b", "storage=memory");
  const TimePoint created = now_;
  now_ += kSecond;
  Crash();
  EXPECT_EQ(Names(), (Lines{"a", "b"}));
  EXPECT_EQ(store_->Find(Name("a"))->config(), ConfigOf("history=5"));
  EXPECT_EQ(store_->Find(Name("a"))->created(), created);
  Create("c", "");
  Reopen();
  EXPECT_EQ(Names(), (Lines{"a", "b", "c"}));
  EXPECT_EQ(Create("b", "storage=memory"), "ok");
}

TEST_F(StoreBucketsTest, HaveRevisionsAndEntriesOfTheirOwn) {
  for (const auto* const name : {"x", "y", "x"}) {
    ASSERT_TRUE(BucketOf(name).Apply(*Key::Parse("k"), {.value = name}, now_).ok());
  }
  Crash();
  EXPECT_EQ(Read(BucketOf("x")), (Lines{"2 k PUT x"}));
  EXPECT_EQ(Read(BucketOf("y")), (Lines{"1 k PUT y"}));
  EXPECT_EQ(store_->stats().buckets, 2U);
  EXPECT_EQ(store_->stats().entries, 2U);
  EXPECT_EQ(store_->stats().bytes, 4U);
}

TEST_F(StoreBucketsTest, AreAtMostMaxBuckets) {
  options_.max_buckets = 2;
  Open();
  EXPECT_EQ(Create("a", ""), "ok");
  EXPECT_EQ(CodeOf(store_->FindOrCreate(Name("b"), now_)), "ok");
  EXPECT_EQ(Create("c", ""), "too-many-buckets");
  EXPECT_EQ(CodeOf(store_->FindOrCreate(Name("c"), now_)), "too-many-buckets");
  EXPECT_EQ(CodeOf(store_->FindOrCreate(Name("b"), now_)), "ok");
  EXPECT_EQ(Create("a", ""), "ok");
  Reopen();
  EXPECT_EQ(Names(), (Lines{"a", "b"}));
}

TEST_F(StoreBucketsTest, AreNotMadeByAWriteWithoutAutoCreate) {
  options_.auto_create = false;
  Open();
  EXPECT_EQ(CodeOf(store_->FindOrCreate(Name("a"), now_)), "bucket-not-found");
  EXPECT_EQ(Create("a", ""), "ok");
  EXPECT_EQ(CodeOf(store_->FindOrCreate(Name("a"), now_)), "ok");
}

TEST_F(StoreBucketsTest, AreMadeByAWriteWithTheDefaults) {
  options_.bucket_defaults = ConfigOf("history=7");
  Open();
  EXPECT_EQ(BucketOf("a").config(), ConfigOf("history=7"));
}

TEST_F(StoreBucketsTest, AreNotMadeByAWriteThatIsRefusedOrWritesNothing) {
  options_.bucket_defaults = ConfigOf("max_value_size=3");
  Open();
  const Key key = *Key::Parse("k");
  const auto find = [&](const Write& write) {
    const KeyedWrite item{key, write};
    return store_->FindForWrite(Name("a"), {&item, 1}, now_);
  };
  EXPECT_EQ(CodeOf(find({.value = "1234"})), "value-too-large");
  EXPECT_EQ(CodeOf(find({.expected = 1, .value = "1"})), "wrong-last-revision");
  const auto nothing = find({.operation = Operation::kDelete});
  ASSERT_TRUE(nothing.ok());
  EXPECT_EQ(*nothing, nullptr);
  EXPECT_TRUE(Names().empty());
  const auto made = find({.create = true, .value = "1"});
  ASSERT_TRUE(made.ok());
  EXPECT_EQ((*made)->name(), "a");
}

// --- durability ---

TEST_F(StoreBucketsTest, CallBackWhenWhatIsWaitedForIsOnDisk) {
  std::atomic<int> calls = 0;
  options_.on_progress = [&calls] {
    ++calls;
    calls.notify_all();
  };
  options_.sync_interval = 3600 * kSecond;
  Open();
  const auto written = bucket().Apply(*Key::Parse("k"), {.value = "v"}, now_);
  ASSERT_TRUE(written.ok());
  store_->RequestDurable(written->sequence);
  // It is on disk a moment before the call that says so.
  for (int seen = calls; seen == 0 || !store_->IsDurable(written->sequence); seen = calls) {
    calls.wait(seen);
  }
  EXPECT_GT(store_->last_flush(), 0);
  store_.reset();  // before what it calls back
}

TEST_F(StoreBucketsTest, ASmallJournalNeverStopsWritesForLackOfAFlush) {
  options_.sync_interval = 3600 * kSecond;
  options_.journal_max_bytes = 8 * options_.journal_segment_bytes;
  Open();
  const std::string value(1000, 'v');
  std::size_t refused = 0;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  for (int done = 0; done < 4000 && std::chrono::steady_clock::now() < deadline;) {
    const auto written =
        bucket().Apply(*Key::Parse("k" + std::to_string(done)), {.value = value}, now_);
    if (written.ok()) {
      ++done;
    } else {
      ASSERT_EQ(written.error().code, ErrorCode::kUnavailable);
      ++refused;
      std::this_thread::yield();
    }
  }
  EXPECT_EQ(bucket().stats().entries, 4000U) << refused << " times refused";
}

TEST_F(StoreBucketsTest, ReadsSeeEveryWriteAtOnceAndForEver) {
  for (int i = 1; i <= 3000; ++i) {
    const std::string key = "k" + std::to_string(i % 50);
    Put(key, std::to_string(i));
    ASSERT_EQ(Get(key), std::to_string(i) + " " + key + " PUT " + std::to_string(i));
    const std::string older = "k" + std::to_string((i + 7) % 50);
    if (i > 50) {
      ASSERT_NE(Get(older).find(" " + older + " PUT "), std::string::npos);
    }
  }
}

// --- revisions ---

TEST_F(StoreBucketsTest, AfterALostKernelRevisionsGoOnAboveTheReservedOnes) {
  Put("a", "1");
  options_.boot_id = "boot 2";
  Crash();
  EXPECT_EQ(Put("a", "2"), Revisions::kBlock + 1);
  EXPECT_TRUE(bucket().IsCompacted({}, 2)) << "what was lost may have been there";
}

TEST_F(StoreBucketsTest, AfterAnOrderlyEndNothingIsSkippedOnAnotherKernel) {
  Put("a", "1");
  options_.boot_id = "boot 2";
  Reopen();
  EXPECT_EQ(Put("a", "2"), 2U);
}

// An old copy of the database under a newer journal: what is missing between the two was promised.
TEST_F(StoreBucketsTest, ADatabaseThatLostWhatItHadOnDiskIsRefused) {
  namespace fs = std::filesystem;
  Put("a", "old");
  Reopen();
  const std::string saved = directory_->path() + "/saved";
  fs::copy(options_.path + "/db", saved, fs::copy_options::recursive);
  for (int i = 0; i < 500; ++i) {
    Put("a", std::string(1000, 'x'));
  }
  // What the first flush covers is released for sure once a second one is through.
  ASSERT_TRUE(store_->WaitSettled(store_->last_sequence()).ok());
  const Revision last = Put("a", "more");
  ASSERT_TRUE(store_->WaitSettled(store_->last_sequence()).ok());
  const std::string journal = directory_->path() + "/journal-of-the-killed";
  fs::copy(options_.path + "/journal", journal);
  store_.reset();
  const auto put_back = [&](const std::string& from, const std::string& part) {
    fs::remove_all(options_.path + part);
    fs::copy(from, options_.path + part, fs::copy_options::recursive);
  };
  put_back(saved, "/db");
  put_back(journal, "/journal");

  // A power cut takes nothing that was on disk: it is no excuse.
  for (const char* boot : {"boot 1", "boot 2", "boot 1"}) {
    options_.boot_id = boot;
    const auto refused = Store::Open(options_, now_);
    ASSERT_EQ(CodeOf(refused), "storage-error");
    EXPECT_NE(refused.error().message.find("restore a backup, or remove"), std::string::npos);
  }
  fs::remove_all(options_.path + "/journal");  // as the line says
  Open();
  EXPECT_EQ(Get("a"), "1 a PUT old");
  EXPECT_GT(Put("a", "new"), last) << "also of what is lost no revision is used again";
}

TEST_F(StoreBucketsTest, RevisionsThatWereSkippedStaySkippedThoughNothingWasWritten) {
  for (const bool crash : {true, false}) {
    SCOPED_TRACE(crash);
    const Revision before = Put("a", "1");
    options_.boot_id += "+";
    Crash();
    const Revision skipped_to = bucket().stats().last_revision;
    EXPECT_GT(skipped_to, before);
    crash ? Crash() : Reopen();
    EXPECT_EQ(bucket().stats().last_revision, skipped_to);
  }
}

}  // namespace
}  // namespace kv::store::testing
