// A disk that fails for a while: the store refuses writes, goes on reading, and recovers by itself
// without losing anything that it acknowledged.
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "tests/store/fault_fixture.h"

namespace kv::store::testing {
namespace {

using Act = FaultyDisk::Act;

bool IsLogSync(Act act, const std::string& path) {
  return act == Act::kSync && (IsWal(path) || IsSyncedLog(path));
}
bool IsLogWrite(Act act, const std::string& path) {
  return act == Act::kWrite && (IsWal(path) || IsSyncedLog(path));
}
bool IsSyncedLogAct(Act act, const std::string& path) {
  return act != Act::kRead && IsSyncedLog(path);
}
bool IsAny(Act act, const std::string& /*path*/) {
  return act != Act::kRead;
}

class FailedStoreTest : public FaultTest {
 protected:
  FailedStoreTest() {
    Open();
    CreateBucket("history=3 marker_ttl=1s");
    Put("a", "flushed");
    EXPECT_TRUE(Flush().ok());
  }
  void FailAFlush() {
    disk_->Break(IsAny);
    Put("b", "acknowledged");
    EXPECT_EQ(CodeOf(Flush()), "storage-error");
  }
  const Lines before_{"1 a PUT flushed", "2 b PUT acknowledged"};
};

TEST_F(FailedStoreTest, RefusesEveryWriteAndChangesNothing) {
  Do("mortal", {.value = "2", .ttl = kSecond});
  Do("marker", {.value = "3"});
  Delete("marker");
  ASSERT_TRUE(Flush().ok());
  const Lines before = History();
  FailAFlush();
  EXPECT_EQ(CodeOf(Apply("a", {.value = "x"})), "storage-error");
  EXPECT_EQ(CodeOf(Apply("a", {.operation = Operation::kPurge})), "storage-error");
  EXPECT_EQ(CodeOf(Apply("missing", {.operation = Operation::kDelete, .message_id = "id"})),
            "storage-error");
  EXPECT_EQ(CodeOf(Change("history=1")), "storage-error");
  EXPECT_EQ(CodeOf(store_->CreateBucket(Name("other"), {}, now_)), "storage-error");
  EXPECT_EQ(CodeOf(store_->CheckWritable()), "storage-error");
  now_ += 10 * kSecond;
  std::vector<BucketExpiration> expired;
  EXPECT_EQ(CodeOf(store_->Expire(now_, 100, expired)), "storage-error");
  EXPECT_TRUE(expired.empty());

  Lines after = before;
  after.push_back("5 b PUT acknowledged");
  EXPECT_EQ(History(), after);
  EXPECT_EQ(bucket().config().history, 3U);
  EXPECT_EQ(store_->Find(Name("other")), nullptr);
}

TEST_F(FailedStoreTest, TellsWhyItRefuses) {
  FailAFlush();
  const auto refused = store_->CheckWritable();
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("a fault was injected"), std::string::npos)
      << refused.error().message;
}

TEST_F(FailedStoreTest, GoesOnReadingHoweverOftenItTriesToRecover) {
  FailAFlush();
  for (const std::uint64_t failures : {2U, 5U, 8U}) {
    EXPECT_EQ(History(), before_);
    ASSERT_TRUE(disk_->AwaitFailures(failures));
  }
  EXPECT_EQ(Get("b"), "2 b PUT acknowledged");
  EXPECT_EQ(KeysOf(bucket()), (Lines{"a", "b"}));
}

TEST_F(FailedStoreTest, TellsThoseWhoWaitForAFlush) {
  disk_->Break(IsLogSync);
  const auto written = Apply("b", {.value = "2"});
  ASSERT_TRUE(written.ok()) << "nobody knows yet";
  store_->RequestDurable(written->sequence);
  EXPECT_TRUE(AwaitFailure()) << "on_progress must have been called";
  EXPECT_FALSE(store_->IsDurable(written->sequence));
  EXPECT_EQ(CodeOf(store_->WaitDurable(written->sequence)), "storage-error");
}

TEST_F(FailedStoreTest, RecoversByItselfWhenTheDiskIsWell) {
  FailAFlush();
  ASSERT_TRUE(disk_->AwaitFailures(3));
  disk_->Heal();
  ASSERT_TRUE(AwaitRecovery());
  EXPECT_EQ(History(), before_);
  EXPECT_TRUE(store_->IsDurable(store_->last_sequence()));
  EXPECT_EQ(Put("c", "3"), 3U);
  EXPECT_TRUE(Flush().ok());
  Crash();
  Lines after = before_;
  after.push_back("3 c PUT 3");
  EXPECT_EQ(History(), after);
  Reopen();
  EXPECT_EQ(History(), after);
}

TEST_F(FailedStoreTest, KilledWhileFailedLosesNothingThatWasAcknowledged) {
  FailAFlush();
  disk_->Heal();
  Crash();
  EXPECT_EQ(History(), before_);
}

TEST_F(FailedStoreTest, ClosedWhileFailedSaysSoAndLosesNothingThatWasAcknowledged) {
  FailAFlush();
  EXPECT_EQ(CodeOf(store_->Close()), "storage-error");
  disk_->Heal();
  Open();
  EXPECT_EQ(History(), before_);
  EXPECT_EQ(Put("c", "3"), 3U);
}

TEST_F(FailedStoreTest, FailsAgainWhenTheDiskDoesSoDuringTheRecovery) {
  FailAFlush();
  // The probe succeeds now, but the database cannot be opened.
  disk_->Break([](Act act, const std::string& path) {
    return act == Act::kCreate && path.find("MANIFEST") != std::string::npos;
  });
  ASSERT_TRUE(disk_->AwaitFailures(2));
  EXPECT_EQ(CodeOf(store_->CheckWritable()), "storage-error");
  disk_->Heal();
  ASSERT_TRUE(AwaitRecovery());
  EXPECT_EQ(History(), before_);
}

TEST_F(FailedStoreTest, CanBeReadWhenTheDatabaseCannotBeOpenedForWriting) {
  FailAFlush();
  disk_->Break([](Act act, const std::string& path) {
    return act == Act::kCreate && path.find("MANIFEST") != std::string::npos;
  });
  ASSERT_TRUE(disk_->AwaitFailures(1));
  // A reading that falls into the reopening itself is told so; the one after it is not.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  std::string flushed = Get("a");
  while (flushed == "storage-error" && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
    flushed = Get("a");
  }
  EXPECT_EQ(flushed, "1 a PUT flushed");
}

TEST_F(FailedStoreTest, AllowsNoWriteWhoseRevisionIsNotReserved) {
  for (Revision i = 2; i < Revisions::kBlock / 2 - 1; ++i) {
    Put("a", "x");
    if (i % 100 == 0) {  // what waits for the database makes larger blocks
      ASSERT_TRUE(store_->WaitSettled(store_->last_sequence()).ok());
    }
  }
  ASSERT_TRUE(store_->WaitSettled(store_->last_sequence()).ok());
  disk_->Break(IsLogSync);
  Result<Written> written = Error(ErrorCode::kBadRequest);
  for (int i = 0; i < 100'000; ++i) {
    written = Apply("a", {.value = "y"});
    if (!written) {
      break;
    }
    ASSERT_LE(written->revision, Revisions::kBlock);
  }
  EXPECT_EQ(CodeOf(written), "storage-error");
}

// --- the disk hangs ---

class HangingDiskTest : public FaultTest {
 protected:
  ~HangingDiskTest() override { disk_->SpeedUp(); }  // or the store's end would hang, too

  static constexpr int kBuckets = 3;

  // A write to each bucket is flushed, and then nothing any more.
  void OpenAndHang() {
    Open();
    for (int i = 0; i < kBuckets; ++i) {
      ASSERT_TRUE(Write(i, "0").ok());
    }
    ASSERT_TRUE(Flush().ok());
    disk_->SlowDown(IsLogSync, std::chrono::hours(1));
  }
  Result<Written> Write(int bucket, const std::string& value) {
    const auto found = store_->FindOrCreate(Name("b" + std::to_string(bucket)), now_);
    const auto start = std::chrono::steady_clock::now();
    auto written = found.ok() ? (*found)->Apply(*Key::Parse("a"), {.value = value}, now_)
                              : Result<Written>(found.error());
    if (!written) {
      refusing_ += std::chrono::steady_clock::now() - start;
    }
    return written;
  }
  // Until one is refused; the last revision that was given out.
  Revision WriteUntilRefused(int bucket) {
    Revision last = 0;
    Result<Written> written = Write(bucket, "1");
    for (; written.ok() && last < 2 * Revisions::kBlock; written = Write(bucket, "1")) {
      last = written->revision;
    }
    EXPECT_EQ(CodeOf(written), "unavailable");
    return last;
  }

  std::chrono::steady_clock::duration refusing_{};  // what the refused writes took
};

TEST_F(HangingDiskTest, HoldsUpOneWriteForAWhileAndNoOtherOne) {
  ASSERT_NO_FATAL_FAILURE(OpenAndHang());
  for (int bucket = 0; bucket < kBuckets; ++bucket) {
    EXPECT_EQ(WriteUntilRefused(bucket), Revisions::kBlock);
    for (int i = 0; i < 20; ++i) {
      EXPECT_EQ(CodeOf(Write(bucket, "2")), "unavailable");
    }
  }
  const std::chrono::nanoseconds once(Engine::kLongestWait);
  EXPECT_GE(refusing_, once);
  EXPECT_LT(refusing_, (kBuckets - 1) * once) << "each bucket waited";
}

TEST_F(HangingDiskTest, WritesGoOnWhenItDoes) {
  ASSERT_NO_FATAL_FAILURE(OpenAndHang());
  const Revision last = WriteUntilRefused(0);
  disk_->SpeedUp();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  Result<Written> written = Write(0, "2");
  while (!written && std::chrono::steady_clock::now() < deadline) {
    written = Write(0, "2");
  }
  ASSERT_TRUE(written.ok());
  EXPECT_EQ(written->revision, last + 1) << "a refused write takes no revision";
}

// So many as are not flushed may come again sixteen times before anyone waits.
TEST_F(FaultTest, TheMoreWaitsForTheDiskTheMoreRevisionsAreReserved) {
  Open();
  Put("a", "0");
  ASSERT_TRUE(Flush().ok());
  constexpr Revision unflushed = 4'000;
  disk_->SlowDown(IsLogSync, std::chrono::milliseconds(300));
  for (Revision i = 1; i < unflushed; ++i) {
    Put("a", "1");
  }
  ASSERT_TRUE(Flush().ok());
  disk_->SlowDown(IsLogSync, std::chrono::hours(1));
  Result<Written> written = Apply("a", {.value = "1"});
  Revision last = 0;
  for (; written.ok() && last < Revisions::kLargestBlock; written = Apply("a", {.value = "2"})) {
    last = written->revision;
  }
  EXPECT_EQ(CodeOf(written), "unavailable");
  EXPECT_GT(last, Revisions::kBlock + unflushed);
  disk_->SpeedUp();
}

// --- only the synced log fails ---

TEST_F(FaultTest, WhatTheSyncedLogCannotTakeTheDatabaseTakes) {
  Open();
  Put("a", "1");
  ASSERT_TRUE(Flush().ok());
  for (const Act act : {Act::kWrite, Act::kSync}) {
    disk_->Break(
        [act](Act done, const std::string& path) { return done == act && IsSyncedLog(path); });
    for (int i = 0; i < 5; ++i) {
      Put("a", std::to_string(i));
      EXPECT_TRUE(Flush().ok());
    }
    ASSERT_TRUE(disk_->has_failed());
    EXPECT_TRUE(store_->CheckWritable().ok());
    disk_->Heal();
    Put("b", "2");
    EXPECT_TRUE(Flush().ok());
  }
  const Lines before = History();
  Crash();
  EXPECT_EQ(History(), before);
}

// --- always: a write tells its flush's failure ---

TEST_F(FaultTest, AlwaysSyncTellsAWriteThatItIsNotFlushedAndKeepsIt) {
  options_.sync = Sync::kAlways;
  Open();
  Put("a", "1");
  disk_->Break(IsLogSync);
  const Write write{.value = "2", .message_id = "id"};
  const auto written = Apply("b", write);
  ASSERT_TRUE(written.ok());
  EXPECT_TRUE(written->not_flushed);
  const auto again = Apply("b", write);
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->duplicate);
  EXPECT_TRUE(again->not_flushed) << "it is still not on disk";
  disk_->Heal();
  ASSERT_TRUE(AwaitRecovery());
  EXPECT_FALSE(Apply("b", write)->not_flushed);
  EXPECT_EQ(History(), (Lines{"1 a PUT 1", "2 b PUT 2"}));
}

// --- the n-th act fails ---

struct NthCase {
  const char* name;
  bool (*filter)(Act, const std::string&);
  int count;
};

class NthFaultTest : public FaultTest, public ::testing::WithParamInterface<NthCase> {
 protected:
  // Writes and flushes until it is refused; what was acknowledged is in `acknowledged_`.
  void WriteUntilRefused() {
    for (int i = 1; i <= 60; ++i) {
      const std::string key = "k" + std::to_string(i % 20);
      const std::string value = std::to_string(i) + std::string(500, 'v');
      if (const auto written = Apply(key, {.value = value}); written.ok()) {
        acknowledged_[key] = std::to_string(written->revision) + " " + key + " PUT " + value;
      } else {
        ASSERT_EQ(written.error().code, ErrorCode::kStorageError);
        return;
      }
      if (i % 3 == 0 && !Flush().ok()) {
        return;
      }
    }
  }
  void ExpectAcknowledged(const char* when) {
    for (const auto& [key, text] : acknowledged_) {
      ASSERT_EQ(Get(key), text) << when;
    }
  }
  // Meanwhile the database may be reopened, and then it cannot be read.
  void ExpectNothingElse() {
    for (const auto& [key, text] : acknowledged_) {
      const std::string got = Get(key);
      ASSERT_TRUE(got == text || got == "storage-error") << "while failed: " << got;
    }
  }
  std::map<std::string, std::string> acknowledged_;
};

TEST_P(NthFaultTest, LosesNothingWhicheverItIs) {
  options_.memtable_bytes = std::size_t{24} << 10;  // so that tables are made, too
  options_.path += "/";
  for (int nth = 1; nth <= GetParam().count; ++nth) {
    SCOPED_TRACE(nth);
    options_.path = directory_->path() + "/" + std::to_string(nth);
    acknowledged_.clear();
    Open();
    bucket();
    disk_->Break(GetParam().filter, static_cast<std::uint64_t>(nth));
    WriteUntilRefused();
    ASSERT_TRUE(disk_->has_failed());
    ExpectNothingElse();
    disk_->Heal();
    ASSERT_TRUE(AwaitRecovery());
    ExpectAcknowledged("recovered");
    WriteUntilRefused();
    ASSERT_TRUE(Flush().ok());
    ASSERT_TRUE(store_->Close().ok());
    Open();
    ExpectAcknowledged("reopened");
  }
}

INSTANTIATE_TEST_SUITE_P(EachKind,
                         NthFaultTest,
                         ::testing::Values(NthCase{"LogSync", IsLogSync, 8},
                                           NthCase{"LogWrite", IsLogWrite, 8},
                                           NthCase{"SyncedLog", IsSyncedLogAct, 40},
                                           NthCase{"Any", IsAny, 30}),
                         [](const auto& param) { return std::string(param.param.name); });

// --- reading ---

TEST_F(FaultTest, AnEntryThatCannotBeReadIsAnErrorUntilItCan) {
  constexpr Revision count = 100;
  const std::string value(2000, 'v');  // so many that RocksDB has not read them all at the start
  Open();
  for (Revision i = 1; i <= count; ++i) {
    Put("k" + std::to_string(i), value);
  }
  Reopen();  // they are in a table now, and not in memory
  disk_->Break([](Act act, const std::string& /*path*/) { return act == Act::kRead; });
  EXPECT_EQ(Get("k50"), "storage-error");
  EXPECT_EQ(KeysOf(bucket()).size(), count) << "keys are in memory";
  EXPECT_EQ(Put("new", "v"), count + 1) << "writing goes on";
  EXPECT_TRUE(Flush().ok());
  EXPECT_EQ(Get("new"), std::to_string(count + 1) + " new PUT v");
  disk_->Heal();
  EXPECT_EQ(Get("k50"), "50 k50 PUT " + value);
  EXPECT_EQ(History().size(), count + 1);
}

TEST_F(FaultTest, OfEntriesThatAreReadTogetherOnlyThoseOfTheDamagedBlocksAreErrors) {
  constexpr Revision count = 100;
  const std::string value(2000, 'v');
  Open();
  std::vector<Revision> all;
  for (Revision i = 1; i <= count; ++i) {
    all.push_back(Put("k" + std::to_string(i), value));
  }
  Reopen();                                      // they are in a table now
  ASSERT_EQ(Get("k10"), "10 k10 PUT " + value);  // its block is in memory from now on
  disk_->Break([](Act act, const std::string& /*path*/) { return act == Act::kRead; });
  const auto broken = bucket().ReadEntries(all);
  disk_->Heal();
  const auto whole = bucket().ReadEntries(all);
  ASSERT_EQ(broken.size(), count);
  ASSERT_EQ(whole.size(), count);
  EXPECT_TRUE(broken[9].ok());
  EXPECT_EQ(CodeOf(broken[49]), "storage-error");
  for (std::size_t i = 0; i < count; ++i) {
    ASSERT_TRUE(whole[i].ok()) << i;
    EXPECT_EQ(whole[i]->revision, i + 1);
    EXPECT_EQ(whole[i]->key, "k" + std::to_string(i + 1));
  }
}

TEST_F(FaultTest, TablesThatCannotBeReadWhileTheyAreMergedLoseNothing) {
  options_.memtable_bytes = std::size_t{24} << 10;
  Open();
  std::map<std::string, std::string> acknowledged;
  const auto write = [&](int count) {
    for (int i = 0; i < count; ++i) {
      const std::string key = "k" + std::to_string(i % 50);
      const std::string value = std::to_string(i) + std::string(400, 'v');
      if (Apply(key, {.value = value}).ok()) {
        acknowledged[key] = value;
      }
    }
    IgnoreError(Flush(), "it may have failed meanwhile");
  };
  write(200);
  disk_->Break([](Act act, const std::string& /*path*/) { return act == Act::kRead; });
  for (int round = 0; round < 20 && !disk_->has_failed(); ++round) {
    write(200);
  }
  ASSERT_TRUE(disk_->AwaitFailures(1)) << "nothing was merged";
  write(200);
  disk_->Heal();
  ASSERT_TRUE(AwaitRecovery());
  write(1);
  Crash();
  for (const auto& [key, value] : acknowledged) {
    EXPECT_NE(Get(key).find(" PUT " + value), std::string::npos) << key;
  }
}

TEST_F(FaultTest, AStartThatCannotReadIsRefused) {
  Open();
  Put("a", "1");
  Reopen();
  ASSERT_TRUE(store_->Close().ok());
  store_.reset();
  disk_->Break([](Act act, const std::string& /*path*/) { return act == Act::kRead; });
  EXPECT_EQ(CodeOf(Store::Open(options_, now_)), "storage-error");
  disk_->Heal();
  Open();
  EXPECT_EQ(Get("a"), "1 a PUT 1");
}

// --- at start ---

TEST_F(FaultTest, AStartThatFailsLeavesEverythingForTheNextOne) {
  Open();
  Put("a", "1");
  Kill();
  options_.boot_id = "boot 2";
  int opened = 0;
  for (std::uint64_t nth = 1; nth <= 20; ++nth) {
    disk_->Break(IsAny, nth);
    const auto store = Store::Open(options_, now_);
    opened += store.ok() ? 1 : 0;
    EXPECT_TRUE(store.ok() || store.error().code == ErrorCode::kStorageError);
  }
  EXPECT_EQ(opened, 0);
  disk_->Heal();
  Open();
  EXPECT_EQ(Get("a"), "1 a PUT 1");
  EXPECT_EQ(Put("a", "2"), Revisions::kBlock + 1);
}

}  // namespace
}  // namespace kv::store::testing
