// The power goes at any moment, in the middle of any write, flush or start: what was promised is
// there, what is there is how it was at some moment, and no revision is used twice.
//   KV_CUTS  how often it goes (default 100); scripts/power-cut
//   KV_SEED  to repeat a run
#include <algorithm>
#include <array>
#include <iostream>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/store/fault_fixture.h"
#include "tests/store/written_back.h"
#include "tests/support/environment.h"

namespace kv::store::testing {
namespace {

using kv::testing::NumberFromEnvironment;

class PowerCutTest : public FaultTest {
 protected:
  PowerCutTest() {
    options_.memtable_bytes = std::size_t{24} << 10;
    options_.journal_segment_bytes = std::size_t{16} << 10;
    options_.bucket_defaults = ConfigOf("history=3");
    // Tables take their time, so that the power is cut in the middle of making them, too.
    disk_->SlowDown(
        [](FaultyDisk::Act act, const std::string& path) {
          return act == FaultyDisk::Act::kCreate && EndsWith(path, ".sst");
        },
        std::chrono::milliseconds(5));
  }

  // Every state that the buckets went through, and the last one that is promised.
  struct Past {
    std::vector<Lines> states{Lines{}};
    std::size_t promised = 0;
    std::map<std::string, Revision> seen;  // by bucket: the highest revision that a client saw
  };

  Lines State() const {
    Lines all;
    for (const auto& [name, bucket] : store_->buckets()) {
      for (const auto& line : Read(*bucket)) {
        all.push_back(name + " " + line);
      }
    }
    return all;
  }

  // Works until the power is gone, or for so many steps.
  void Work(int steps) {
    for (int step = 0; step < steps && store_->CheckWritable().ok(); ++step) {
      Step();
      TakeBackSome();
      ExpireSome();
      if (random_() % 8 == 0) {
        const std::size_t covered = past_.states.size() - 1;
        past_.promised = Flush().ok() ? covered : past_.promised;
      }
      if (random_() % 10 == 0) {
        journal_disk_.WriteSome(Journal(), random_);
      }
    }
  }

  // What was written is a new state, and with `always` a promise.
  void Did(const Written& written) {
    past_.states.push_back(State());
    if (options_.sync == Sync::kAlways && !written.not_flushed) {
      past_.promised = past_.states.size() - 1;
    }
    ++writes_;
  }

  void Step() {
    const std::string name(1, static_cast<char>('p' + random_() % 3));
    auto bucket = store_->FindOrCreate(Name(name), now_);
    if (!bucket.ok()) {
      return;
    }
    if (random_() % 4 == 0) {
      SeveralAtOnce(name, **bucket);
      return;
    }
    if (random_() % 40 == 0) {
      Drop(name);
      return;
    }
    const std::string key = "k" + std::to_string(random_() % 8);
    const std::string value(random_() % 5 == 0 ? 3000 : random_() % 40, 'v');
    const auto operation = static_cast<Operation>(random_() % 8 < 6 ? 0 : 1 + random_() % 2);
    Write write{.operation = operation, .value = value};
    if (operation == Operation::kPut && random_() % 4 == 0) {
      write.ttl = static_cast<Nanoseconds>(1 + random_() % 20) * kSecond;
    }
    const auto written = (*bucket)->Apply(*Key::Parse(key), write, now_);
    if (written.ok() && written->is_new()) {
      ASSERT_GT(written->revision, past_.seen[name]) << name << ": a revision was used again";
      past_.seen[name] = written->revision;
      Did(*written);
    }
  }

  void Drop(const std::string& name) {
    if (store_->DropBucket(Name(name)).ok()) {
      past_.states.push_back(State());
    }
  }

  // The ends of a dropped bucket's keys have revisions that watchers see. After a cut they may be
  // told of again.
  void TakeBackSome() {
    std::vector<TakenBack> taken;
    IgnoreError(store_->TakeBack(now_, 3, taken), "the power may be gone");
    for (const TakenBack& end : taken) {
      past_.seen[end.bucket] = std::max(past_.seen[end.bucket], end.revision);
    }
  }

  void ExpireSome() {
    now_ += kSecond;
    std::vector<BucketExpiration> expired;
    do {
      expired.clear();
      IgnoreError(store_->Expire(now_, 1, expired), "the power may be gone");
      for (const auto& [bucket, expiration] : expired) {
        ASSERT_GT(expiration.revision, past_.seen[bucket->name()]) << "used again";
        past_.seen[bucket->name()] = expiration.revision;
      }
      if (Lines state = State(); state != past_.states.back()) {
        past_.states.push_back(std::move(state));
      }
    } while (!expired.empty());
  }

  // One state: a cut must not leave a part of it.
  void SeveralAtOnce(const std::string& name, Bucket& bucket) {
    const std::string value(random_() % 1000, 'w');
    const std::uint64_t first = random_() % 8;
    const std::uint64_t count = 2 + random_() % 4;
    std::vector<std::string> keys;
    for (std::uint64_t i = 0; i < count; ++i) {
      keys.push_back("k" + std::to_string((first + i) % 8));
    }
    std::vector<KeyedWrite> writes;
    for (const auto& key : keys) {
      const auto operation = static_cast<Operation>(random_() % 4 == 0 ? 1 + random_() % 2 : 0);
      writes.push_back({*Key::Parse(key), {.operation = operation, .value = value}});
    }
    RevisionList revisions;
    const auto written = bucket.ApplyAll(writes, {}, now_, revisions);
    if (written.ok() && written->is_new()) {
      for (const Revision revision : revisions) {
        ASSERT_TRUE(revision == 0 || revision > past_.seen[name]) << name << ": used again";
        past_.seen[name] = revision == 0 ? past_.seen[name] : revision;
      }
      Did(*written);
    }
  }

  std::string Journal() const { return options_.path + "/journal"; }

  // The files as the cut left them, in place of those of the store that is still open. The journal
  // promises nothing: none of it may be there, or any mixture of its pages, old and new.
  void LosePower() {
    if (random_() % 4 == 0) {
      journal_disk_.Forget();
    } else if (random_() % 4 != 0) {
      journal_disk_.WriteSome(Journal(), random_);
    }
    LosePowerButNotTheJournal();
  }

  void LosePowerButNotTheJournal() {
    store_.reset();
    disk_->RestorePower(random_);
    journal_disk_.Restore(Journal());
    options_.boot_id = "boot " + std::to_string(++boots_);
    constexpr std::array modes{Sync::kAlways, Sync::kBatch, Sync::kInterval};
    options_.sync = modes.at(random_() % modes.size());
    constexpr std::array gather_bytes{std::size_t{1}, std::size_t{8} << 10, std::size_t{8} << 20};
    options_.gather_bytes = gather_bytes.at(random_() % gather_bytes.size());
    ++cuts_;
  }

  // Opens what is left; while the power is cut again before that is done, once more.
  void OpenWhatIsLeft() {
    for (;;) {
      const std::uint64_t cut_at = random_() % 3 == 0 ? 1 + random_() % 40 : 0;
      disk_->CutPowerAt(cut_at);
      auto opened = Store::Open(options_, now_);
      if (opened.ok()) {
        store_ = std::move(*opened);
        journal_disk_.Forget();
        return;
      }
      ASSERT_NE(cut_at, 0U) << opened.error().message;
      // What the last cut left of the journal is on disk, until the start has begun a new one: that
      // it did so is flushed.
      if (journal_disk_.Holds(Journal())) {
        LosePowerButNotTheJournal();
      } else {
        journal_disk_.Forget();
        LosePower();
      }
    }
  }

  void EndInOrder() {
    disk_->CutPowerAt(0);
    if (store_->Close().ok()) {
      Open();
      journal_disk_.Forget();
    } else {  // the power had gone just before
      LosePower();
      OpenWhatIsLeft();
    }
  }

  static std::string Difference(const Lines& from, const Lines& to) {
    std::string text;
    const auto tell = [&text](const Lines& all, const Lines& known, const char* sign) {
      for (const std::string& line : all) {
        if (std::find(known.begin(), known.end(), line) == known.end()) {
          text += sign + line.substr(0, 40) + " of " + std::to_string(line.size()) + '\n';
        }
      }
    };
    tell(from, to, "- ");
    tell(to, from, "+ ");
    return text;
  }

  // What sets it apart from the state that it is nearest to, and what was done around that.
  std::string ToNearestState(const Lines& found) const {
    std::size_t nearest = 0;
    std::size_t least = std::string::npos;
    for (std::size_t i = 0; i < past_.states.size(); ++i) {
      const std::size_t difference = Difference(past_.states[i], found).size();
      nearest = difference < least ? i : nearest;
      least = std::min(difference, least);
    }
    std::string text = "after state " + std::to_string(nearest) + ", where " +
                       std::to_string(past_.promised) + " is promised:\n" +
                       Difference(past_.states[nearest], found);
    const std::size_t from = nearest - std::min<std::size_t>(nearest, 5);
    for (std::size_t i = from; i + 1 < past_.states.size(); ++i) {
      text += "state " + std::to_string(i + 1) + ":\n" +
              Difference(past_.states[i], past_.states[i + 1]);
    }
    text += "found:\n" + Difference({}, found);
    return text;
  }

  void ExpectNothingPromisedIsLost() {
    const Lines found = State();
    std::size_t at = past_.states.size();
    while (at > 0 && past_.states[at - 1] != found) {
      --at;
    }
    ASSERT_GT(at, 0U) << "a state that never was: " << ToNearestState(found);
    ASSERT_GE(at - 1, past_.promised)
        << "promised was " << past_.states.size() - 1 - past_.promised << " states ago";
    past_.states.assign(1, found);
    past_.promised = 0;
  }

  void Run(std::uint64_t seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    random_.seed(seed);
    Open();
    const std::uint32_t cuts = NumberFromEnvironment("KV_CUTS", 100) / 2;  // in each of two tests
    while (cuts_ < cuts && !HasFatalFailure()) {
      SCOPED_TRACE("cut " + std::to_string(cuts_));
      disk_->CutPowerAt(1 + random_() % 200);
      Work(100);
      LosePower();
      ASSERT_NO_FATAL_FAILURE(OpenWhatIsLeft());
      ExpectNothingPromisedIsLost();
      if (random_() % 4 == 0) {  // now and then an orderly end: what was skipped stays skipped
        ASSERT_NO_FATAL_FAILURE(EndInOrder());
        ExpectNothingPromisedIsLost();
      }
    }
    std::cout << cuts_ << " power cuts, " << writes_ << " writes\n";
  }

  std::mt19937_64 random_;
  Past past_;
  WrittenBack journal_disk_;
  int boots_ = 1;
  std::uint32_t cuts_ = 0;
  std::uint64_t writes_ = 0;
};

// Or a power cut may leave a hole: the end of the old log gone, the beginning of the new one there.
TEST_F(PowerCutTest, EachLogIsFlushedBeforeTheNextOneBegins) {
  Open();
  const int before = disk_->logs().begun;
  for (int i = 0; i < 5000; ++i) {
    Put("k" + std::to_string(i), std::string(1000, 'v'));
    if (i % 500 == 0) {  // or all of it may come into the database at once
      ASSERT_TRUE(Flush().ok());
    }
  }
  ASSERT_TRUE(Flush().ok());
  EXPECT_GE(disk_->logs().begun, before + 2);
  EXPECT_EQ(disk_->logs().unflushed, 0U);
}

// What RocksDB was just writing is torn then, and no damage.
TEST_F(PowerCutTest, CutInAStartAfterAnEndInOrderOpensTheNextTime) {
  random_.seed(1);
  constexpr std::uint64_t acts = 20;
  for (std::uint64_t cut_at = 1; cut_at <= acts && !HasFatalFailure(); ++cut_at) {
    SCOPED_TRACE(cut_at);
    Open();
    Put("k", std::to_string(cut_at));
    ASSERT_TRUE(store_->Close().ok());
    store_.reset();
    disk_->CutPowerAt(cut_at);
    if (auto opened = Store::Open(options_, now_); opened.ok()) {
      store_ = std::move(*opened);
    }
    LosePower();
    Open();
    EXPECT_NE(Get("k").find(" PUT " + std::to_string(cut_at)), std::string::npos);
  }
}

// Nor is a table that is being made when the store ends: nothing is written behind the mark.
TEST_F(PowerCutTest, CutInAnEndInOrderOpensTheNextTime) {
  random_.seed(1);
  disk_->SlowDown(
      [](FaultyDisk::Act act, const std::string& path) {
        return act == FaultyDisk::Act::kSync && path.find("MANIFEST") != std::string::npos;
      },
      std::chrono::milliseconds(20));
  for (std::uint64_t i = 0; i < 60 && !HasFatalFailure(); ++i) {
    constexpr std::uint64_t acts = 15;
    const std::uint64_t cut_at = 1 + i % acts;
    SCOPED_TRACE(i);
    Open();
    Put("k", std::to_string(i));
    Put("k", std::string(30'000, 'v'));  // more than fits a memtable
    ASSERT_TRUE(Flush().ok());
    disk_->CutPowerAt(cut_at);
    IgnoreError(store_->Close(), "the power goes");
    LosePower();
    Open();
    EXPECT_NE(Get("k").find(" PUT vv"), std::string::npos);
  }
}

TEST_F(PowerCutTest, LosesNothingThatWasPromised) {
  Run(1);
}

TEST_F(PowerCutTest, LosesNothingThatWasPromisedWhateverTheSeed) {
  const std::uint64_t seed = NumberFromEnvironment("KV_SEED", std::random_device()());
  std::cout << "seed " << seed << '\n';
  Run(seed);
}

}  // namespace
}  // namespace kv::store::testing
